"""Events moved to another time."""

import gzip
import io
import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf.message import DecodeError
from google.protobuf.proto import parse_length_prefixed, serialize_length_prefixed
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

_NANOSECONDS = 1_000_000
_HOUR_NANOSECONDS = 3_600_000 * _NANOSECONDS
_GZIP_MAGIC = b"\x1f\x8b"


def restamped(event: Any, newest_ms: int, *, within_an_hour: bool = False) -> Any:
    """Return an event of any ingress with its newest data point at another time.

    The stock classes keep what they do not know, so the labels of OTLP 0.7 stay as they are.

    Args:
        event: A Lambda event. What cannot be decoded in it stays as it is.
        newest_ms: The time, in milliseconds since the epoch.
        within_an_hour: Move late points, such as S3's daily ones, further: by as many whole hours
            as they are late.
    """
    try:
        delivery = event if "records" in event else json.loads(_body(event))
        records = [_messages(b64decode(record["data"])) for record in delivery["records"]]
    except (AttributeError, EOFError, KeyError, OSError, TypeError, ValueError, zlib.error):
        return event
    points = [point for messages in records for message in messages for point in _points(message)]
    if not points:
        return event
    newest = max(point.time_unix_nano for point in points)
    shift_ms = newest_ms - newest // _NANOSECONDS
    for point in points:
        late = (newest - point.time_unix_nano) // _HOUR_NANOSECONDS if within_an_hour else 0
        shift = shift_ms * _NANOSECONDS + late * _HOUR_NANOSECONDS
        point.time_unix_nano += shift
        point.start_time_unix_nano += shift
    moved = _later(delivery, "timestamp", shift_ms) | {
        "records": [
            _later(record, "approximateArrivalTimestamp", shift_ms) | _data(messages)
            for record, messages in zip(delivery["records"], records, strict=True)
        ]
    }
    return moved if "records" in event else event | {"body": _with_body(event, moved)}


def _body(event: Mapping[str, Any]) -> bytes:
    """Return the body of an HTTP event as its sender wrote it, without gzip."""
    body = _raw_body(event)
    return gzip.decompress(body) if body.startswith(_GZIP_MAGIC) else body


def _raw_body(event: Mapping[str, Any]) -> bytes:
    text: str = event["body"]
    return b64decode(text) if event.get("isBase64Encoded") else text.encode()


def _with_body(event: Mapping[str, Any], delivery: Mapping[str, Any]) -> str:
    """Write the body of an event as the event has it: gzipped, in base64, both or neither."""
    body = json.dumps(delivery, separators=(",", ":")).encode()
    if _raw_body(event).startswith(_GZIP_MAGIC):
        body = gzip.compress(body)
    return (b64encode(body) if event.get("isBase64Encoded") else body).decode()


def _later(item: Mapping[str, Any], field: str, shift_ms: int) -> dict[str, Any]:
    """Return a JSON object with a time in it moved, if it has that time."""
    return {**item, field: item[field] + shift_ms} if field in item else {**item}


def _messages(record: bytes) -> list[ExportMetricsServiceRequest]:
    """Return the messages of a record; none where it is malformed."""
    stream = io.BytesIO(record)
    messages = []
    try:
        while (message := parse_length_prefixed(ExportMetricsServiceRequest, stream)) is not None:
            messages.append(message)
    except (DecodeError, ValueError):
        return []
    return messages


def _points(message: ExportMetricsServiceRequest) -> Iterator[Any]:
    """Yield the data points of all types of metrics."""
    for resource_metrics in message.resource_metrics:
        for scope_metrics in resource_metrics.scope_metrics:
            for metric in scope_metrics.metrics:
                if kind := metric.WhichOneof("data"):
                    yield from getattr(metric, kind).data_points


def _data(messages: list[ExportMetricsServiceRequest]) -> dict[str, str]:
    """Return the member `data` of a record; nothing where the record was malformed."""
    stream = io.BytesIO()
    for message in messages:
        serialize_length_prefixed(message, stream)
    return {"data": b64encode(stream.getvalue()).decode()} if messages else {}
