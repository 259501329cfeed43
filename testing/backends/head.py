"""The head of Prometheus's TSDB: which samples of a series it takes, and which it refuses."""

import enum
import struct
from collections.abc import Sequence

from testing.rules import Labels

Sample = tuple[Labels, int, float]
"""A series' labels, a timestamp in milliseconds, a value."""

# Half of the two hours of a block: older samples would have to go into a block that is closed.
_BOUND_MS = 3_600_000


class Kind(enum.Enum):
    """Why a server refuses a sample; the value is the text of Prometheus, where it has one."""

    OUT_OF_ORDER = "out of order sample"
    DUPLICATE = "duplicate sample for timestamp"
    TOO_OLD = "too old sample"
    OUT_OF_BOUNDS = "out of bounds"
    FUTURE = "out of bounds: timestamp is too far in the future"
    PAST = "timestamp is too far in the past"
    SERIES_LIMIT = "too many series"
    MANY_LABELS = "too many labels"
    LONG_VALUE = "label value too long"


class Head:
    """Series in memory.

    A sample is compared with what earlier requests have stored, never with its own request: as
    the appender of Prometheus, which takes its bounds when a request begins.

    Args:
        window_ms: How old an out-of-order sample may be; 0: none is taken.
        max_series: How many series there may be; None: any number.

    Attributes:
        stored: The samples of each series by time.
    """

    def __init__(self, window_ms: int = 0, max_series: int | None = None) -> None:
        self.stored: dict[Labels, dict[int, float]] = {}
        self._window_ms = window_ms
        self._max_series = max_series
        self._newest: dict[Labels, Sample] = {}
        self._newest_ms: int | None = None
        self._late: set[tuple[Labels, int]] = set()

    def check(self, samples: Sequence[Sample]) -> list[Kind | None]:
        """Return for each sample of a request why it is refused; None: it can be stored."""
        kinds: list[Kind | None] = []
        fresh: set[Labels] = set()
        for sample in samples:
            labels = sample[0]
            kind = self._kind(sample, self._newest_before(samples))
            if kind is None and labels not in self.stored and labels not in fresh:
                if self._max_series is not None:
                    number = len(self.stored) + len(fresh)
                    kind = Kind.SERIES_LIMIT if number >= self._max_series else None
                if kind is None:
                    fresh.add(labels)
            kinds.append(kind)
        return kinds

    def store(self, samples: Sequence[Sample]) -> None:
        """Store samples of a request for which `check` has returned None."""
        newest_ms = self._newest_before(samples)
        for labels, at_ms, value in samples:
            series, newest = self.stored.setdefault(labels, {}), self._newest.get(labels)
            if at_ms >= newest_ms - _BOUND_MS and (newest is None or at_ms >= newest[1]):
                series[at_ms] = value
                self._newest[labels] = labels, at_ms, value
            elif (labels, at_ms) not in self._late:
                # A query finds the first value that came late, not one that came in order.
                series[at_ms] = value
                self._late.add((labels, at_ms))
            self._newest_ms = max(at_ms, self._newest_ms or at_ms)

    def _newest_before(self, samples: Sequence[Sample]) -> int:
        """Return the newest time of all series; in an empty head that of a request's first."""
        return samples[0][1] if self._newest_ms is None else self._newest_ms

    def _kind(self, sample: Sample, newest_ms: int) -> Kind | None:
        labels, at_ms, value = sample
        in_bounds = at_ms >= newest_ms - _BOUND_MS
        if not in_bounds and not self._window_ms:
            return Kind.OUT_OF_BOUNDS
        newest = self._newest.get(labels)
        if in_bounds and (newest is None or at_ms > newest[1]):
            return None
        if in_bounds and newest is not None and at_ms == newest[1]:
            return None if _bits(value) == _bits(newest[2]) else Kind.DUPLICATE
        if not self._window_ms:
            return Kind.OUT_OF_ORDER
        return None if at_ms >= newest_ms - self._window_ms else Kind.TOO_OLD


def _bits(value: float) -> bytes:
    """Return a value so that NaN equals itself, as in Prometheus."""
    return struct.pack("d", value)
