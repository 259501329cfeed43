"""Info series as OTLP 1.0 records: the same way to the listener as a delivery's from there on."""

from collections.abc import Iterable, Iterator

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue, KeyValueList
from opentelemetry.proto.metrics.v1.metrics_pb2 import NumberDataPoint

from converters.points import NO_RECORDED_VALUE
from converters.wire import encode_varint
from tags.series import InfoSeries, Labels

_HELP = "The tags of an AWS resource, to join with its metrics."

# A record may have a megabyte. The largest series, of 50 tags in letters of 4 bytes, has 80 kB.
_MAX_BYTES = 500_000

_NANOSECONDS_PER_MILLISECOND = 1_000_000


def records_of(series: Iterable[InfoSeries], time_ms: int, value: float | None) -> Iterator[bytes]:
    """Yield records with a gauge's data point for each series.

    Args:
        series: The series.
        time_ms: The time of all points, in ms since the epoch.
        value: Their value; None for stale markers, with which the series end.
    """
    points: dict[tuple[str, str, str], list[NumberDataPoint]] = {}
    size = 0
    for one in series:
        point = _point(one, time_ms, value)
        own = point.ByteSize()
        if points and size + own > _MAX_BYTES:
            yield _record(points)
            points, size = {}, 0
        points.setdefault((one.account, one.region, one.name), []).append(point)
        size += own
    if points:
        yield _record(points)


def _point(series: InfoSeries, time_ms: int, value: float | None) -> NumberDataPoint:
    attributes = _attributes(series.labels)
    if series.dimensions:
        dimensions = AnyValue(kvlist_value=KeyValueList(values=_attributes(series.dimensions)))
        attributes.append(KeyValue(key="Dimensions", value=dimensions))
    time = time_ms * _NANOSECONDS_PER_MILLISECOND
    if value is None:
        return NumberDataPoint(attributes=attributes, time_unix_nano=time, flags=NO_RECORDED_VALUE)
    return NumberDataPoint(attributes=attributes, time_unix_nano=time, as_double=value)


def _record(points: dict[tuple[str, str, str], list[NumberDataPoint]]) -> bytes:
    """Return one message, behind its length."""
    request = ExportMetricsServiceRequest()
    for (account, region, name), of_series in points.items():
        metrics = request.resource_metrics.add()
        of_resource = (("cloud.account.id", account), ("cloud.region", region))
        metrics.resource.attributes.extend(_attributes(of_resource))
        metric = metrics.scope_metrics.add().metrics.add(name=name, description=_HELP)
        metric.gauge.data_points.extend(of_series)
    content = request.SerializeToString()
    return encode_varint(len(content)) + content


def _attributes(labels: Labels) -> list[KeyValue]:
    return [KeyValue(key=key, value=AnyValue(string_value=value)) for key, value in labels]
