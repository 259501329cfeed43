"""The attributes of data points and resources, decoded into text.

OTLP 0.7 writes a data point's labels as StringKeyValue in field 1, OTLP 1.x as
KeyValue in field 7; a parser of one drops the other's without an error. Here
both are read, from the same point if need be.
"""

import base64
import json
import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError as ProtobufDecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from converters.errors import DecodeError
from converters.schema.otlp_view_pb2 import PointLabels, StringKeyValue

# What an entry of a table costs beside its own bytes.
_OVERHEAD_BYTES = 300


class Attribute(NamedTuple):
    """One key with its value as text."""

    key: str
    value: str


class _Decoded(NamedTuple):
    """One attribute of a point: itself, or the members of CloudWatch's map of dimensions."""

    itself: Attribute | None
    members: tuple[Attribute, ...]


class PointAttributes(NamedTuple):
    """What names a data point.

    `namespace` and `metric_name` are CloudWatch's identity of the metric, None
    where the producer is another one; `dimensions` are all other attributes.
    """

    namespace: str | None
    metric_name: str | None
    dimensions: tuple[Attribute, ...]


class AttributeDecoder:
    """Decodes the labels of data points; remembers what it decoded, since attributes repeat.

    Args:
        grow: Called with about how many bytes are remembered from now on.
    """

    def __init__(self, grow: Callable[[int], None]) -> None:
        self._grow = grow
        # Two tables, since the same bytes mean different things in the two formats.
        self._labels: dict[bytes, _Decoded] = {}
        self._attributes: dict[bytes, _Decoded] = {}

    def decode(self, labels: PointLabels) -> PointAttributes:
        """Decode the labels (0.7) and attributes (1.x) of one data point.

        Raises:
            DecodeError: One of them is not what the specification says.
        """
        known = self._labels
        decoded = [known.get(raw) or self._remember(raw, known) for raw in labels.labels]
        known = self._attributes
        decoded += [known.get(raw) or self._remember(raw, known) for raw in labels.attributes]
        return _identify(decoded)

    def _remember(self, raw: bytes, known: dict[bytes, _Decoded]) -> _Decoded:
        message_class = StringKeyValue if known is self._labels else KeyValue
        try:
            attribute = message_class.FromString(raw)
        except ProtobufDecodeError as error:
            raise DecodeError(f"an attribute of a data point: {error}") from error
        self._grow(4 * len(raw) + _OVERHEAD_BYTES)
        decoded = known[raw] = _flatten(attribute)
        return decoded


def decode_key_values(attributes: Iterable[KeyValue]) -> PointAttributes:
    """Return the same for attributes that a stock OTLP class has decoded already."""
    return _identify(map(_flatten, attributes))


def decode_resource(raw: bytes) -> tuple[Attribute, ...]:
    """Decode the attributes of a Resource.

    Raises:
        DecodeError: The bytes are not a Resource.
    """
    try:
        resource = Resource.FromString(raw)
    except ProtobufDecodeError as error:
        raise DecodeError(f"the resource of a message: {error}") from error
    return tuple(Attribute(a.key, any_value_text(a.value)) for a in resource.attributes)


def any_value_text(value: AnyValue) -> str:
    """Return an AnyValue as text.

    OpenTelemetry specification, "AnyValue representation for non-OTLP
    protocols": strings as they are, booleans and numbers as in JSON, bytes in
    base64, an empty value as an empty string, arrays and maps as JSON. Maps are
    written with sorted keys, so that their order on the wire means nothing.
    """
    plain = _plain(value)
    if plain is None:
        return ""
    if isinstance(plain, str):
        return plain
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _flatten(attribute: KeyValue | StringKeyValue) -> _Decoded:
    """Separate the members of CloudWatch's map `Dimensions` from other attributes.

    A dimension called Namespace is never the identity, wherever the map stands.
    """
    value = attribute.value
    if isinstance(value, str):
        return _Decoded(Attribute(attribute.key, value), ())
    if attribute.key == "Dimensions" and value.HasField("kvlist_value"):
        members = value.kvlist_value.values
        return _Decoded(None, tuple(Attribute(m.key, any_value_text(m.value)) for m in members))
    return _Decoded(Attribute(attribute.key, any_value_text(value)), ())


def _identify(decoded: Iterable[_Decoded]) -> PointAttributes:
    """Take the first `Namespace` and `MetricName` as the identity, all else as dimensions."""
    namespace = metric_name = None
    dimensions: list[Attribute] = []
    members: list[Attribute] = []
    for pair, of_map in decoded:
        members += of_map
        if pair is None:
            continue
        if pair.key == "Namespace" and namespace is None:
            namespace = pair.value
        elif pair.key == "MetricName" and metric_name is None:
            metric_name = pair.value
        else:
            dimensions.append(pair)
    return PointAttributes(namespace, metric_name, (*dimensions, *members))


def _plain(value: AnyValue) -> Any:
    """Return an AnyValue as what `json` can write; numbers that JSON lacks become text."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_plain(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {member.key: _plain(member.value) for member in value.kvlist_value.values}
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    if kind == "double_value" and not math.isfinite(value.double_value):
        if math.isnan(value.double_value):
            return "NaN"
        return "Infinity" if value.double_value > 0 else "-Infinity"
    return getattr(value, kind)
