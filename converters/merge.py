"""
Samples of one delivery that belong to one series, put in order.

A series' points are spread over Metric objects and records, not always in the
order of time, and two of them may even have one timestamp. What is simple (the
points of a group have times of their own, and no other group makes the same
series) never comes here.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from converters.points import DropReason, Point
from converters.wire import encode_varint

if TYPE_CHECKING:
    from collections.abc import Iterable

    from converters.meter import Meter
    from converters.series import SeriesGroup


# What a series takes beside its labels, and a sample of it, until all are written.
_SERIES_BYTES = 600
_SAMPLE_BYTES = 200


class _Candidate(NamedTuple):
    point: Point
    value: bytes


class Merged:
    """
    Series with their samples, each timestamp once.

    Args:
        points: All points, in the order of the delivery.
        meter: Told what the series take.

    Attributes:
        series: For the encoded labels of a series, its samples as (milliseconds
            since the epoch, the point it is of, value), sorted by time.
        dropped_points: How many points have no sample left, by reason.
        dropped_samples: How many samples lost to another, by reason.
    """

    def __init__(self, points: Iterable[Point], meter: Meter) -> None:
        self.dropped_points: Counter[str] = Counter()
        self.dropped_samples: Counter[str] = Counter()
        self.collided: set[SeriesGroup] = set()
        by_series: dict[bytes, dict[int, _Candidate]] = {}
        for point in points:
            meter.keep(_SAMPLE_BYTES * len(point.samples))
            for statistic, value in point.samples:
                labels = point.group.series_labels(statistic)
                slots = by_series.get(labels)
                if slots is None:
                    slots = by_series[labels] = {}
                    # Once as the key, once in the body that is put together.
                    meter.keep(2 * len(labels) + _SERIES_BYTES)
                self._place(slots, _Candidate(point, value))
        self.series: dict[bytes, list[tuple[int, Point, bytes]]] = {
            labels: [(ms, c.point, c.value) for ms, c in sorted(slots.items())]
            for labels, slots in by_series.items()
        }

    def _place(self, slots: dict[int, _Candidate], new: _Candidate) -> None:
        """Of two samples with one timestamp keep the larger count's, the later if equal."""
        milliseconds = new.point.milliseconds
        old = slots.get(milliseconds)
        if old is None:
            slots[milliseconds] = new
            return
        loser = old if new.point.count >= old.point.count else new
        if loser is old:
            slots[milliseconds] = new
        reason = DropReason.DUPLICATE
        if old.point.group is not new.point.group:
            reason = DropReason.CASE_COLLISION
            self.collided.add(loser.point.group)
        self.lose(loser.point, reason)

    def lose(self, point: Point, reason: str) -> None:
        """Count one sample of a point as dropped, and the point when it was the last."""
        self.dropped_samples[reason] += 1
        point.left -= 1
        if not point.left:
            self.dropped_points[reason] += 1


def encode_sample(milliseconds: int, value: bytes) -> bytes:
    """Return a Sample as field 2 of a TimeSeries; `value` is 8 bytes of a little-endian double."""
    content = b"\x09" + value + b"\x10" + encode_varint(milliseconds)
    return b"\x12" + encode_varint(len(content)) + content
