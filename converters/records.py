"""A Firehose record as CloudWatch writes it: zero or more messages, each behind its length.

"A Kinesis record can contain one or more ExportMetricsServiceRequest data
structures. Each starts with a header with an UnsignedVarInt32 indicating the
record length in bytes." - CloudWatch User Guide, "OpenTelemetry 1.0.0 format"
"""

import json
import re
from collections.abc import Iterator
from typing import TypeVar

from google.protobuf.message import DecodeError as ProtobufDecodeError
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as stock

from converters.errors import (
    DecodeError,
    FramingError,
    OtherFormatError,
    RecordError,
    TooLargeError,
)
from converters.schema.otlp_view_pb2 import ExportMetricsServiceRequest
from converters.wire import read_length

_Request = TypeVar("_Request", ExportMetricsServiceRequest, stock.ExportMetricsServiceRequest)

# "The maximum size of a record sent to Amazon Data Firehose, before base64-encoding, is
# 1,000 KiB" - Firehose's quotas. While it is decoded a byte takes up to 150 bytes of memory.
_MAX_RECORD_BYTES = 1_024_000

_EMPTY_MESSAGES = re.compile(rb"\x00+")
# Firehose can append a newline to each record, and a newline is also the length 10. That length is
# believed where a request of ten bytes follows, whose one field says that it fits into the rest;
# no data point that has a time fits into so few.
_BETWEEN_MESSAGES = re.compile(rb"(?:\x00|\n(?!\n[\x00-\x08]))+")
_LINE = re.compile(rb"[^\r\n]+")
# A line of JSON is looked at up to this length; those of a metric stream have some hundred bytes.
_MAX_LINE = 65_536

# Firehose's console sends records with these keys on "Test with demo data".
_DEMO_KEYS = frozenset({"TICKER_SYMBOL", "SECTOR", "CHANGE"})

_GZIP = b"\x1f\x8b\x08"
_LOGS = re.compile(rb'\s*\{\s*"messageType"\s*:\s*"(?:DATA|CONTROL)_MESSAGE"')

_IS_JSON = (
    "the record is JSON: set the metric stream's output format to "
    "OpenTelemetry 1.0 or OpenTelemetry 0.7"
)
_IS_GZIP = (
    "the record is gzip, as a subscription of CloudWatch Logs sends it: a metric stream's records "
    "are not compressed; let nothing but the metric stream write to this Firehose stream"
)
_IS_LOGS = (
    "the record is of CloudWatch Logs: let the log group's subscription write to another "
    "Firehose stream"
)
_IS_BARE = (
    "the record is OTLP without the length before each message: let the producer write it as an "
    "UnsignedVarInt32, as a metric stream does"
)


def require_record_size(record: bytes) -> None:
    """Check that a record is no larger than Firehose's.

    Raises:
        TooLargeError: It is.
    """
    if len(record) > _MAX_RECORD_BYTES:
        raise TooLargeError(
            f"the record has {len(record)} bytes: Firehose's have at most {_MAX_RECORD_BYTES}"
        )


def decode_record(record: bytes) -> list[ExportMetricsServiceRequest]:
    """Return all messages of a record, as `decoded_messages` yields them."""
    return list(decoded_messages(record))


def decoded_messages(record: bytes) -> Iterator[ExportMetricsServiceRequest]:
    """Iterate over the messages of a record, decoded as far as the view of them goes.

    Raises:
        RecordError: As `messages_of` does.
    """
    for _, decoded in messages_of(record, ExportMetricsServiceRequest):
        yield decoded


def messages_of(record: bytes, request_class: type[_Request]) -> Iterator[tuple[bytes, _Request]]:
    """Iterate over the messages of a record, each with what the class decodes of it.

    There are none in an empty record and in demo data. Each is decoded when it is its turn, since
    many small ones take much memory.

    Args:
        record: The record.
        request_class: A class of an ExportMetricsServiceRequest.

    Raises:
        FramingError: A length header is broken, or is larger than what follows.
        DecodeError: A message is not an OTLP metrics request.
        OtherFormatError: The record is of another format, such as JSON.
    """
    # A message of 123 bytes begins with an opening brace too, so other formats are
    # only considered once the record has turned out not to be OTLP, or to hold nothing:
    # text may happen to be messages of unknown fields. It cannot happen to hold a
    # data point, for the tags on the way to one are no characters of JSON.
    empty = True
    try:
        for message in split_messages(record):
            decoded = _decode_message(message, request_class)
            empty = empty and not decoded.resource_metrics
            yield message, decoded
    except RecordError as error:
        if is_demo_data(record):
            return
        if other := _other_format(record):
            raise OtherFormatError(other) from error
        raise
    if empty and not is_demo_data(record) and (other := _other_format(record)):
        raise OtherFormatError(other)


def split_messages(record: bytes) -> Iterator[bytes]:
    """Iterate over the messages of a record, cut at their length headers and at newlines between.

    Raises:
        FramingError: A length header is broken, or is larger than what follows.
    """
    position = 0
    while position < len(record):
        following = next_message(record, position)
        if following > position:
            position = following
            continue
        length, begin = read_length(record, position)
        end = begin + length
        # A slice past the end is shorter without an error in Python, and a
        # message cut at a field's border still decodes: compare before slicing.
        if end > len(record):
            raise FramingError(
                f"the message at byte {position} is said to have {length} bytes, "
                f"but only {len(record) - begin} follow"
            )
        # An empty message may have a length of several bytes.
        if length:
            yield record[begin:end]
        position = end


def next_message(record: bytes, position: int) -> int:
    """Return where the next message begins: behind empty ones, and newlines between messages."""
    # There may be as many empty messages as bytes.
    between = (_BETWEEN_MESSAGES if position else _EMPTY_MESSAGES).match(record, position)
    return between.end() if between else position


def _other_format(record: bytes) -> str:
    """Return which other format a record has, and what to change; empty if none is known."""
    if record.startswith(_GZIP):
        return _IS_GZIP
    if _LOGS.match(record):
        return _IS_LOGS
    if _is_json(record):
        return _IS_JSON
    return _IS_BARE if _is_bare(record) else ""


def _is_bare(record: bytes) -> bool:
    if not record.startswith(b"\n"):
        return False
    try:
        request = ExportMetricsServiceRequest.FromString(record)
    except ProtobufDecodeError:
        return False
    scopes = (scope for resource in request.resource_metrics for scope in resource.scope_metrics)
    return any(scope.metrics for scope in scopes)


def is_demo_data(record: bytes) -> bool:
    """Return whether a record is what Firehose's console sends as demo data."""
    if b"TICKER_SYMBOL" not in record:
        return False
    lines = (match[0] for match in _LINE.finditer(record))
    return all(_is_demo_line(line) for line in lines if line.strip())


def _is_demo_line(line: bytes) -> bool:
    if len(line) > _MAX_LINE:
        return False
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and value.keys() >= _DEMO_KEYS


def _is_json(record: bytes) -> bool:
    first_line = record.strip().split(b"\n", 1)[0]
    if not first_line.startswith(b"{") or len(first_line) > _MAX_LINE:
        return False
    try:
        json.loads(first_line)
    except (ValueError, RecursionError):
        return False
    return True


def _decode_message(message: bytes, request_class: type[_Request]) -> _Request:
    try:
        return request_class.FromString(message)
    except ProtobufDecodeError as error:
        raise DecodeError(
            f"a message of {len(message)} bytes is not an ExportMetricsServiceRequest: {error}"
        ) from error
