"""The bodies of OTLP requests: compressing them, and cutting a refused one apart."""

import gzip
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TypeVar

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1 import metrics_pb2 as otlp

from converters.attributes import any_value_text
from converters.bodies import Body
from converters.otlp.rewrite import points_of
from converters.points import milliseconds_of
from converters.split import DataPoint
from converters.wire import encode_field

# Higher levels take twice the time for a fifth less.
_GZIP_LEVEL = 1

# resource_metrics of a request, scope_metrics of ResourceMetrics, metrics of ScopeMetrics, and
# data_points of each kind of data.
_SCOPE_METRICS, _METRICS, _DATA_POINTS = b"\x12", b"\x12", b"\x0a"
_LENGTH_DELIMITED = 2


_Message = TypeVar("_Message", otlp.ResourceMetrics, otlp.ScopeMetrics)


class OtlpBodies:
    """What the sender and the replay ask about bodies.

    Args:
        compressed: Whether the bodies are compressed.
    """

    def __init__(self, *, compressed: bool) -> None:
        self._compressed = compressed

    def compress(self, content: bytes) -> bytes:
        """Return what is sent of a request."""
        # Without a time, so that the same delivery makes the same bytes.
        return gzip.compress(content, _GZIP_LEVEL, mtime=0) if self._compressed else content

    def content_of(self, body: Body) -> bytes:
        """Return the request in a body."""
        return gzip.decompress(body.content) if self._compressed else body.content

    def data_points(self, body: Body) -> list[list[DataPoint]]:
        """Return the data points of a body, period by period, as `periods` does."""
        return self.periods(self.content_of(body))

    def periods(self, content: bytes) -> list[list[DataPoint]]:
        """Return the data points of a request, period by period.

        Returns:
            For each period at most one point of a series; an earlier period has the earlier ones.
        """
        found = sorted(_points(content), key=lambda it: it[1])
        before: Counter[bytes] = Counter()
        periods: list[list[DataPoint]] = []
        for series, _, point in found:
            number = before[series]
            before[series] += 1
            if number == len(periods):
                periods.append([])
            periods[number].append(point)
        return periods

    def body_of(self, points: Sequence[DataPoint]) -> Body:
        """Return a body of data points."""
        content = b"".join(point.content for point in points)
        return Body(self.compress(content), len(content), len(points))

    def describe(self, point: DataPoint) -> str:
        """Return the name, the attributes and the timestamp of a data point, for a log line."""
        request = ExportMetricsServiceRequest.FromString(point.content)
        metric = request.resource_metrics[0].scope_metrics[0].metrics[0]
        (only,) = points_of(metric)
        attributes = ", ".join(f'{a.key}="{any_value_text(a.value)}"' for a in only.attributes)
        return f"{metric.name}{{{attributes}}} at {milliseconds_of(only.time_unix_nano)} ms"

    def times(self, body: Body) -> Iterator[tuple[str, int]]:
        """Yield the namespace and the time of each data point, in ms since the epoch."""
        request = ExportMetricsServiceRequest.FromString(self.content_of(body))
        for metric in _metrics(request):
            for point in points_of(metric):
                own = (a.value.string_value for a in point.attributes if a.key == "Namespace")
                yield next(own, ""), milliseconds_of(point.time_unix_nano)


def _metrics(request: ExportMetricsServiceRequest) -> Iterator[otlp.Metric]:
    scopes = (resource.scope_metrics for resource in request.resource_metrics)
    for scope in chain.from_iterable(scopes):
        yield from scope.metrics


def _points(content: bytes) -> Iterator[tuple[bytes, int, DataPoint]]:
    """Yield each data point of a request, with what names its series, and its time."""
    for resource in ExportMetricsServiceRequest.FromString(content).resource_metrics:
        scopes = list(resource.scope_metrics)
        of_resource = _without(resource, "scope_metrics")
        for scope in scopes:
            metrics = list(scope.metrics)
            of_scope = _without(scope, "metrics")
            for metric in metrics:
                kind = metric.WhichOneof("data")
                if kind is None:
                    continue
                number = metric.DESCRIPTOR.fields_by_name[kind].number
                tag = bytes([number << 3 | _LENGTH_DELIMITED])
                points = list(getattr(metric, kind).data_points)
                getattr(metric, kind).ClearField("data_points")
                # Its data lacks the points, and merges with one of them.
                of_metric = metric.SerializeToString()
                for point in points:
                    attributes = b"".join(a.SerializeToString() for a in point.attributes)
                    data = encode_field(_DATA_POINTS, point.SerializeToString())
                    whole = encode_field(_METRICS, of_metric + encode_field(tag, data))
                    rest = encode_field(_SCOPE_METRICS, of_scope + whole)
                    series = b"\0".join((of_resource, of_scope, of_metric, attributes))
                    yield series, point.time_unix_nano, DataPoint(((of_resource, rest),))


def _without(message: _Message, field: str) -> bytes:
    """Return a message without a field."""
    copy = type(message)()
    copy.CopyFrom(message)
    copy.ClearField(field)  # type: ignore[arg-type]  # one of each class's own
    return copy.SerializeToString()
