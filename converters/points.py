"""
Data points on their way from OTLP to remote write.

A point takes one of two forms. The common one, a CloudWatch point with a
minimum, a maximum and a sane timestamp, stays a tuple of the bytes it had on
the wire (`SummaryValues`). Every other point becomes a `Point` with its samples
listed one by one; that form can express anything, and costs more.
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from converters.numbers import decimal_text
from converters.series import COUNT, MAX, MIN, SUM, SeriesGroup, Statistic

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from converters.meter import Meter
    from converters.schema.remote_write_pb2 import Histogram

# time, count, sum, minimum, percentiles, maximum, attributes. Numbers are 8
# bytes little-endian as on the wire, None where proto3 omitted a zero;
# percentiles are whole ValueAtQuantile fields without the quantiles 0 and 1.
SummaryValues = tuple[bytes, bytes | None, bytes | None, bytes | None, bytes, bytes | None, bytes]

ZERO = bytes(8)
ONE = struct.pack("<d", 1.0)

# "NaN 0x7ff0000000000002" - remote write 1.0, "Stale Markers"
STALE_MARKER = struct.pack("<Q", 0x7FF0000000000002)

# "The 0x1 bit: no recorded value" - DataPointFlags of OTLP
NO_RECORDED_VALUE = 1

_NANOSECONDS_PER_MILLISECOND = 1_000_000

# About what a point of a Summary takes, what it takes beside that in the general form,
# and each sample of that; a histogram for each byte of it.
SUMMARY_BYTES = 300
_POINT_BYTES = 100
_SAMPLE_BYTES = 100
_NATIVE_BYTES_PER_BYTE = 20


class DropReason:
    """Why a point or a sample is not sent; the values of the metrics' dimension `Reason`."""

    DUPLICATE = "duplicate"
    CASE_COLLISION = "case_collision"
    OVERSIZED = "oversized"
    UNSUPPORTED = "unsupported"
    DELTA_TEMPORALITY = "delta_temporality"
    NO_TIMESTAMP = "no_timestamp"
    NO_VALUE = "no_value"


class Point:
    """
    A data point in its general form.

    Attributes:
        group: The series that its samples belong to.
        milliseconds: Its time since the epoch.
        count: What decides between two points of one series at one time.
        samples: Each statistic with its value, 8 bytes of a little-endian double.
        left: How many of its samples have not been dropped.
    """

    __slots__ = ("count", "group", "left", "milliseconds", "samples")

    def __init__(
        self,
        group: SeriesGroup,
        milliseconds: int,
        count: int,
        samples: list[tuple[Statistic, bytes]],
    ) -> None:
        self.group = group
        self.milliseconds = milliseconds
        self.count = count
        self.samples = samples
        self.left = len(samples)


@dataclass(frozen=True)
class NativePoint:
    """A data point that becomes one native histogram instead of samples."""

    group: SeriesGroup
    count: int
    histogram: Histogram


@dataclass
class RecordPoints:
    """
    All that one record holds; kept apart until the whole record has proved sound.

    Attributes:
        meter: Told what all points but those in the common form take.
        summaries: The points in the common form, in their order on the wire.
        general: The points in the general form, each behind the number of
            `summaries` before it, which tells their common order.
        native: The points that become native histograms.
        dropped: How many points cannot be converted, by reason.
    """

    meter: Meter
    summaries: list[tuple[SeriesGroup, SummaryValues]] = field(default_factory=list)
    general: list[tuple[int, Point]] = field(default_factory=list)
    native: list[NativePoint] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)

    def add_general(self, point: Point) -> None:
        """
        Add a point in the general form.

        Raises:
            TooLargeError: The delivery takes more memory than it may.
        """
        self.meter.keep(_general_bytes(point))
        self.general.append((len(self.summaries), point))

    def add_native(self, point: NativePoint) -> None:
        """
        Add a point that becomes a native histogram.

        Raises:
            TooLargeError: The delivery takes more memory than it may.
        """
        self.meter.keep(_POINT_BYTES + _NATIVE_BYTES_PER_BYTE * point.histogram.ByteSize())
        self.native.append(point)

    def in_order(self, groups: AbstractSet[SeriesGroup]) -> Iterator[Point]:
        """
        Iterate over the general form of all points of these groups and all general points.

        Raises:
            TooLargeError: The delivery takes more memory than it may.
        """
        position = 0
        for before, point in self.general:
            yield from self._general_forms(position, before, groups)
            yield point
            position = before
        yield from self._general_forms(position, len(self.summaries), groups)

    def _general_forms(
        self, begin: int, end: int, groups: AbstractSet[SeriesGroup]
    ) -> Iterator[Point]:
        for group, values in self.summaries[begin:end]:
            if group in groups:
                point = general_point(group, values)
                self.meter.keep(_general_bytes(point))
                yield point

    @property
    def data_points(self) -> int:
        """How many data points were read, the dropped ones included."""
        kept = len(self.summaries) + len(self.general) + len(self.native)
        return kept + self.dropped.total()


def _general_bytes(point: Point) -> int:
    return _POINT_BYTES + _SAMPLE_BYTES * len(point.samples)


def milliseconds_of(time_unix_nano: int) -> int:
    """Return nanoseconds since the epoch in whole milliseconds, as remote write counts."""
    return time_unix_nano // _NANOSECONDS_PER_MILLISECOND


def double_bytes(number: float) -> bytes:
    """Return a number as the 8 bytes of a little-endian double."""
    return struct.pack("<d", number)


def double_of(encoded: bytes) -> float:
    """Return the number of 8 bytes of a little-endian double."""
    number: float = struct.unpack("<d", encoded)[0]
    return number


def unsigned_of(encoded: bytes | None) -> int:
    """Return the number of 8 bytes of a little-endian fixed64; 0 where it was omitted."""
    return int.from_bytes(encoded or ZERO, "little")


def percentiles_of(encoded: bytes) -> list[tuple[bytes, bytes]]:
    """
    Return the (quantile, value) pairs of the percentiles of a SummaryValues.

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


def general_point(group: SeriesGroup, values: SummaryValues) -> Point:
    """Return the general form of a CloudWatch point."""
    time, count, total, minimum, percentiles, maximum, _ = values
    samples = [
        (SUM, total or ZERO),
        (COUNT, double_bytes(unsigned_of(count))),
        (MIN, minimum or ZERO),
        (MAX, maximum or ZERO),
    ]
    samples.extend(
        (quantile_statistic(quantile), value) for quantile, value in percentiles_of(percentiles)
    )
    return Point(group, milliseconds_of(unsigned_of(time)), unsigned_of(count), samples)


def quantile_statistic(quantile: bytes) -> Statistic:
    """Return the statistic for a quantile, 8 bytes of a little-endian double."""
    return Statistic("", ("quantile", decimal_text(double_of(quantile))))
