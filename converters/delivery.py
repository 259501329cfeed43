"""All data points of a delivery, gathered from its records."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from converters.points import milliseconds_of, unsigned_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from converters.points import NativePoint, Point, RecordPoints, SummaryValues
    from converters.series import SeriesGroup

# CloudWatch takes data stamped up to two hours ahead; what a delivery's own time
# cannot explain otherwise is a wrong time of the delivery.
_MAX_AHEAD_MS = 2 * 3_600_000
_LATE_AFTER_MS = 3_600_000


class DeliveryPoints:
    """
    The data points of all sound records of a delivery.

    Attributes:
        first: For each group its first point in the common form.
        more: For groups with several such points, all of them, in their order.
        general: Points in the general form.
        records: What each record holds, in the order of the delivery.
        native: Points that become native histograms.
        data_points: How many points were read, the dropped ones included.
        dropped_points: How many of them cannot be converted, by reason.
        times: All timestamps of the common form with their milliseconds.
    """

    def __init__(self) -> None:
        self.first: dict[SeriesGroup, SummaryValues] = {}
        self.more: dict[SeriesGroup, list[SummaryValues]] = {}
        self.general: list[Point] = []
        self.records: list[RecordPoints] = []
        self.native: list[NativePoint] = []
        self.data_points = 0
        self.dropped_points: Counter[str] = Counter()
        self.times: dict[bytes, int] = {}

    def add(self, record: RecordPoints) -> None:
        """Take over the points of one record."""
        self.data_points += record.data_points
        self.dropped_points.update(record.dropped)
        self.records.append(record)
        self.general.extend(point for _, point in record.general)
        self.native.extend(record.native)
        first, more = self.first, self.more
        place = first.setdefault
        for group, values in record.summaries:
            present = place(group, values)
            if present is not values:
                more.setdefault(group, [present]).append(values)
        for time in {values[0] for _, values in record.summaries}:
            if time not in self.times:
                self.times[time] = milliseconds_of(unsigned_of(time))

    def in_order(self, groups: AbstractSet[SeriesGroup]) -> Iterator[Point]:
        """Iterate over all points of these groups and all general points, in the general form."""
        for record in self.records:
            yield from record.in_order(groups)

    def span(self) -> tuple[int, int] | None:
        """Return the oldest and the newest time in ms since the epoch; None without points."""
        milliseconds = self._milliseconds()
        if not milliseconds:
            return None
        return min(milliseconds), max(milliseconds)

    def _milliseconds(self) -> list[int]:
        """Return all different times of the common form, and those of all other points."""
        milliseconds = list(self.times.values())
        milliseconds += [point.milliseconds for point in self.general]
        milliseconds += [point.histogram.timestamp for point in self.native]
        return milliseconds

    def late_before(self, delivered_ms: int | None) -> int:
        """
        Return the time, in ms since the epoch, before which a sample counts as late.

        That is one hour before the delivery: before the time that Firehose
        wrote into it, so that the same delivery is always divided the same way,
        whenever it is converted. Where it has none, or one that most of its own
        points prove wrong, the newest point stands for it.

        Args:
            delivered_ms: When Firehose put the delivery together, if it says.
        """
        milliseconds = self._milliseconds()
        if not milliseconds:
            return 0
        median = sorted(milliseconds)[(len(milliseconds) - 1) // 2]
        if delivered_ms is None or median - delivered_ms > _MAX_AHEAD_MS:
            return max(milliseconds) - _LATE_AFTER_MS
        return delivered_ms - _LATE_AFTER_MS
