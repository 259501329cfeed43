"""CPU and wall time, per data point."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any


@dataclass(frozen=True, slots=True)
class Time:
    """How long something took, in seconds.

    Attributes:
        cpu: Of the whole process, so other processes do not count.
        wall: On the clock.
    """

    cpu: float
    wall: float


class Stopwatch:
    """Adds up the time of everything that runs inside `with`."""

    def __init__(self) -> None:
        self._cpu = self._wall = 0.0

    def __enter__(self) -> None:
        """Start."""
        self._wall -= time.perf_counter()
        self._cpu -= time.process_time()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop."""
        self._cpu += time.process_time()
        self._wall += time.perf_counter()

    @property
    def time(self) -> Time:
        """The sum so far."""
        return Time(self._cpu, self._wall)


def timed(work: Callable[[], object]) -> Time:
    """Time a call, and the end of what it returns."""
    watch = Stopwatch()
    with watch:
        work()
    return watch.time


def mean(times: Sequence[Time]) -> Time:
    """Give the time that one of several took on average."""
    return Time(
        statistics.fmean(time.cpu for time in times), statistics.fmean(time.wall for time in times)
    )


def summary(times: Sequence[Time], points: int) -> dict[str, Any]:
    """Sum up repetitions of one thing.

    Args:
        times: Of all repetitions.
        points: How many data points each of them was about.

    Returns:
        Median and minimum of CPU and wall time, in us per data point.
    """
    return {
        "cpu_us": _spread([time.cpu for time in times], points),
        "wall_us": _spread([time.wall for time in times], points),
    }


def ratio(times: Sequence[Time], others: Sequence[Time]) -> float:
    """Compare CPU times with others that were measured right beside each of them.

    What slows the machine down for a while slows down both, so the median of
    the ratios says more than the ratio of the medians.
    """
    return statistics.median(a.cpu / b.cpu for a, b in zip(times, others, strict=True))


def _spread(seconds: Sequence[float], points: int) -> dict[str, float]:
    microseconds = [1e6 * value / points for value in seconds]
    return {"median": statistics.median(microseconds), "min": min(microseconds)}
