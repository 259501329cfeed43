"""
A Firehose record as CloudWatch writes it: zero or more messages, each behind its length.

"A Kinesis record can contain one or more ExportMetricsServiceRequest data
structures. Each starts with a header with an UnsignedVarInt32 indicating the
record length in bytes." - CloudWatch User Guide, "OpenTelemetry 1.0.0 format"
"""

from __future__ import annotations

import json

from google.protobuf.message import DecodeError as ProtobufDecodeError

from converters.errors import DecodeError, FramingError, JsonRecordError, RecordError
from converters.schema.otlp_view_pb2 import ExportMetricsServiceRequest
from converters.wire import read_length

# Firehose's console sends records with these keys on "Test with demo data".
_DEMO_KEYS = frozenset({"TICKER_SYMBOL", "SECTOR", "CHANGE"})

_OTHER_FORMAT = (
    "the record is JSON: set the metric stream's output format to "
    "OpenTelemetry 1.0 or OpenTelemetry 0.7"
)


def decode_record(record: bytes) -> list[ExportMetricsServiceRequest]:
    """
    Return all messages of a record; none for an empty record and for demo data.

    Raises:
        FramingError: A length header is broken, or says more than there is.
        DecodeError: A message is not an OTLP metrics request.
        JsonRecordError: The record is JSON, as a stream of another output format sends it.
    """
    # A message of 123 bytes begins with an opening brace too, so JSON is only
    # considered once the record has turned out not to be OTLP, or to say nothing:
    # text may happen to be messages of unknown fields.
    try:
        messages = [_decode_message(message) for message in split_messages(record)]
    except RecordError as error:
        if is_demo_data(record):
            return []
        if _is_json(record):
            raise JsonRecordError(_OTHER_FORMAT) from error
        raise
    says_nothing = not any(message.resource_metrics for message in messages)
    if says_nothing and not is_demo_data(record) and _is_json(record):
        raise JsonRecordError(_OTHER_FORMAT)
    return messages


def split_messages(record: bytes) -> list[bytes]:
    """
    Cut a record at its length headers.

    Raises:
        FramingError: A length header is broken, or says more than there is.
    """
    messages = []
    position = 0
    while position < len(record):
        length, begin = read_length(record, position)
        end = begin + length
        # A slice past the end is shorter without an error in Python, and a
        # message cut at a field's border still decodes: compare before slicing.
        if end > len(record):
            raise FramingError(
                f"the message at byte {position} is said to have {length} bytes, "
                f"but only {len(record) - begin} follow"
            )
        if length:
            messages.append(record[begin:end])
        position = end
    return messages


def is_demo_data(record: bytes) -> bool:
    """Tell whether a record is what Firehose's console sends as demo data."""
    if b"TICKER_SYMBOL" not in record:
        return False
    return all(_is_demo_line(line) for line in record.splitlines() if line.strip())


def _is_demo_line(line: bytes) -> bool:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and value.keys() >= _DEMO_KEYS


def _is_json(record: bytes) -> bool:
    first_line = record.strip().split(b"\n", 1)[0]
    if not first_line.startswith(b"{"):
        return False
    try:
        json.loads(first_line)
    except (ValueError, RecursionError):
        return False
    return True


def _decode_message(message: bytes) -> ExportMetricsServiceRequest:
    try:
        return ExportMetricsServiceRequest.FromString(message)
    except ProtobufDecodeError as error:
        raise DecodeError(
            f"a message of {len(message)} bytes is not an ExportMetricsServiceRequest: {error}"
        ) from error
