"""OTLP written by hand, piece by piece, also such as no producer would write it."""

from converters.wire import encode_field, encode_varint

NOON_NS = 1_793_491_200_000_000_000
"""2026-11-01 00:00 UTC; the time of a point where nothing else is said."""

# The fields on the way from a request to a data point, by their one-byte tags.
RESOURCE_METRICS = b"\x0a"
RESOURCE = b"\x0a"
SCOPE_METRICS = b"\x12"
METRIC = b"\x12"
NAME = b"\x0a"
GAUGE = b"\x2a"
HISTOGRAM = b"\x4a"
SUMMARY = b"\x5a"
POINT = b"\x0a"
ATTRIBUTE_OF_RESOURCE = b"\x0a"
ATTRIBUTE_OF_POINT = b"\x3a"
QUANTILE = b"\x32"


def attribute(key: str, value: str) -> bytes:
    """Return the content of a KeyValue with a text."""
    text = encode_field(b"\x0a", value.encode())
    return encode_field(b"\x0a", key.encode()) + encode_field(b"\x12", text)


def time_of(number: int) -> bytes:
    """Return the field `time_unix_nano` of the point with that number, a millisecond apart."""
    return b"\x19" + (NOON_NS + number * 1_000_000).to_bytes(8, "little")


def summary_point(*attributes: bytes, number: int = 0, rest: bytes = b"") -> bytes:
    """Return a data point of a Summary, as a field of it: a time, `rest`, then attributes."""
    written = b"".join(encode_field(ATTRIBUTE_OF_POINT, content) for content in attributes)
    return encode_field(POINT, time_of(number) + rest + written)


def metric(name: bytes, content: bytes, kind: bytes = SUMMARY) -> bytes:
    """Return a Metric, as a field of ScopeMetrics."""
    return encode_field(METRIC, encode_field(NAME, name) + encode_field(kind, content))


def message(metrics: bytes, resource: bytes = b"") -> bytes:
    """Return an ExportMetricsServiceRequest of one resource with these metrics."""
    scope = encode_field(SCOPE_METRICS, metrics)
    return encode_field(RESOURCE_METRICS, encode_field(RESOURCE, resource) + scope)


def framed(content: bytes) -> bytes:
    """Return a message behind its length, as it stands in a record."""
    return encode_varint(len(content)) + content
