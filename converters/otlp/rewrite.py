"""Messages that are not sent as they came.

OTLP 0.7 becomes 1.x, CloudWatch's map of dimensions becomes attributes of their own, and points
too far in the future are taken out. What is not concerned keeps its bytes, unknown fields too.
"""

import re
from collections.abc import Iterable
from typing import Any

from google.protobuf.message import DecodeError as ProtobufDecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue, KeyValueList
from opentelemetry.proto.metrics.v1 import metrics_pb2 as otlp

from converters.errors import DecodeError
from converters.points import milliseconds_of
from converters.schema import otlp_view_pb2 as view

KINDS = ("gauge", "sum", "histogram", "exponential_histogram", "summary")
"""The fields of a Metric that hold data points."""

ONLY_IN_0_7 = ("int_gauge", "int_sum", "int_histogram")
"""The fields that OTLP 1.x no longer has."""

_DIMENSIONS = "Dimensions"
_IDENTITY = ("Namespace", "MetricName")
# Their points have attributes in field 1 where 0.7 has labels, or did not exist in 0.7.
_NOT_IN_0_7 = ("exponential_histogram", "summary")

# What an entry of the table costs beside its own bytes.
_OVERHEAD_BYTES = 500

# A SummaryDataPoint as CloudWatch lays it out: the labels (0.7) come first, and the attributes
# (1.x) last. Whatever this takes for them is decoded as such, and nothing else, before it counts.
# fixed64 start_time_unix_nano = 2, time_unix_nano = 3, count = 4, double sum = 5, repeated
# ValueAtQuantile quantile_values = 6 {double quantile = 1, double value = 2}.
_match_point = re.compile(
    rb"(\x0a.*(?=\x11))?"
    rb"((?:\x11.{8})?+\x19.{8}(?:\x21.{8})?+(?:\x29.{8})?+"
    rb"(?:\x32(?:\x00|\x09[\x09\x11].{8}|\x12\x09.{8}\x11.{8}))*+)"
    rb"(\x3a.*)?",
    re.DOTALL,
).fullmatch


class Rewriter:
    """Rewrites messages; remembers attributes, since they repeat from delivery to delivery.

    Args:
        flatten: Whether the members of `Dimensions` become attributes of their own. Otherwise the
            labels of 0.7 become such a map, as CloudWatch writes it in 1.0.
        max_bytes: About how much memory to hold.
    """

    def __init__(self, *, flatten: bool, max_bytes: int) -> None:
        self._flatten = flatten
        self._max_bytes = max_bytes
        self._bytes_used = 0
        # By the encoded labels of 0.7 and the encoded attributes of 1.x.
        self._known: dict[tuple[bytes, bytes], bytes] = {}

    def rewrite(self, message: bytes) -> tuple[bytes, int]:
        """Return a message of either format as OTLP 1.x.

        Args:
            message: What the stock class decodes.

        Returns:
            The message, and how many points it lacks: of 0.7, and not of a Summary.

        Raises:
            DecodeError: An attribute is not what the specification says.
        """
        request = view.ExportMetricsServiceRequest.FromString(message)
        left_out = 0
        for resource in request.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    points = metric.summary.data_points
                    if points:
                        points[:] = [self._rewrite_point(raw) for raw in points]
                    else:
                        left_out += self._rewrite_other(metric)
        return request.SerializeToString(), left_out

    def _rewrite_point(self, raw: bytes) -> bytes:
        match = _match_point(raw)
        if match is None:
            return self._decode_point(raw)
        labels, numbers, attributes = match.groups(b"")
        named = self._known.get((labels, attributes))
        if named is None:
            named = self._remember(labels, attributes)
        return self._decode_point(raw) if named is None else numbers + named

    def _decode_point(self, raw: bytes) -> bytes:
        """Rewrite a point of any layout."""
        point = view.PointLabels.FromString(raw)
        named = self._named(point)
        point.ClearField("labels")
        point.ClearField("attributes")
        # All other fields are unknown to the view, and stay.
        return point.SerializeToString() + named

    def _named(self, point: view.PointLabels) -> bytes:
        """Return the attributes of a point of OTLP 1.x, encoded.

        Raises:
            DecodeError: An attribute is not what the specification says.
        """
        try:
            given = _upgraded(map(view.StringKeyValue.FromString, point.labels))
            given += map(KeyValue.FromString, point.attributes)
        except ProtobufDecodeError as error:
            raise DecodeError(f"an attribute of a data point: {error}") from error
        if self._flatten:
            given = flattened(given)
        return otlp.SummaryDataPoint(attributes=given).SerializeToString()

    def _remember(self, labels: bytes, attributes: bytes) -> bytes | None:
        """Return what a point has instead of these bytes; None if they hold anything else."""
        try:
            point = view.PointLabels.FromString(labels + attributes)
        except ProtobufDecodeError:
            return None
        if (
            view.PointLabels(labels=point.labels).SerializeToString() != labels
            or view.PointLabels(attributes=point.attributes).SerializeToString() != attributes
        ):
            return None
        named = self._named(point)
        if self._bytes_used > self._max_bytes:
            self._known.clear()
            self._bytes_used = 0
        self._bytes_used += len(labels) + len(attributes) + len(named) + _OVERHEAD_BYTES
        self._known[labels, attributes] = named
        return named

    def _rewrite_other(self, metric: view.Metric) -> int:
        """Rewrite a Metric that is not a Summary; return how many points it lacks."""
        # Fields that the view does not declare stay in the message, so its bytes are the Metric's.
        raw = metric.SerializeToString()
        stock, only_0_7 = otlp.Metric.FromString(raw), view.MetricFormat.FromString(raw)
        left_out = sum(len(getattr(only_0_7, name).data_points) for name in ONLY_IN_0_7)
        if left_out:
            stock.DiscardUnknownFields()
        kind = stock.WhichOneof("data")
        if kind is not None:
            data = getattr(stock, kind)
            left_out += 0 if kind in _NOT_IN_0_7 else _leave_out_0_7(data)
            for point in data.data_points if self._flatten else ():
                _replace(point.attributes, flattened(point.attributes))
        metric.ParseFromString(stock.SerializeToString())
        return left_out


def flattened(attributes: Iterable[KeyValue]) -> list[KeyValue]:
    """Return attributes with the members of CloudWatch's map `Dimensions` in its place, at the end.

    "Attribute keys MUST be unique" - OTLP, `NumberDataPoint.attributes`. A dimension with the name
    of another attribute gets the prefix `dimension_`, as with remote write.
    """
    own: list[KeyValue] = []
    members: list[KeyValue] = []
    for attribute in attributes:
        if attribute.key == _DIMENSIONS and attribute.value.HasField("kvlist_value"):
            members += attribute.value.kvlist_value.values
        else:
            own.append(attribute)
    taken = {attribute.key for attribute in own}
    for member in members:
        key = member.key
        while key in taken:
            key = f"dimension_{key}"
        taken.add(key)
        own.append(KeyValue(key=key, value=member.value))
    return own


def without_future(message: bytes, latest_ms: int) -> tuple[bytes, list[str]]:
    """Return a message without the points after a time, and the metric's name for each of them.

    Args:
        message: OTLP 1.x.
        latest_ms: The last time that stays, in ms since the epoch.
    """
    request = ExportMetricsServiceRequest.FromString(message)
    names = []
    for resource in request.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                points = points_of(metric)
                stay = [it for it in points if milliseconds_of(it.time_unix_nano) <= latest_ms]
                names += [metric.name] * (len(points) - len(stay))
                if len(stay) < len(points):
                    _replace(points, stay)
    return request.SerializeToString(), names


def points_of(metric: otlp.Metric) -> Any:
    """Return the data points of a Metric, of whatever kind; none where it has no data."""
    kind = metric.WhichOneof("data")
    return getattr(metric, kind).data_points if kind is not None else ()


def _upgraded(labels: Iterable[view.StringKeyValue]) -> list[KeyValue]:
    """Return the labels of a point of 0.7 as CloudWatch's attributes of 1.0.

    The first Namespace and the first MetricName are the metric's identity; a dimension may have
    such a name too.
    """
    identity: dict[str, KeyValue] = {}
    dimensions: list[KeyValue] = []
    for label in labels:
        attribute = KeyValue(key=label.key, value=AnyValue(string_value=label.value))
        if label.key in _IDENTITY and label.key not in identity:
            identity[label.key] = attribute
        else:
            dimensions.append(attribute)
    if not identity and not dimensions:
        return []
    value = AnyValue(kvlist_value=KeyValueList(values=dimensions))
    return [*identity.values(), KeyValue(key=_DIMENSIONS, value=value)]


def _leave_out_0_7(data: otlp.Gauge | otlp.Sum | otlp.Histogram) -> int:
    """Take out the points with labels in field 1, where only 0.7 has them; return how many."""
    # The stock classes keep the fields that they do not know.
    formats = view.Points.FromString(data.SerializeToString()).data_points
    points: Any = data.data_points
    both = zip(points, formats, strict=True)
    current = [point for point, format_ in both if not format_.labels]
    left_out = len(formats) - len(current)
    if left_out:
        _replace(points, current)
    return left_out


def _replace(repeated: Any, messages: Iterable[Any]) -> None:
    """Replace all messages of a repeated field."""
    # Those that stay may be of the field itself.
    copies = [type(message).FromString(message.SerializeToString()) for message in messages]
    del repeated[:]
    repeated.extend(copies)
