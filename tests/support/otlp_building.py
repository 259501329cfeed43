"""OTLP records for the tests, from the stock classes, and by hand where those would refuse."""

from collections.abc import Iterable
from dataclasses import dataclass

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue, KeyValueList
from opentelemetry.proto.metrics.v1 import metrics_pb2 as otlp
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from testing.events.fleet import END_MS
from testing.events.otlp import Format, record

__all__ = ["END_MS", "Format", "record"]

END_NS = END_MS * 1_000_000
MINUTE_NS = 60_000_000_000

Pairs = tuple[tuple[str, str], ...]
Quantiles = tuple[tuple[float, float], ...]

RESOURCE: Pairs = (
    ("cloud.provider", "aws"),
    ("cloud.account.id", "111122223333"),
    ("cloud.region", "us-east-1"),
    ("aws.exporter.arn", "arn:aws:cloudwatch:us-east-1:111122223333:metric-stream/s"),
)


def varint(number: int, length: int = 0) -> bytes:
    """Encode a varint, stretched to at least `length` bytes as no sane producer does."""
    groups = [number & 0x7F]
    while number := number >> 7:
        groups.append(number & 0x7F)
    groups += [0] * (length - len(groups))
    return bytes([group | 0x80 for group in groups[:-1]] + groups[-1:])


def field(number: int, content: bytes) -> bytes:
    """Encode a length-delimited field."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def attribute(key: str, value: str | AnyValue) -> KeyValue:
    """Make an attribute."""
    if isinstance(value, str):
        value = AnyValue(string_value=value)
    return KeyValue(key=key, value=value)


def attributes(pairs: Pairs) -> list[KeyValue]:
    """Make attributes whose values are strings."""
    return [attribute(key, value) for key, value in pairs]


def resource(pairs: Pairs) -> bytes:
    """Encode a Resource."""
    return Resource(attributes=attributes(pairs)).SerializeToString()


@dataclass(frozen=True)
class SummaryPoint:
    """A data point of a Summary, by default an ordinary one of CloudWatch.

    Attributes:
        metric: The metric's name on the wire; None for CloudWatch's own spelling of it.
        unit: The unit of the Metric that `deliver` makes for the point.
    """

    namespace: str | None = "AWS/EC2"
    metric_name: str | None = "CPUUtilization"
    dimensions: Pairs = (("InstanceId", "i-1"),)
    time_ns: int = END_NS
    count: int = 4
    total: float = 10.0
    quantiles: Quantiles = ((0.0, 1.0), (1.0, 4.0))
    metric: str | None = None
    flags: int = 0
    start: bool = True
    unit: str = ""

    @property
    def name(self) -> str:
        """The metric's name on the wire."""
        if self.metric is None:
            return f"amazonaws.com/{self.namespace}/{self.metric_name}"
        return self.metric

    @property
    def identity(self) -> Pairs:
        """CloudWatch's identity of the metric, as far as the point has one."""
        named = (("Namespace", self.namespace), ("MetricName", self.metric_name))
        return tuple((key, value) for key, value in named if value is not None)

    def numbers(self) -> bytes:
        """Encode all but labels and attributes."""
        return otlp.SummaryDataPoint(
            start_time_unix_nano=max(0, self.time_ns - MINUTE_NS) if self.start else 0,
            time_unix_nano=self.time_ns,
            count=self.count,
            sum=self.total,
            quantile_values=[
                otlp.SummaryDataPoint.ValueAtQuantile(quantile=quantile, value=value)
                for quantile, value in self.quantiles
            ],
            flags=self.flags,
        ).SerializeToString()

    def labels(self) -> bytes:
        """Encode the labels as OTLP 0.7 does."""
        pairs = (*self.identity, *self.dimensions)
        return b"".join(
            field(1, field(1, key.encode()) + field(2, value.encode())) for key, value in pairs
        )

    def attributes(self) -> bytes:
        """Encode the attributes as OTLP 1.0 does."""
        dimensions = KeyValueList(values=attributes(self.dimensions))
        made = attributes(self.identity)
        made.append(attribute("Dimensions", AnyValue(kvlist_value=dimensions)))
        return otlp.SummaryDataPoint(attributes=made).SerializeToString()

    def encode(self, version: Format = Format.V1_0) -> bytes:
        """Encode the point as CloudWatch lays it out."""
        if version is Format.V0_7:
            return self.labels() + self.numbers()
        return self.numbers() + self.attributes()


def summary(name: str, *points: bytes, unit: str = "") -> bytes:
    """Encode a Metric that is a Summary of encoded points."""
    head = field(1, name.encode()) + (field(3, unit.encode()) if unit else b"")
    return head + field(11, b"".join(field(1, point) for point in points))


def message(*metrics: bytes, pairs: Pairs = RESOURCE) -> bytes:
    """Encode a request with one resource and encoded metrics."""
    scope = b"".join(field(2, metric) for metric in metrics)
    return field(1, field(1, resource(pairs)) + field(2, scope))


def one_record(*metrics: bytes, pairs: Pairs = RESOURCE) -> bytes:
    """Encode a record of one message with encoded metrics."""
    return record([message(*metrics, pairs=pairs)])


def point_record(point: bytes, name: str = SummaryPoint().name) -> bytes:
    """Encode a record of one encoded data point."""
    return one_record(summary(name, point))


def deliver(
    points: Iterable[SummaryPoint], version: Format = Format.V1_0, pairs: Pairs = RESOURCE
) -> bytes:
    """Encode a record that has a Metric for each point."""
    metrics = [summary(point.name, point.encode(version), unit=point.unit) for point in points]
    return one_record(*metrics, pairs=pairs)


def gauge(name: str, *points: otlp.NumberDataPoint) -> bytes:
    """Encode a Metric that is a gauge."""
    return otlp.Metric(name=name, gauge=otlp.Gauge(data_points=points)).SerializeToString()


def number(value: float, pairs: Pairs = (), time_ns: int = END_NS) -> otlp.NumberDataPoint:
    """Make a data point of a gauge or a sum."""
    return otlp.NumberDataPoint(
        as_double=value, attributes=attributes(pairs), time_unix_nano=time_ns
    )
