"""Requests to the fake log destinations, and the records in them."""

import contextlib
import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from testing.log_destinations.destination import LogDestination

NOW = 1_725_012_000.0
"""The time of the destinations, in seconds since 1970, and in finer units."""

NOW_NS = int(NOW) * 10**9
NOW_US = int(NOW) * 10**6
LOGZIO = "/?token=local-token&type=x"
TEXT = {"Content-Type": "text/plain"}
JSON = {"Content-Type": "application/json"}
LOKI = "/loki/api/v1/push"
O2 = "/api/local/default/_json"
O2_HEADERS = JSON | {"Authorization": "Basic bG9jYWw6bG9jYWw="}
TAP = {"Content-Type": "application/x-ndjson", "x-bd-authorization": "local-token"}


def post(
    destination: LogDestination,
    path: str,
    body: bytes,
    headers: Mapping[str, str],
    method: str = "POST",
) -> tuple[int, bytes]:
    """Send a request over a connection of its own; return status and body of the response."""
    address = urlsplit(destination.url)
    assert address.hostname is not None
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    with contextlib.closing(connection):
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        return response.status, response.read()


def lines(*records: Any) -> bytes:
    """Write NDJSON."""
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def logged(**fields: Any) -> dict[str, Any]:
    """Make a Logz.io record that can be indexed."""
    return {"@timestamp": "2024-08-30T10:00:00.000Z", **fields}


def push(
    *values: Any, labels: Mapping[str, Any] | None = None, now_ns: int = NOW_NS
) -> dict[str, Any]:
    """Make a Loki push request of one stream; a string is an entry of this time."""
    entries = [[str(now_ns), it] if isinstance(it, str) else it for it in values]
    return {"streams": [{"stream": labels or {"source": "lambda"}, "values": entries}]}
