"""What holds for all four fake log destinations."""

import json

import pytest

from testing.log_destinations.datatap import DataTapDestination
from testing.log_destinations.destination import LogDestination
from testing.log_destinations.logzio import LogzioDestination
from testing.log_destinations.loki import LokiDestination
from testing.log_destinations.openobserve import OpenObserveDestination
from tests.support.log_requests import (
    JSON,
    LOGZIO,
    LOKI,
    NOW,
    NOW_US,
    O2,
    O2_HEADERS,
    TAP,
    TEXT,
    lines,
    logged,
    post,
    push,
)

GOOD: list[tuple[type[LogDestination], str, bytes, dict[str, str]]] = [
    (LogzioDestination, LOGZIO, lines(logged()), TEXT),
    (LokiDestination, LOKI, b'{"streams":[]}', JSON),
    (OpenObserveDestination, O2, b"[]", O2_HEADERS),
    (DataTapDestination, "/", lines({"a": 1}), TAP),
]


each = pytest.mark.parametrize(("kind", "path", "body", "headers"), GOOD)


@each
def test_good(kind: type[LogDestination], path: str, body: bytes, headers: dict[str, str]) -> None:
    """A request that keeps the rules is answered with success, and is no violation."""
    with kind() as destination:
        assert post(destination, path, body, headers)[0] in (200, 204)
        assert destination.violations == []
        assert destination.environment["LOGS_DESTINATION"] == destination.name


@each
def test_token(kind: type[LogDestination], path: str, body: bytes, headers: dict[str, str]) -> None:
    """A wrong token is answered 401, from the moment on that the token is another one."""
    with kind() as destination:
        if isinstance(destination, LokiDestination):
            destination.username = "u"
        destination.token = "new-token"
        assert post(destination, path, body, headers)[0] == 401
        assert (destination.count, destination.acknowledged_count) == (0, 0)


@each
def test_address(
    kind: type[LogDestination], path: str, body: bytes, headers: dict[str, str]
) -> None:
    """Another path is answered 404 and another method 405."""
    with kind() as destination:
        assert post(destination, "/other" + path, body, headers)[0] == 404
        assert post(destination, path, body, headers, "PUT")[0] == 405
        assert len(destination.violations) == 2


@each
def test_headers(
    kind: type[LogDestination], path: str, body: bytes, headers: dict[str, str]
) -> None:
    """A wrong host, content type or content encoding is a violation."""
    wrong = {"Host": "elsewhere", "Content-Type": "image/png", "Content-Encoding": "br"}
    with kind() as destination:
        post(destination, path, body, headers | wrong)
        (host, media_type, encoding, *_) = destination.violations
    assert host.startswith("request 1: Host is 'elsewhere'")
    assert media_type == "request 1: Content-Type is 'image/png'"
    assert encoding == "request 1: Content-Encoding is 'br'"


@each
def test_not_gzip(
    kind: type[LogDestination], path: str, body: bytes, headers: dict[str, str]
) -> None:
    """A body that is not in the encoding it names is a violation."""
    with kind() as destination:
        status, _ = post(destination, path, body, headers | {"Content-Encoding": "gzip"})
        assert status == (200 if kind is DataTapDestination else 400)
        assert destination.violations


def test_refuses_on_demand() -> None:
    """What a destination is told to refuse is refused in its own way, and is no violation."""
    loki_body = json.dumps(push("one", "two")).encode()
    with LokiDestination(clock=lambda: NOW, refuses=lambda it: it.line == "one") as loki:
        assert post(loki, LOKI, loki_body, JSON)[0] == 400
        assert ([entry.line for entry in loki.records], loki.violations) == (["two"], [])
    records = [{"_timestamp": NOW_US, "record": text} for text in ("one", "two")]
    body = json.dumps(records).encode()
    refuses_one = OpenObserveDestination(
        clock=lambda: NOW, refuses=lambda it: it["record"] == "one"
    )
    with refuses_one as openobserve:
        answer = post(openobserve, O2, body, O2_HEADERS)[1]
        assert json.loads(answer)["status"][0]["failed"] == 1
        assert (openobserve.records, openobserve.violations) == (records[1:], [])
    with DataTapDestination(refuses=lambda it: it["a"] == 1) as tap:
        assert post(tap, "/", lines({"a": 1}, {"a": 2}), TAP)[0] == 200
        assert (tap.records, tap.violations) == ([{"a": 2}], [])
