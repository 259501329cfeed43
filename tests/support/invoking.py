"""Deliveries, functions that handle them, and their responses."""

import itertools
import json
import time
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handler.app import Function
from handler.clock import Clock
from testing.events import ingresses
from testing.events.firehose import delivery_body, headers
from testing.events.fleet import END_MS, MINUTE_MS, Point
from testing.events.ingresses import SENT_MS, Event
from testing.events.otlp import Format, messages, record
from testing.receiver import Receiver, ReplyFunction
from testing.replies import accept

ACCESS_KEY = "akey-5f0c9e72d1b84a36"
REQUEST_ID = "00000000-0000-4000-8000-00000000beef"
SAMPLES_OF_A_POINT = 4
"""Sum, count, minimum and maximum."""

REAL_TIME = Clock(monotonic=time.monotonic, wall=time.time, jitter=lambda _ceiling: 0.0)
"""The real time, without waits before retries."""

_services = itertools.count()


def settings_for(url: str, **changed: str) -> dict[str, str]:
    """Return an environment with a listener, generous times, and a log of its own."""
    return {
        "LOGZIO_METRICS_LISTENER": url,
        "LISTENER_TIMEOUT_SECONDS": "30",
        "DELIVERY_BUDGET_SECONDS": "60",
        "POWERTOOLS_SERVICE_NAME": f"test-{next(_services)}",
        **changed,
    }


def function_for(url: str, **changed: str) -> Function:
    """Return a function that sends to a listener; `changed` are further variables."""
    return Function(settings_for(url, **changed), REAL_TIME)


def function_at(clock: Clock, url: str, **changed: str) -> Function:
    """Return a function with another clock."""
    return Function(settings_for(url, **changed), clock)


def peak_of(action: Callable[[], object]) -> int:
    """Return the peak of the memory that an action allocates, in bytes."""
    running = tracemalloc.is_tracing()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        action()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        if not running:
            tracemalloc.stop()


def point(
    host: str = "a",
    *,
    metric: str = "Requests",
    periods_ago: int = 0,
    end_ms: int = END_MS,
    value: float = 2.0,
) -> Point:
    """Return a data point of namespace Shop with one dimension, Host."""
    end_ms -= periods_ago * MINUTE_MS
    statistics = (3, 3 * value, value, value)
    return Point("Shop", metric, (("Host", host),), "Count", end_ms, MINUTE_MS, *statistics)


def points(count: int) -> list[Point]:
    """Return data points of different series: Host is h0000, h0001 and so on."""
    return [point(f"h{number:04d}") for number in range(count)]


def wide_points(count: int) -> list[Point]:
    """Make points as `points` does, with labels so long that a body of 10,000 bytes holds one."""
    return [point(f"h{number:04d}" + "x" * 2_000) for number in range(count)]


def record_of(several: Sequence[Point], format_: Format = Format.V1_0) -> bytes:
    """Return a record with data points."""
    return record(messages(several, format_))


def body_of(records: Sequence[bytes], request_id: str = REQUEST_ID, sent_ms: int = SENT_MS) -> str:
    """Return the JSON body of a delivery."""
    return delivery_body(records, request_id, sent_ms)


def delivery(
    *records: bytes,
    access_key: str | None = ACCESS_KEY,
    attributes: Mapping[str, str] | None = None,
    sent_ms: int = SENT_MS,
) -> Event:
    """Return the event of a function URL with records."""
    sent_headers = headers(REQUEST_ID, access_key, attributes)
    return ingresses.function_url(sent_headers, body_of(records, sent_ms=sent_ms))


def delivery_of(several: Sequence[Point], **more: Any) -> Event:
    """Return the event of a function URL with data points in one record."""
    return delivery(record_of(several), **more)


@dataclass(frozen=True, slots=True)
class Answered:
    """An HTTP response that meets all requirements of Firehose."""

    status: int
    request_id: str
    timestamp: int
    error: str


def answered(response: Mapping[str, Any]) -> Answered:
    """Read an HTTP response, and require what Firehose requires."""
    assert response["headers"] == {"Content-Type": "application/json"}
    assert response["isBase64Encoded"] is False
    assert response["statusCode"] in (200, 400, 401, 500, 503)
    content = json.loads(response["body"])
    assert content.keys() == {"requestId", "timestamp", "errorMessage"}
    assert type(content["timestamp"]) is int
    assert isinstance(content["requestId"], str)
    error = content["errorMessage"]
    assert len(error) <= 8192
    assert (error == "") == (response["statusCode"] == 200)
    return Answered(response["statusCode"], content["requestId"], content["timestamp"], error)


def invoke(function: Function, event: Any, context: Any = None) -> Answered:
    """Invoke the function with an event of an HTTP ingress."""
    return answered(function(event, context))


def deliver(
    reply: ReplyFunction = accept,
    event: Any = None,
    settings: Mapping[str, str] | None = None,
    *,
    clock: Clock = REAL_TIME,
    context: Any = None,
) -> tuple[Answered, Receiver]:
    """Invoke a new function once, with a listener of its own.

    Args:
        reply: How the listener replies.
        event: Default: one data point.
        settings: Further variables of the function.
        clock: The function's.
        context: The function's.

    Returns:
        The function's response, and the listener, which is closed and has all requests.
    """
    with Receiver(reply) as receiver:
        function = function_at(clock, receiver.url, **(settings or {}))
        event = delivery_of(points(1)) if event is None else event
        return invoke(function, event, context), receiver


def json_lines(output: str) -> list[dict[str, Any]]:
    """Read standard output, in which every line must be a JSON object."""
    lines = [json.loads(line) for line in output.splitlines() if line]
    assert all(isinstance(line, dict) for line in lines)
    return lines
