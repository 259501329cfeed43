"""Target `delivery`: the whole function, from an event's JSON to the answer."""

import json
import time
import zlib
from collections.abc import Mapping
from typing import Any

from handler.app import Function
from handler.client import Client, ListenerResponse
from handler.clock import Clock
from handler.errors import UndeliveredError
from testing import rules
from testing.events.firehose import ACCESS_KEY

_NOW = 1_793_491_200.0
_STATUSES = {200, 400, 401, 500, 503}


class _Listener(Client):
    """Holds each request to the rules of remote write, and refuses some: always the same."""

    def post(
        self,
        url: str,  # noqa: ARG002 - what a client takes
        content: bytes,
        headers: Mapping[str, str],  # noqa: ARG002
        timeout: float,  # noqa: ARG002
    ) -> ListenerResponse:
        assert not rules.broken_by_request(rules.decode(content), 1_000_000)
        refused = zlib.crc32(content) % 3 == 0
        return ListenerResponse(400 if refused else 200, "too old" if refused else "", None)


_FUNCTION = Function(
    {
        "LOGZIO_METRICS_LISTENER": "https://listener.example.com/write",
        "FIREHOSE_ACCESS_KEY": ACCESS_KEY,
        "LOGZIO_METRICS_TOKEN": "fuzz-token",
        "POWERTOOLS_SERVICE_NAME": "fuzz",
        "POWERTOOLS_LOG_LEVEL": "CRITICAL",
    },
    Clock(monotonic=time.monotonic, wall=lambda: _NOW, jitter=lambda _ceiling: 0.0),
    _Listener(connections=1),
)


def check(content: bytes) -> None:
    """See that any JSON is answered in an ingress's words, and never as unforeseen.

    A transformation whose time is over fails, as it should.
    """
    try:
        event = json.loads(content)
    except (ValueError, RecursionError):
        return
    try:
        answer = _FUNCTION(event, None)
    except UndeliveredError:
        assert isinstance(event["records"], list)
        return
    # What cannot be written as JSON and as UTF-8 would end the invocation.
    json.dumps(answer).encode()
    if "records" in answer:
        assert [one["recordId"] for one in answer["records"]] == [
            _record_id(given) for given in event["records"]
        ]
        return
    assert answer["statusCode"] in _STATUSES
    body = json.loads(answer["body"])
    assert body.keys() == {"requestId", "timestamp", "errorMessage"}
    assert len(body["errorMessage"]) <= 8192
    assert (body["errorMessage"] == "") == (answer["statusCode"] == 200)
    # Whatever comes in, nothing of it is unforeseen.
    assert "unforeseen" not in body["errorMessage"], body["errorMessage"]


def _record_id(given: Any) -> str:
    record_id = given.get("recordId") if isinstance(given, dict) else ""
    return record_id if isinstance(record_id, str) else ""
