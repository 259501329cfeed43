"""Whether memory grows, seen through its ups and downs."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

# The first part of the time fills the caches.
_WARM_UP = 0.25
_WINDOWS = 12
# Allocators keep a few MB more now and then.
_SHARE_ALLOWED = 0.05
_MB_ALLOWED = 4.0


@dataclass(frozen=True)
class Growth:
    """How memory changed after the warm-up.

    Attributes:
        mean_mb: The mean of the windows' peaks.
        growth_mb: What the straight line through the peaks rises from the first window to the
            last.
    """

    mean_mb: float
    growth_mb: float

    @property
    def allowed_mb(self) -> float:
        """How much it may rise: a twentieth of the mean and 4 MB."""
        return _SHARE_ALLOWED * self.mean_mb + _MB_ALLOWED

    @property
    def flat(self) -> bool:
        """Whether it rises no more than that."""
        return self.growth_mb <= self.allowed_mb


def growth(memory: Sequence[tuple[float, float]]) -> Growth:
    """Judge memory over time.

    A cache that fills and is emptied makes a sawtooth of it. So the time after the warm-up (a
    quarter of all) is cut into twelve windows, and a straight line is put through the peaks of
    these by least squares.

    Args:
        memory: (Seconds, MB) in the order of time.
    """
    begin, end = memory[0][0], memory[-1][0]
    warm = begin + _WARM_UP * (end - begin)
    width = (end - warm) / _WINDOWS or 1.0
    peaks: dict[int, float] = {}
    for seconds, mb in memory:
        if seconds >= warm:
            window = min(_WINDOWS - 1, int((seconds - warm) / width))
            peaks[window] = max(peaks.get(window, 0.0), mb)
    mean = statistics.fmean(peaks.values())
    if len(peaks) < 2:
        return Growth(mean, 0.0)
    slope = statistics.linear_regression(list(peaks), list(peaks.values())).slope
    return Growth(mean, slope * (max(peaks) - min(peaks)))
