"""CloudWatch's two OpenTelemetry formats: data points to messages, messages to a record.

The formats differ only in the labels of a data point. Everything else has the same field numbers,
so one envelope serves both. It is encoded by hand, because no class of one version puts the other
version's labels where CloudWatch does.
"""

import enum
from collections.abc import Iterable, Sequence

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue, KeyValueList
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, SummaryDataPoint
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from converters.schema.otlp_view_pb2 import PointLabels, StringKeyValue
from converters.wire import encode_field, encode_varint
from testing.events.fleet import MONITORING_ACCOUNT, Point

_UCUM = {
    "Seconds": "s",
    "Microseconds": "us",
    "Milliseconds": "ms",
    "Bytes": "By",
    "Kilobytes": "kBy",
    "Megabytes": "MBy",
    "Gigabytes": "GBy",
    "Terabytes": "TBy",
    "Bits": "bit",
    "Kilobits": "kbit",
    "Megabits": "MBit",
    "Gigabits": "GBit",
    "Terabits": "Tbit",
    "Percent": "%",
    "Count": "{Count}",
    "None": "1",
}
_NANOSECONDS = 1_000_000
# The tags of the fields of the envelope: of the first, the second and the eleventh field.
_FIRST, _SECOND, _SUMMARY = b"\x0a", b"\x12", b"\x5a"


class Format(enum.Enum):
    """The output format of a metric stream."""

    V0_7 = "0.7"
    V1_0 = "1.0"


def messages(points: Iterable[Point], format: Format) -> list[bytes]:  # noqa: A002
    """Encode data points as `ExportMetricsServiceRequest` messages.

    As in CloudWatch's messages, nearly every data point has a Metric of its own, and names repeat;
    every second neighbour of the same metric shares the Metric of the previous one.

    Args:
        points: Data points of any accounts and regions.
        format: The OpenTelemetry version to write.

    Returns:
        One encoded message for each account and region, in the order of their first data point.
    """
    by_resource: dict[tuple[str, str], list[Point]] = {}
    for point in points:
        by_resource.setdefault((point.account, point.region), []).append(point)
    return [
        _message(_resource(account, region), _metrics(own, format))
        for (account, region), own in by_resource.items()
    ]


def record(messages: Iterable[bytes]) -> bytes:
    """Return a Firehose record: each message, possibly empty, after its length as a varint."""
    return b"".join(encode_varint(len(message)) + message for message in messages)


def ucum(unit: str) -> str:
    """Translate a unit of CloudWatch, such as `Bytes/Second`, to UCUM, such as `By/s`."""
    base, slash, _ = unit.partition("/")
    return _UCUM[base] + ("/s" if slash else "")


def _message(resource: bytes, metrics: Iterable[bytes]) -> bytes:
    """Wrap metrics as scope metrics (no scope), resource metrics, request."""
    scope_metrics = b"".join(encode_field(_SECOND, metric) for metric in metrics)
    return encode_field(
        _FIRST, encode_field(_FIRST, resource) + encode_field(_SECOND, scope_metrics)
    )


def _resource(account: str, region: str) -> bytes:
    """Encode a resource; the stream's ARN always has the monitoring account."""
    stream = f"arn:aws:cloudwatch:{region}:{MONITORING_ACCOUNT}:metric-stream/sample-stream"
    attributes = {
        "cloud.provider": "aws",
        "cloud.account.id": account,
        "cloud.region": region,
        "aws.exporter.arn": stream,
    }
    pairs = [_string_attribute(key, value) for key, value in attributes.items()]
    return Resource(attributes=pairs).SerializeToString()


def _metrics(points: Sequence[Point], format: Format) -> Iterable[bytes]:  # noqa: A002
    """Encode each Metric: name and unit, then a summary of one or more data points."""
    head, summary = b"", b""
    for index, point in enumerate(points):
        name = f"amazonaws.com/{point.namespace}/{point.metric_name}"
        own_head = Metric(name=name, unit=ucum(point.unit)).SerializeToString()
        if summary and (own_head != head or index % 2 == 0):
            yield head + encode_field(_SUMMARY, summary)
            summary = b""
        head = own_head
        summary += encode_field(_FIRST, _data_point(point, format))
    if summary:
        yield head + encode_field(_SUMMARY, summary)


def _data_point(point: Point, format: Format) -> bytes:  # noqa: A002
    """Encode a data point; minimum and maximum are the quantiles 0 and 1."""
    quantiles = ((0.0, point.minimum), *point.percentiles, (1.0, point.maximum))
    encoded = SummaryDataPoint(
        start_time_unix_nano=(point.end_ms - point.period_ms) * _NANOSECONDS,
        time_unix_nano=point.end_ms * _NANOSECONDS,
        count=point.count,
        sum=point.sum,
        quantile_values=[
            SummaryDataPoint.ValueAtQuantile(quantile=quantile, value=value)
            for quantile, value in quantiles
        ],
    ).SerializeToString()
    if format is Format.V0_7:
        return _labels(point) + encoded
    return encoded + _attributes(point)


def _labels(point: Point) -> bytes:
    """Encode the labels of 0.7: one flat list, so a dimension may repeat the key Namespace."""
    identity = (("Namespace", point.namespace), ("MetricName", point.metric_name))
    return PointLabels(
        labels=[
            StringKeyValue(key=key, value=value).SerializeToString()
            for key, value in (*identity, *point.dimensions)
        ]
    ).SerializeToString()


def _attributes(point: Point) -> bytes:
    """Encode the attributes of 1.0; the list of dimensions is present even when it is empty."""
    dimensions = KeyValueList(
        values=[_string_attribute(key, value) for key, value in point.dimensions]
    )
    return SummaryDataPoint(
        attributes=[
            _string_attribute("Namespace", point.namespace),
            _string_attribute("MetricName", point.metric_name),
            KeyValue(key="Dimensions", value=AnyValue(kvlist_value=dimensions)),
        ]
    ).SerializeToString()


def _string_attribute(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))
