"""A record of OTLP 0.7 encoded anew as 1.0, and points with their fields in another order."""

from collections.abc import Callable, Iterator

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValueList
from opentelemetry.proto.metrics.v1.metrics_pb2 import SummaryDataPoint

from testing.events.otlp import record
from tests.support.otlp_building import attribute, attributes, field
from tests.support.reference_wire import messages_of, varint_at

# Where the data points are, field by field from a request on.
_PATH = (1, 2, 2, 11, 1)


def as_1_0(old: bytes) -> bytes:
    """Return a record whose points have attributes instead of labels."""
    return record(_replaced(message, _PATH, _with_attributes) for message in messages_of(old))


def _with_attributes(point: bytes) -> bytes:
    labels, numbers = [], b""
    for tag, whole, content in fields(point):
        if tag == 0x0A:
            parts = {inner: value.decode() for inner, _, value in fields(content)}
            labels.append((parts.get(0x0A, ""), parts.get(0x12, "")))
        else:
            numbers += whole
    identity = [next(pair for pair in labels if pair[0] == key) for key in _IDENTITY]
    for pair in identity:
        labels.remove(pair)
    dimensions = KeyValueList(values=attributes(tuple(labels)))
    made = [attribute(*pair) for pair in identity]
    made.append(attribute("Dimensions", AnyValue(kvlist_value=dimensions)))
    return numbers + SummaryDataPoint(attributes=made).SerializeToString()


_IDENTITY = ("Namespace", "MetricName")


def _replaced(message: bytes, path: tuple[int, ...], change: Callable[[bytes], bytes]) -> bytes:
    if not path:
        return change(message)
    return b"".join(
        field(path[0], _replaced(content, path[1:], change)) if tag == path[0] << 3 | 2 else whole
        for tag, whole, content in fields(message)
    )


def fields(message: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Iterate over the tag, the whole and the content of each field."""
    position = 0
    while position < len(message):
        begin = position
        tag, position = varint_at(message, position)
        inside = position
        match tag & 7:
            case 0:
                _, position = varint_at(message, position)
            case 1:
                position += 8
            case 2:
                length, inside = varint_at(message, position)
                position = inside + length
            case kind:
                raise ValueError(f"wire type {kind}")
        yield tag, message[begin:position], message[inside:position]
