"""Gauges, sums, histograms and exponential histograms, from OTLP producers other than CloudWatch.

They are converted as OpenTelemetry's "Prometheus and OpenMetrics Compatibility"
specification says, without type and unit suffixes. In OTLP 0.7 only Summary
exists in practice, so a point of another type there is counted as unsupported.
"""

from collections.abc import Iterable
from typing import Any, TypeVar

from google.protobuf.message import DecodeError as ProtobufDecodeError
from opentelemetry.proto.metrics.v1 import metrics_pb2 as otlp

from converters.attributes import decode_key_values
from converters.errors import DecodeError
from converters.metadata import MetricType
from converters.metric import MetricScope
from converters.names import decimal_text
from converters.native_histograms import native_histogram
from converters.points import NO_RECORDED_VALUE, STALE_MARKER, Point, RecordPoints, milliseconds_of
from converters.reasons import DropReason
from converters.schema.otlp_view_pb2 import MetricFormat, Points
from converters.statistics import BOUND, COUNT, SUM, VALUE, Statistic
from converters.wire import double_bytes, encode_field

_P = TypeVar("_P")

# Of OTLP's kinds of data but a Summary; a monotonic sum is a counter.
_TYPES = {
    "gauge": MetricType.GAUGE,
    "sum": MetricType.GAUGE,
    "histogram": MetricType.HISTOGRAM,
    "exponential_histogram": MetricType.HISTOGRAM,
}

# Field names of the view that OTLP 1.x no longer has.
_ONLY_IN_0_7 = ("int_gauge", "int_sum", "int_histogram")


def read_other_metric(
    raw: bytes, scope: MetricScope, record: RecordPoints, *, native_histograms: bool
) -> None:
    """Add the points of an encoded Metric that is not a Summary to what its record holds.

    Raises:
        DecodeError: The bytes are not a Metric.
        TooLargeError: The delivery has more points or labels than it may.
    """
    scope.resource.cache.check_deadline()
    try:
        metric = otlp.Metric.FromString(raw)
        only_0_7 = MetricFormat.FromString(raw)
    except ProtobufDecodeError as error:
        raise DecodeError(f"a metric: {error}") from error
    for name in _ONLY_IN_0_7:
        record.dropped[DropReason.UNSUPPORTED] += len(getattr(only_0_7, name).data_points)
    kind = metric.WhichOneof("data")
    scope.description = metric.description
    monotonic = kind == "sum" and metric.sum.is_monotonic
    scope.type = MetricType.COUNTER if monotonic else _TYPES.get(kind or "")
    if kind == "gauge":
        points = _without_0_7(metric.gauge, record)
        _read_numbers(points, scope, record)
    elif kind == "sum":
        points = _without_0_7(metric.sum, record)
        _read_numbers(_cumulative(points, metric.sum, record), scope, record)
    elif kind == "histogram":
        buckets = _without_0_7(metric.histogram, record)
        _read_histograms(_cumulative(buckets, metric.histogram, record), scope, record)
    elif kind == "exponential_histogram":
        exponential = metric.exponential_histogram
        accepted = _cumulative(list(exponential.data_points), exponential, record)
        if native_histograms:
            _read_exponential(accepted, scope, record)
        else:
            record.dropped[DropReason.UNSUPPORTED] += len(accepted)


def _without_0_7(metric: otlp.Gauge | otlp.Sum | otlp.Histogram, record: RecordPoints) -> list[Any]:
    """Drop the points that carry labels in field 1, where only OTLP 0.7 has them."""
    # The stock classes keep the fields that they do not know.
    formats = Points.FromString(metric.SerializeToString()).data_points
    both = zip(metric.data_points, formats, strict=True)
    current = [point for point, view in both if not view.labels]
    record.dropped[DropReason.UNSUPPORTED] += len(formats) - len(current)
    return current


def _cumulative(
    points: list[_P],
    metric: otlp.Sum | otlp.Histogram | otlp.ExponentialHistogram,
    record: RecordPoints,
) -> list[_P]:
    """Drop all points unless they are cumulative.

    Prometheus knows cumulative values alone, and a function that keeps no state
    cannot add deltas up ("Prometheus and OpenMetrics Compatibility", "Sums" and
    "Histograms").
    """
    temporality = metric.aggregation_temporality
    if temporality == otlp.AGGREGATION_TEMPORALITY_CUMULATIVE:
        return points
    is_delta = temporality == otlp.AGGREGATION_TEMPORALITY_DELTA
    reason = DropReason.DELTA_TEMPORALITY if is_delta else DropReason.UNSUPPORTED
    record.dropped[reason] += len(points)
    return []


def _read_numbers(
    points: Iterable[otlp.NumberDataPoint], scope: MetricScope, record: RecordPoints
) -> None:
    for point in points:
        kind = point.WhichOneof("value")
        missing = bool(point.flags & NO_RECORDED_VALUE)
        if kind is None and not missing:
            record.dropped[DropReason.NO_VALUE] += 1
            continue
        value = 0.0 if kind is None else float(getattr(point, kind))
        _add(point, 0, [(VALUE, double_bytes(value))], scope, record)


def _read_histograms(
    points: Iterable[otlp.HistogramDataPoint], scope: MetricScope, record: RecordPoints
) -> None:
    """Make cumulative buckets, a count and, where the producer knows it, a sum.

    "bucket_counts[i] is the count of values in (explicit_bounds[i-1],
    explicit_bounds[i]]"; the series of bound +Inf is the count of all.
    """
    for point in points:
        samples = [(COUNT, double_bytes(point.count))]
        if point.HasField("sum"):
            samples.insert(0, (SUM, double_bytes(point.sum)))
        cumulative = 0
        for bound, count in zip(point.explicit_bounds, point.bucket_counts, strict=False):
            cumulative += count
            samples.append((_bucket(decimal_text(bound)), double_bytes(cumulative)))
        if "+Inf" not in {s.value for s, _ in samples if s.kind == BOUND}:
            samples.append((_bucket("+Inf"), double_bytes(point.count)))
        _add(point, point.count, samples, scope, record)


def _bucket(bound: str) -> Statistic:
    return Statistic(BOUND, bound)


def _add(
    point: otlp.NumberDataPoint | otlp.HistogramDataPoint,
    count: int,
    samples: list[tuple[Statistic, bytes]],
    scope: MetricScope,
    record: RecordPoints,
) -> None:
    if not point.time_unix_nano:
        record.dropped[DropReason.NO_TIMESTAMP] += 1
        return
    if point.flags & NO_RECORDED_VALUE:
        samples = [(statistic, STALE_MARKER) for statistic, _ in samples]
    group = scope.group_of(decode_key_values(point.attributes), of_summary=False)
    record.add_general(Point(group, milliseconds_of(point.time_unix_nano), count, samples))


def _read_exponential(
    points: Iterable[otlp.ExponentialHistogramDataPoint], scope: MetricScope, record: RecordPoints
) -> None:
    for point in points:
        if not point.time_unix_nano:
            record.dropped[DropReason.NO_TIMESTAMP] += 1
            continue
        histogram = native_histogram(point)
        if histogram is None:
            record.dropped[DropReason.UNSUPPORTED] += 1
            continue
        group = scope.group_of(decode_key_values(point.attributes), of_summary=False)
        samples = [(VALUE, encode_field(b"\x22", histogram.SerializeToString()))]
        record.add_native(Point(group, histogram.timestamp, point.count, samples))
