"""What the time of a delivery says about the times of its points."""

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import NamedTuple

_LATE_AFTER_MS = 3_600_000

# A point at most this far ahead may come from a clock that is wrong; a server accepts it.
_MOST_AHEAD_MS = 600_000


class DeliveryTimes(NamedTuple):
    """The limits between late, recent and future points, in ms since the epoch.

    Attributes:
        late_before: Earlier points are late.
        now: The delivery's time; later points are ahead of it.
        latest: Still later points are not sent. CloudWatch accepts points two hours ahead. A
            Prometheus before 2.54 that stores one refuses everything current for up to an hour.
    """

    late_before: int
    now: int
    latest: int

    def stages(self, times: Sequence[int]) -> tuple[int, int, int, bool]:
        """Divide the samples of a series, by their times in ascending order.

        Returns:
            Where the late samples, the older ones and the newest one end; ahead of the delivery's
            time are those behind. And whether the newest one is late.
        """
        newest = bisect_right(times, self.now)
        older = max(0, newest - 1)
        late = bisect_left(times, self.late_before)
        return min(late, older), older, newest, late == newest


def delivery_times(
    points_at: Callable[[], Counter[int]],
    newest_ms: int,
    delivered_ms: int | None,
    replayed_ms: int | None = None,
) -> DeliveryTimes:
    """Return the limits that hold for a delivery.

    Its time is the one that Firehose wrote into it, so that the same delivery is always divided
    the same way, whenever it is converted. Where it has none, or one that most of its points
    contradict, it is the newest of the points' times that most points agree with.

    A replay divides the points in the same way, so that the next replay makes the same bodies and
    knows those that are settled. Its own time only decides which points are still in the future.

    Args:
        points_at: Returns how many points there are at each time, in ms since the epoch. It is
            called only if the points have to decide.
        newest_ms: The newest of these times.
        delivered_ms: When Firehose put the delivery together, if known.
        replayed_ms: When a replay sends it again; None if it is sent for the first time.
    """
    now = delivered_ms
    if now is None or newest_ms > now + _MOST_AHEAD_MS:
        now = _time_by_majority(points_at(), now)
    if replayed_ms is not None:
        now = min(now, replayed_ms)
    latest = (now if replayed_ms is None else replayed_ms) + _MOST_AHEAD_MS
    return DeliveryTimes(now - _LATE_AFTER_MS, now, latest)


def _time_by_majority(points_at: Counter[int], delivered_ms: int | None) -> int:
    """Return the time that the delivery has, or the one that most of its points agree with."""
    times = sorted(points_at)
    # How many points there are before each of the times.
    before = [0, *accumulate(points_at[time] for time in times)]

    def most_are_in(first: float, last: float) -> bool:
        number = before[bisect_right(times, last)] - before[bisect_left(times, first)]
        return number * 2 > before[-1]

    if delivered_ms is not None and not most_are_in(delivered_ms + _MOST_AHEAD_MS + 1, math.inf):
        return delivered_ms
    agreed = (
        time
        for time in reversed(times)
        if most_are_in(time - _LATE_AFTER_MS, time + _MOST_AHEAD_MS)
    )
    # Where no time has a majority, none of the points is known to be in the future.
    return next(agreed, times[-1] if times else 0)
