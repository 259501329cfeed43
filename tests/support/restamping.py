"""Deliveries moved to another time: every data point by the same number of milliseconds."""

import io
import json
import os
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.proto import parse_length_prefixed, serialize_length_prefixed
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import SummaryDataPoint

_NANOSECONDS = 1_000_000


def captured(name: str, newest_ms: int) -> dict[str, Any]:
    """Read a captured delivery with its newest data point at another time, or skip the test."""
    if not os.environ.get("CAPTURES_DIR"):
        pytest.skip("CAPTURES_DIR does not say where captured deliveries are")
    text = (Path(os.environ["CAPTURES_DIR"]) / f"{name}.json").read_text(encoding="utf-8")
    return restamped(json.loads(text), newest_ms)


def restamped(event: dict[str, Any], newest_ms: int) -> dict[str, Any]:
    """Give an HTTP event of summaries again with its newest data point at another time.

    The stock classes keep what they do not know, so the labels of OTLP 0.7 stay as they are.

    Args:
        event: An event whose body is neither gzipped nor base64-encoded.
        newest_ms: The time, in milliseconds since the epoch.
    """
    body = json.loads(event["body"])
    records = [list(_messages(b64decode(record["data"]))) for record in body["records"]]
    points = [point for messages in records for message in messages for point in _points(message)]
    shift_ms = newest_ms - max(point.time_unix_nano for point in points) // _NANOSECONDS
    for point in points:
        point.time_unix_nano += shift_ms * _NANOSECONDS
        point.start_time_unix_nano += shift_ms * _NANOSECONDS
    body["timestamp"] += shift_ms
    body["records"] = [{"data": b64encode(_record(messages)).decode()} for messages in records]
    return {**event, "body": json.dumps(body)}


def _messages(record: bytes) -> Iterator[ExportMetricsServiceRequest]:
    stream = io.BytesIO(record)
    while (message := parse_length_prefixed(ExportMetricsServiceRequest, stream)) is not None:
        yield message


def _points(message: ExportMetricsServiceRequest) -> Iterator[SummaryDataPoint]:
    for resource_metrics in message.resource_metrics:
        for scope_metrics in resource_metrics.scope_metrics:
            for metric in scope_metrics.metrics:
                assert metric.WhichOneof("data") == "summary"
                yield from metric.summary.data_points


def _record(messages: list[ExportMetricsServiceRequest]) -> bytes:
    stream = io.BytesIO()
    for message in messages:
        serialize_length_prefixed(message, stream)
    return stream.getvalue()
