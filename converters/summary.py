"""Summary data points, the only type that CloudWatch sends, in both formats.

A point whose bytes are laid out as CloudWatch lays them out is taken apart by
one regular expression. That is exact, not a guess: every field before the
attributes has a fixed size, and the attributes are looked up by all their
bytes, which are in the table only after having been decoded as attributes and
nothing else. A point that does not match is decoded by the stock classes.
"""

import math
import re

from google.protobuf.message import DecodeError as ProtobufDecodeError
from opentelemetry.proto.metrics.v1.metrics_pb2 import SummaryDataPoint

from converters.errors import DecodeError
from converters.metric import MetricScope
from converters.points import (
    NO_RECORDED_VALUE,
    STALE_MARKER,
    Point,
    RecordPoints,
    SummaryValues,
    encode_percentile,
    milliseconds_of,
    percentiles_of,
)
from converters.reasons import DropReason
from converters.schema.otlp_view_pb2 import PointLabels
from converters.series import SeriesGroup
from converters.statistics import (
    AVERAGE,
    COLUMNS,
    COUNT,
    MAX,
    MIN,
    SUM,
    Statistic,
    quantile_statistic,
)
from converters.wire import ZERO, average_of, double_bytes

# The quantiles of minimum and maximum, by value: 1, 0 and its negative twin. No
# percentile either: what is not finite, for NaN has many spellings.
_ONE = re.escape(double_bytes(1.0))
_ENDS = b"|".join((_ONE, re.escape(ZERO), re.escape(double_bytes(-0.0))))
_NO_PERCENTILE = _ENDS + rb"|.{6}[\xf0-\xff][\x7f\xff]"

# SummaryDataPoint: fixed64 start_time_unix_nano = 2, fixed64 time_unix_nano = 3,
# fixed64 count = 4, double sum = 5, repeated ValueAtQuantile quantile_values = 6
# {double quantile = 1, double value = 2}. proto3 leaves out zeros.
# Times from 1972 to 2109 alone: their milliseconds take six bytes of varint.
_TIME = rb"\x19(.{7}[\x01-\x3c])"
_COUNT_SUM = rb"(?:\x21(.{8}))?+(?:\x29(.{8}))?+"
_MINIMUM = rb"\x32(?:\x00|\x09\x11(.{8}))"
_PERCENTILES = rb"((?:\x32(?:\x12\x09(?!%(no)b).{8}\x11.{8}|\x09\x09(?!%(no)b).{8}))*+)" % {
    b"no": _NO_PERCENTILE
}
_MAXIMUM = rb"\x32(?:\x09\x09%(one)b|\x12\x09%(one)b\x11(.{8}))" % {b"one": _ONE}
_NUMBERS = _TIME + _COUNT_SUM + _MINIMUM + _PERCENTILES + _MAXIMUM

# OTLP 1.x: repeated KeyValue attributes = 7 come last.
_match_1_x = re.compile(rb"(?:\x11.{8})?+" + _NUMBERS + rb"(\x3a.*)", re.DOTALL).fullmatch
# OTLP 0.7: repeated StringKeyValue labels = 1 come first.
_match_0_7 = re.compile(rb"(\x0a.*)\x11.{8}" + _NUMBERS, re.DOTALL).fullmatch


def read_summary_point(raw: bytes, metric: MetricScope, record: RecordPoints) -> None:
    """Add one encoded SummaryDataPoint to what its record holds.

    Raises:
        DecodeError: The bytes are not a SummaryDataPoint of either format.
    """
    values = _take_apart(raw)
    if values is None:
        _decode_summary_point(raw, metric, record)
        return
    group = metric.groups.get(values[6]) or metric.group(values[6])
    if group is None or (values[4] and not _distinct(values[4])):
        _decode_summary_point(raw, metric, record)
    else:
        record.points.append((group, values))


def _take_apart(raw: bytes) -> SummaryValues | None:
    """Return the fields of a point that is laid out as CloudWatch does it; None for another."""
    # Labels come first in OTLP 0.7, and only there.
    if raw[:1] == b"\x0a":
        match = _match_0_7(raw)
        fields = match and match.group(2, 3, 4, 5, 6, 7, 1)
    else:
        match = _match_1_x(raw)
        fields = match and match.groups()
    return fields  # type: ignore[return-value]  # the patterns' groups


def _distinct(percentiles: bytes) -> bool:
    quantiles = [quantile for quantile, _ in percentiles_of(percentiles)]
    return len(set(quantiles)) == len(quantiles)


def _decode_summary_point(raw: bytes, metric: MetricScope, record: RecordPoints) -> None:
    """Add a point of any layout, in the common form where it can be expressed in it."""
    cache = metric.resource.cache
    cache.check_deadline()
    metric.type = None
    try:
        point = SummaryDataPoint.FromString(raw)
        labels = PointLabels.FromString(raw)
    except ProtobufDecodeError as error:
        raise DecodeError(f"a data point of a Summary: {error}") from error
    group = metric.group_of(cache.attributes.decode(labels))
    if not point.time_unix_nano:
        record.dropped[DropReason.NO_TIMESTAMP] += 1
        return
    values = _common_form(point) if group.from_cloudwatch else None
    if values is not None:
        record.points.append((group, values))
    else:
        record.add_general(_general_form(point, group))


def _common_form(point: SummaryDataPoint) -> SummaryValues | None:
    ends: dict[float, bytes] = {}
    percentiles = b""
    for entry in point.quantile_values:
        if not math.isfinite(entry.quantile):
            return None
        if entry.quantile not in (0.0, 1.0):
            percentiles += encode_percentile(
                double_bytes(entry.quantile), double_bytes(entry.value)
            )
        elif entry.quantile in ends:
            return None
        else:
            ends[entry.quantile] = double_bytes(entry.value)
    time = point.time_unix_nano.to_bytes(8, "little")
    if (
        len(ends) < 2
        or not 0x01 <= time[7] <= 0x3C
        or not _distinct(percentiles)
        or point.flags & NO_RECORDED_VALUE
    ):
        return None
    count = point.count.to_bytes(8, "little")
    return time, count, double_bytes(point.sum), ends[0.0], percentiles, ends[1.0], b""


def _general_form(point: SummaryDataPoint, group: SeriesGroup) -> Point:
    total, count = double_bytes(point.sum), double_bytes(point.count)
    samples: list[tuple[Statistic, bytes]] = [(SUM, total), (COUNT, count)]
    selection = group.metric.resource.cache.selection if group.from_cloudwatch else None
    for entry in point.quantile_values:
        quantile = double_bytes(entry.quantile)
        if group.from_cloudwatch and entry.quantile in (0.0, 1.0):
            statistic = MAX if entry.quantile else MIN
        elif selection is None or selection.selects(quantile):
            statistic = quantile_statistic(quantile)
        else:
            continue
        samples.append((statistic, double_bytes(entry.value)))
    if selection is not None:
        samples += [(AVERAGE, average) for average in average_of(total, count)]
        left_out = set(COLUMNS) - {COLUMNS[column] for column in selection.columns}
        samples = [sample for sample in samples if sample[0] not in left_out]
        if group.metric.resource.cache.rules.relabel:
            # Rules may make one series of two statistics: the later one wins, as in other points.
            samples.sort(key=lambda sample: (*COLUMNS, sample[0]).index(sample[0]))
    if point.flags & NO_RECORDED_VALUE:
        samples = [(statistic, STALE_MARKER) for statistic, _ in samples]
    return Point(group, milliseconds_of(point.time_unix_nano), point.count, samples)
