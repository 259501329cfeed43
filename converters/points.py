"""Data points on their way from OTLP to remote write.

A point takes one of two forms. The common one, a CloudWatch point with a
minimum, a maximum and a sane timestamp, stays a tuple of the bytes it had on
the wire (`SummaryValues`). Every other point becomes a `Point` with its samples
listed one by one; that form can express anything, and costs more.
"""

import struct
from collections import Counter
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from operator import itemgetter

from converters.errors import TooLargeError
from converters.series import SeriesGroup
from converters.statistics import COLUMNS, Selection, Statistic, quantile_statistic
from converters.wire import ZERO, average_of, double_bytes, unsigned_of

# time, count, sum, minimum, percentiles, maximum, attributes. Numbers are 8
# bytes little-endian as on the wire, None where proto3 omitted a zero;
# percentiles are whole ValueAtQuantile fields without the quantiles 0 and 1.
SummaryValues = tuple[bytes, bytes | None, bytes | None, bytes | None, bytes, bytes | None, bytes]

# "NaN 0x7ff0000000000002" - remote write 1.0, "Stale Markers"
STALE_MARKER = struct.pack("<Q", 0x7FF0000000000002)

# "The 0x1 bit: no recorded value" - DataPointFlags of OTLP
NO_RECORDED_VALUE = 1

_NANOSECONDS_PER_MILLISECOND = 1_000_000

# A native histogram takes about as much memory as a sample for this many bytes of it.
_NATIVE_BYTES_PER_SAMPLE = 25


@dataclass(eq=False, slots=True)
class Point:
    """A data point in its general form.

    Attributes:
        group: The series that its samples belong to.
        milliseconds: Its time since the epoch.
        count: What decides between two points of one series at one time.
        samples: Each statistic with its value, 8 bytes of a little-endian double; of
            a native histogram, field 4 (`histograms`) of a TimeSeries.
        left: How many of its samples have not been dropped.
    """

    group: SeriesGroup
    milliseconds: int
    count: int
    samples: list[tuple[Statistic, bytes]]
    left: int = field(init=False)

    def __post_init__(self) -> None:
        self.left = len(self.samples)


@dataclass
class RecordPoints:
    """All points of one record; kept apart until the whole record has proved sound.

    Attributes:
        before: The `size` of the delivery's records before this one.
        max_size: What all sizes may add up to.
        points: The points in both forms, in their order on the wire.
        native: The points whose only sample is an encoded native histogram.
        dropped: How many points cannot be converted, by reason.
    """

    before: int
    max_size: int
    points: list[tuple[SeriesGroup, SummaryValues] | Point] = field(default_factory=list)
    native: list[Point] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    _more_samples: int = 0

    def add_general(self, point: Point) -> None:
        """Add a point in the general form.

        Raises:
            TooLargeError: With this point the delivery has more than it may.
        """
        self.points.append(point)
        self._more_samples += len(point.samples) - 1
        self.require_size()

    def add_native(self, point: Point) -> None:
        """Add a point whose only sample is an encoded native histogram.

        Raises:
            TooLargeError: With this point the delivery has more than it may.
        """
        self.native.append(point)
        self._more_samples += len(point.samples[0][1]) // _NATIVE_BYTES_PER_SAMPLE
        self.require_size()

    def require_size(self) -> None:
        """Check how much the points count together, with those of the records before.

        Raises:
            TooLargeError: More than a delivery may.
        """
        if self.before + self.size > self.max_size:
            raise TooLargeError(
                f"the delivery has more than {self.max_size} data points, or samples of points "
                "that CloudWatch does not send: give the function more memory"
            )

    @property
    def size(self) -> int:
        """How much the points count: one for the common form, others one for each sample."""
        return len(self.points) + len(self.native) + self._more_samples

    @property
    def data_points(self) -> int:
        """How many data points were read, the dropped ones included."""
        return len(self.points) + len(self.native) + self.dropped.total()


class DeliveryPoints:
    """The data points of all sound records of a delivery.

    Args:
        selection: Which statistics of CloudWatch's points become series.

    Attributes:
        first: For each group its first point in the common form.
        more: For groups with several such points, all of them, in their order.
        general: Points in the general form.
        native: Points that become native histograms.
        data_points: How many points were read, the dropped ones included.
        dropped_points: How many of them cannot be converted, by reason.
        times: All timestamps of the common form with their milliseconds.
        size: What the sizes of the records add up to.
    """

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self.first: dict[SeriesGroup, SummaryValues] = {}
        self.more: dict[SeriesGroup, list[SummaryValues]] = {}
        self.general: list[Point] = []
        self.native: list[Point] = []
        self.data_points = 0
        self.dropped_points: Counter[str] = Counter()
        self.times: dict[bytes, int] = {}
        self._records: list[RecordPoints] = []
        self.size = 0

    def add(self, record: RecordPoints) -> None:
        """Take over the points of one record.

        Raises:
            TooLargeError: With them the delivery has more points than it may.
        """
        record.require_size()
        self.size += record.size
        self.data_points += record.data_points
        self.dropped_points.update(record.dropped)
        self._records.append(record)
        self._place(record)

    def _place(self, record: RecordPoints) -> None:
        self.native.extend(record.native)
        first, more, times = self.first, self.more, self.times
        place = first.setdefault
        for point in record.points:
            if isinstance(point, Point):
                self.general.append(point)
                continue
            group, values = point
            present = place(group, values)
            if present is not values:
                more.setdefault(group, [present]).append(values)
            if values[0] not in times:
                times[values[0]] = milliseconds_of(unsigned_of(values[0]))

    def remove_after(self, latest: int) -> list[Point]:
        """Remove the points after a time, in ms since the epoch, and return them."""
        if max(self.milliseconds(), default=latest) <= latest:
            return []
        removed: list[Point] = []

        def stays(point: tuple[SeriesGroup, SummaryValues] | Point) -> bool:
            general = point if isinstance(point, Point) else general_point(*point, self._selection)
            if general.milliseconds > latest:
                removed.append(general)
            return general.milliseconds <= latest

        self.first, self.more, self.general, self.native, self.times = {}, {}, [], [], {}
        for record in self._records:
            record.points = [point for point in record.points if stays(point)]
            record.native = [point for point in record.native if stays(point)]
            self._place(record)
        return removed

    def in_order(self, groups: AbstractSet[SeriesGroup]) -> Iterator[Point]:
        """Iterate over all points of these groups and all general points, in the general form."""
        for record in self._records:
            for point in record.points:
                if isinstance(point, Point):
                    yield point
                elif point[0] in groups:
                    yield general_point(*point, self._selection)

    def groups(self) -> Iterator[SeriesGroup]:
        """Iterate over the group of each point."""
        for record in self._records:
            for point in record.points:
                yield point.group if isinstance(point, Point) else point[0]
        for point in self.native:
            yield point.group

    def milliseconds(self) -> list[int]:
        """Return the different times of the common form, and those of all other points."""
        milliseconds = list(self.times.values())
        milliseconds += [point.milliseconds for point in (*self.general, *self.native)]
        return milliseconds

    def points_at(self) -> Counter[int]:
        """Return how many points there are at each time, in ms since the epoch."""
        simple: Counter[bytes] = Counter(map(itemgetter(0), self.first.values()))
        for periods in self.more.values():
            # The first one of them counts already.
            simple.update(values[0] for values in periods[1:])
        times = self.times
        points: Counter[int] = Counter()
        for time, number in simple.items():
            points[times[time]] += number
        points.update(point.milliseconds for point in (*self.general, *self.native))
        return points


def milliseconds_of(time_unix_nano: int) -> int:
    """Return nanoseconds since the epoch in whole milliseconds, as remote write counts."""
    return time_unix_nano // _NANOSECONDS_PER_MILLISECOND


def percentiles_of(encoded: bytes) -> list[tuple[bytes, bytes]]:
    """Return the (quantile, value) pairs of the percentiles of a SummaryValues.

    Each is a ValueAtQuantile in field 6: 2 bytes of header, the quantile behind
    a tag, and the value behind a tag unless it is zero.
    """
    pairs = []
    position = 0
    while position < len(encoded):
        quantile = encoded[position + 3 : position + 11]
        if encoded[position + 1] == 0x12:
            pairs.append((quantile, encoded[position + 12 : position + 20]))
            position += 20
        else:
            pairs.append((quantile, ZERO))
            position += 11
    return pairs


def encode_percentile(quantile: bytes, value: bytes) -> bytes:
    """Return one (quantile, value) pair in the form that `percentiles_of` reads."""
    return b"\x32\x12\x09" + quantile + b"\x11" + value


def general_point(group: SeriesGroup, values: SummaryValues, selection: Selection) -> Point:
    """Return the general form of a CloudWatch point, with the statistics that are selected."""
    time, count, total, minimum, percentiles, maximum, _ = values
    counted = double_bytes(unsigned_of(count))
    row = (total or ZERO, counted, minimum or ZERO, maximum or ZERO, *average_of(total, counted))
    samples = [(COLUMNS[n], row[n]) for n in selection.columns if n < len(row)]
    samples.extend(
        (quantile_statistic(quantile), value)
        for quantile, value in percentiles_of(percentiles)
        if selection.selects(quantile)
    )
    return Point(group, milliseconds_of(unsigned_of(time)), unsigned_of(count), samples)
