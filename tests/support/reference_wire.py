"""An OTLP request read one field after another, for both formats, with nothing remembered.

It shares no code with the converters that it is compared with.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from google.protobuf.internal.containers import RepeatedCompositeFieldContainer
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, NumberDataPoint, SummaryDataPoint
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class WirePoint:
    """One data point with all that names it.

    Attributes:
        resource: The resource's attributes.
        metric: The metric's name.
        unit: The metric's unit.
        flat: Labels (0.7) and attributes (1.x), in their order on the wire.
        members: What stands in the map `Dimensions`.
        numbers: The point itself, a Summary's or a gauge's.
    """

    resource: Pairs
    metric: str
    unit: str
    flat: Pairs
    members: Pairs
    numbers: SummaryDataPoint | NumberDataPoint


def read_record(record: bytes) -> Iterator[WirePoint]:
    """Iterate over all points of a record."""
    for message in messages_of(record):
        yield from _read_message(message)


def messages_of(record: bytes) -> Iterator[bytes]:
    """Iterate over the messages of a record."""
    position = 0
    while position < len(record):
        length, position = varint_at(record, position)
        yield record[position : position + length]
        position += length


def _read_message(message: bytes) -> Iterator[WirePoint]:
    for resource_metrics in _fields(message, 1):
        resource = Resource.FromString(b"".join(_fields(resource_metrics, 1)))
        pairs = tuple((a.key, a.value.string_value) for a in resource.attributes)
        for scope_metrics in _fields(resource_metrics, 2):
            for metric in _fields(scope_metrics, 2):
                yield from _read_metric(metric, pairs)


def _read_metric(metric: bytes, resource: Pairs) -> Iterator[WirePoint]:
    name, unit = (b"".join(_fields(metric, number)).decode() for number in (1, 3))
    for summary in _fields(metric, 11):
        for point in _fields(summary, 1):
            labels = tuple(_label(label) for label in _fields(point, 1))
            numbers = SummaryDataPoint.FromString(point)
            flat, members = _split(numbers.attributes)
            yield WirePoint(resource, name, unit, (*labels, *flat), members, numbers)
    for number in Metric.FromString(metric).gauge.data_points:
        yield WirePoint(resource, name, unit, *_split(number.attributes), number)


def _label(label: bytes) -> tuple[str, str]:
    key, value = (b"".join(_fields(label, number)).decode() for number in (1, 2))
    return key, value


def _split(attributes: RepeatedCompositeFieldContainer[KeyValue]) -> tuple[Pairs, Pairs]:
    flat: list[tuple[str, str]] = []
    members: list[tuple[str, str]] = []
    for attribute in attributes:
        if attribute.value.HasField("kvlist_value"):
            inside = attribute.value.kvlist_value.values
            members += [(member.key, member.value.string_value) for member in inside]
        else:
            flat.append((attribute.key, attribute.value.string_value))
    return tuple(flat), tuple(members)


def _fields(message: bytes, wanted: int) -> Iterator[bytes]:
    """Iterate over the length-delimited fields of one number."""
    position = 0
    while position < len(message):
        tag, position = varint_at(message, position)
        if tag & 7 == 0:
            _, end = varint_at(message, position)
        elif tag & 7 == 1:
            end = position + 8
        elif tag & 7 == 5:
            end = position + 4
        else:
            length, position = varint_at(message, position)
            end = position + length
            if tag >> 3 == wanted:
                yield message[position:end]
        position = end


def varint_at(message: bytes, position: int) -> tuple[int, int]:
    """Return the number at a position, and the position after it."""
    number = shift = 0
    while message[position] >= 0x80:
        number |= (message[position] - 0x80) << shift
        shift += 7
        position += 1
    return number | message[position] << shift, position + 1
