"""Requests and seconds until each sample of a delivery is settled, for each server."""

import contextlib
import io
import time
from collections.abc import Callable, Iterator
from typing import Any

from handler.app import Function
from handler.clock import Clock
from testing.backends.backend import Backend, Limits
from testing.backends.cortex import Cortex
from testing.backends.m3 import M3
from testing.backends.managed import Managed
from testing.backends.mimir import Mimir
from testing.backends.prometheus import PrometheusStandIn
from testing.backends.thanos import Thanos
from testing.events.firehose import ACCESS_KEY, delivery_body, headers
from testing.events.fleet import MINUTE_MS, Point
from testing.events.ingresses import Event, function_url
from testing.events.large import large_records
from testing.events.otlp import Format
from testing.receiver import Receiver
from testing.replies import slow
from tools.bench.measurement import Cell, Effort, Measurement, Table

_LATENCY_SECONDS = 0.02
_SHARES = (0.0, 0.01, 0.1, 0.5, 0.95, 1.0)
_SERIES_OF_A_POINT = 4
# The time of the delivery's points, and of those that M3 refuses.
_FRESH_MS = 2 * MINUTE_MS
_PAST_MS = 30 * MINUTE_MS

_SERVERS: dict[str, Callable[[int], Backend]] = {
    "Prometheus": lambda _good: PrometheusStandIn(),
    "Mimir": lambda _good: Mimir(),
    "Cortex": lambda _good: Cortex(),
    "Thanos": lambda _good: Thanos(),
    "M3": lambda _good: M3(Limits(now_ms=_now_ms, past_ms=_PAST_MS // 2)),
    "Managed Prometheus": lambda good: Managed(Limits(max_series=good * _SERIES_OF_A_POINT)),
}
"""Makes a server, given how many of the points it is to take."""


def settling(effort: Effort) -> Measurement:
    """Measure deliveries of each size and share of bad points against each server."""
    figures: dict[str, Any] = {}
    rows: list[list[Cell]] = []
    # The function's log.
    with contextlib.redirect_stdout(io.StringIO()):
        for size in effort.settling:
            for server in _SERVERS:
                cases = {f"{share:.0%}": _case(server, size, share) for share in _SHARES}
                figures.setdefault(server, {})[str(size)] = cases
                rows.append([f"{server}, {size:,} points", *map(_cell, cases.values())])
    title = f"Requests and seconds to settle a delivery, {_LATENCY_SECONDS * 1000:g} ms away"
    headers = ["share of bad points", *(f"{share:.0%}" for share in _SHARES)]
    return Measurement(Table(title, headers, rows), figures)


def _case(name: str, size: int, share: float) -> dict[str, float]:
    """Send one delivery; return its requests, seconds and status."""
    # Every n-th is bad: each body has its share.
    bad = {n for n in range(size) if int((n + 1) * share) > int(n * share)}
    server = _SERVERS[name](size - len(bad))
    with Receiver(slow(server, _LATENCY_SECONDS)) as receiver:
        function = Function(
            {
                "LOGZIO_METRICS_LISTENER": receiver.url,
                "LOGZIO_METRICS_TOKEN": "bench",
                "FIREHOSE_ACCESS_KEY": ACCESS_KEY,
            },
            Clock(),
        )
        before = list(_before(name, size, bad))
        if before:
            function(_event(before), None)
        seeded = len(receiver.requests)
        event = _event([_point(n, _age(name, n in bad)) for n in range(size)])
        begun = time.perf_counter()
        response = function(event, None)
        seconds = time.perf_counter() - begun
        requests = len(receiver.requests) - seeded
    return {"requests": requests, "seconds": seconds, "status": response["statusCode"]}


def _before(name: str, size: int, bad: set[int]) -> Iterator[Point]:
    """Yield what the server has before the delivery, because of which it refuses the bad points."""
    if name == "Managed Prometheus":
        # It is full of the series of the good ones.
        yield from (_point(n, _FRESH_MS + MINUTE_MS) for n in range(size) if n not in bad)
    elif name != "M3":
        # A newer delivery has overtaken them.
        yield from (_point(n, _FRESH_MS - MINUTE_MS) for n in sorted(bad))


def _age(name: str, bad: bool) -> int:
    return _PAST_MS if bad and name == "M3" else _FRESH_MS


def _point(number: int, age_ms: int) -> Point:
    """Return a data point of a series."""
    end_ms = _now_ms() // MINUTE_MS * MINUTE_MS - age_ms
    host = (("InstanceId", f"i-{number:05}"),)
    return Point("AWS/EC2", "CPUUtilization", host, "Percent", end_ms, MINUTE_MS, 1, 2.0, 2.0, 2.0)


def _event(points: list[Point]) -> Event:
    sent_ms = _now_ms()
    request_id = "00000000-0000-4000-8000-000000000000"
    body = delivery_body(large_records(points, Format.V1_0), request_id, sent_ms)
    return function_url(headers(request_id), body, base64=False, timestamp_ms=sent_ms)


def _cell(case: dict[str, float]) -> str:
    text = f"{case['requests']:,.0f}, {case['seconds']:.1f} s"
    return text if case["status"] == 200 else f"{text}, {case['status']:.0f}"


def _now_ms() -> int:
    return int(time.time() * 1000)
