"""The fake Grafana Loki holds senders to what the original documents."""

import base64
import gzip
import json
from typing import Any

import pytest

from testing.log_destinations.loki import LokiDestination, LokiEntry
from tests.support.log_requests import JSON, LOKI, NOW, NOW_NS, post, push


def test_takes_entries() -> None:
    """Entries are kept with labels, time and structured metadata, and answered 204."""
    body = json.dumps(push("one", [str(NOW_NS + 1), "two", {"requestId": "r"}])).encode()
    with LokiDestination(clock=lambda: NOW) as destination:
        headers = JSON | {"Content-Encoding": "gzip"}
        assert post(destination, LOKI, gzip.compress(body), headers) == (204, b"")
        assert destination.records == [
            LokiEntry({"source": "lambda"}, NOW_NS, "one", {}),
            LokiEntry({"source": "lambda"}, NOW_NS + 1, "two", {"requestId": "r"}),
        ]
        assert destination.violations == []


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (push("x" * 262_145), "a line of 262145 bytes"),
        (push("x", labels={f"l{number}": "v" for number in range(16)}), "16 labels"),
        (push("x", labels={"a-b": "v"}), "is no label name"),
        (push("x", labels={"a": "v" * 2_049}), "is too long"),
        (push("x", now_ns=NOW_NS - 8 * 24 * 3_600 * 10**9), "timestamp too old"),
        (push("x", now_ns=NOW_NS + 601 * 10**9), "timestamp too new"),
        (push("x", now_ns=NOW_NS - 3_601 * 10**9), "entry too far behind"),
        (push([str(NOW_NS), "x", {str(n): "" for n in range(129)}]), "129 entries"),
        (push([str(NOW_NS), "x", {"a": "x" * 65_536}]), "metadata is too large"),
    ],
)
def test_partial_accept(bad: dict[str, Any], words: str) -> None:
    """An entry over a limit makes the answer 400, and the good ones are taken all the same."""
    body = {"streams": push("x" * 262_144)["streams"] + bad["streams"]}
    with LokiDestination(clock=lambda: NOW) as destination:
        status, answer = post(destination, LOKI, json.dumps(body).encode(), JSON)
        assert (status, words in answer.decode()) == (400, True)
        assert [len(entry.line) for entry in destination.records] == [262_144]


@pytest.mark.parametrize(
    "body",
    [
        push([NOW_NS, "x"]),
        push(["soon", "x"]),
        push([str(NOW_NS), {"a": 1}]),
        push([str(NOW_NS), "x", {"requestId": 1}]),
        push([str(NOW_NS)]),
        push("x", labels={"a": 1}),
        {"streams": [{}]},
        [],
    ],
)
def test_wrong_form(body: Any) -> None:
    """A body that does not have the form of the API is refused whole."""
    both = body if isinstance(body, list) else {"streams": push("x")["streams"] + body["streams"]}
    with LokiDestination(clock=lambda: NOW) as destination:
        assert post(destination, LOKI, json.dumps(both).encode(), JSON)[0] == 400
        assert (destination.count, len(destination.violations)) == (0, 1)


def test_identifies_senders() -> None:
    """Tenant and Basic authentication are asked for once they are set."""
    with LokiDestination(clock=lambda: NOW) as destination:
        destination.tenant, destination.username = "t", "u"
        body = json.dumps(push("x")).encode()
        basic = {"Authorization": "Basic " + base64.b64encode(b"u:local-token").decode()}
        for headers in ({}, basic, {"X-Scope-OrgID": "t"}):
            assert post(destination, LOKI, body, JSON | headers)[0] == 401
        assert post(destination, LOKI, body, JSON | basic | {"X-Scope-OrgID": "t"})[0] == 204
        assert destination.environment["LOKI_TENANT_ID"] == "t"
        assert destination.environment["LOKI_PASSWORD"] == "local-token"
