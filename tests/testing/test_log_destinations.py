"""The stand-ins of the log destinations hold senders to what the originals document."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from testing.log_destinations import DESTINATIONS
from testing.log_destinations.datatap import DataTapDestination
from testing.log_destinations.destination import LogDestination
from testing.log_destinations.logzio import LogzioDestination
from testing.log_destinations.loki import LokiDestination, LokiEntry
from testing.log_destinations.openobserve import OpenObserveDestination
from tests.support.log_requests import (
    JSON,
    LOGZIO,
    LOKI,
    NOW,
    NOW_NS,
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

GOOD: dict[str, tuple[str, bytes, dict[str, str]]] = {
    "logzio": (LOGZIO, lines(logged()), TEXT),
    "loki": (LOKI, b'{"streams":[]}', JSON),
    "openobserve": (O2, b"[]", O2_HEADERS),
    "datatap": ("/", lines({"a": 1}), TAP),
}
GZIP = {"Content-Encoding": "gzip"}


def loki() -> LokiDestination:
    """Run Loki at the time of the requests."""
    return LokiDestination(clock=lambda: NOW)


def first_only() -> Callable[[Any], bool]:
    """Return a predicate that holds for its first record."""
    chosen = iter([True, False])
    return lambda _record: next(chosen)


def openobserve() -> OpenObserveDestination:
    """Run OpenObserve at the time of the requests."""
    return OpenObserveDestination(clock=lambda: NOW)


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize(
    ("wrong", "status", "words"),
    [
        ({}, None, []),
        ({"path": "/other"}, 404, ["there is nothing at /other"]),
        ({"method": "PUT"}, 405, ["records are sent with POST, not PUT"]),
        ({"token": "another"}, 401, []),
        ({"headers": {"Host": "elsewhere"}}, None, ["Host is 'elsewhere', not"]),
        ({"headers": {"Content-Type": "image/png"}}, None, ["Content-Type is 'image/png'"]),
        ({"headers": {"Content-Encoding": "br"}}, None, ["Content-Encoding is 'br'"]),
    ],
)
def test_requests(name: str, wrong: dict[str, Any], status: int | None, words: list[str]) -> None:
    """What is wrong with a request is its reply, a violation, or both."""
    path, body, headers = GOOD[name]
    with DESTINATIONS[name]() as destination:
        if isinstance(destination, LokiDestination) and "token" in wrong:
            destination.username = "u"
        destination.token = wrong.get("token", destination.token)
        headers = headers | wrong.get("headers", {})
        got, _ = post(
            destination, wrong.get("path", path), body, headers, wrong.get("method", "POST")
        )
        assert got == (status or got)
        assert got in (status, 200, 204)
        violations = destination.violations
    assert [text.startswith(f"request 1: {words[0]}") for text in violations] == [True] * len(words)


def test_refuses_on_demand() -> None:
    """A record that `refuses` picks is refused in the destination's way, without a violation."""
    entries = json.dumps(push("one", "two")).encode()
    sent = [{"_timestamp": NOW_US, "record": text} for text in ("one", "two")]
    cases: list[tuple[LogDestination, tuple[str, bytes, dict[str, str]], int, bytes]] = [
        (LogzioDestination(), (LOGZIO, lines(logged(id=1), logged(id=2)), TEXT), 400, b'Lines": 1'),
        (loki(), (LOKI, entries, JSON), 400, b"refused"),
        (openobserve(), (O2, json.dumps(sent).encode(), O2_HEADERS), 200, b'"failed": 1'),
        (DataTapDestination(), ("/", lines({"a": 1}, {"a": 2}), TAP), 200, b""),
    ]
    for made, (path, body, headers), expected, words in cases:
        with made as destination:
            destination.refuses = first_only()
            status, reply = post(destination, path, body, headers)
            assert (status, words in reply, destination.count) == (expected, True, 1)
            assert (destination.arrivals[0].refused, destination.violations) == (1, [])


class TestLogzio:
    """Logz.io's bulk listener."""

    @pytest.mark.parametrize("compressed", [True, False])
    def test_takes_lines(self, compressed: bool) -> None:
        """Good lines are kept in order, compressed or not, and the reply is an empty 200."""
        sent = [logged(message=str(number)) for number in range(3)]
        body = gzip.compress(lines(*sent)) if compressed else lines(*sent)
        with LogzioDestination() as destination:
            assert post(destination, LOGZIO, body, TEXT | (GZIP if compressed else {})) == (
                200,
                b"",
            )
            assert (destination.records, destination.count) == (sent, 3)
            assert (destination.violations, destination.invalid) == ([], [])
            (arrival,) = destination.arrivals
        assert arrival.content_bytes == len(lines(*sent))

    def test_partial_accept(self) -> None:
        """Malformed, oversized and empty lines are counted in a 400, and the others accepted."""
        good = logged(message="x")
        left = 500_000 - len(json.dumps(logged(message="")))
        body = lines(good) + b'\nno json\n[]\n{"a":NaN}\n' + lines(logged(message="x" * left))
        body += lines(logged(message="x" * (left + 1))) + lines(good)
        with LogzioDestination() as destination:
            status, reply = post(destination, LOGZIO, body, TEXT)
            (arrival,) = destination.arrivals
            assert destination.acknowledged_count == 3
        assert (status, json.loads(reply)) == (
            400,
            {"successfulLines": 3, "malformedLines": 3, "oversizedLines": 1, "emptyLogLines": 1},
        )
        assert (arrival.refused, len(arrival.invalid)) == (5, 1)

    @pytest.mark.parametrize(
        ("record", "words"),
        [
            ({"message": "x"}, ["@timestamp is missing"]),
            (logged(message="x" * 32_700), []),
            (logged(nested=[{"message": "ä" * 32_701}]), ["a value of more than 32700 characters"]),
            (logged(message="\U0001f600" * 16_350), []),
            (logged(message="\U0001f600" * 16_351), ["a value of more than 32700 characters"]),
            (logged(**{str(number): 1 for number in range(1_000)}), ["more than 1000 fields"]),
            (logged(**{str(number): 1 for number in range(999)}), []),
            (logged(deep=json.loads("[" * 10 + "]" * 10)), ["deeper than 10"]),
            (logged(deep=json.loads("[" * 9 + "]" * 9)), []),
        ],
    )
    def test_not_indexed(self, record: dict[str, Any], words: list[str]) -> None:
        """What Logz.io accepts but cannot index as it is, is accepted and noted."""
        with LogzioDestination() as destination:
            assert post(destination, LOGZIO, lines(record), TEXT)[0] == 200
            assert destination.records == [record]
            assert destination.invalid == [f"request 1: record 1: {it}" for it in words]

    def test_too_large(self) -> None:
        """The limit of a body is that of its content, to the byte, and nothing is accepted."""
        line = lines(logged(message="x" * 1000))
        count, rest = divmod(10_485_760, len(line))
        fitting = line * count + b" " * (rest - 1) + b"\n"
        with LogzioDestination(keep=None) as destination:
            status, reply = post(destination, LOGZIO, gzip.compress(fitting, 1), TEXT | GZIP)
            assert (status, json.loads(reply)["successfulLines"]) == (400, count)
            too_large = gzip.compress(fitting + b"x", 1)
            assert post(destination, LOGZIO, too_large, TEXT | GZIP)[0] == 413
            assert (destination.count, destination.records) == (count, [])


class TestLoki:
    """Loki's push API."""

    def test_takes_entries(self) -> None:
        """Entries are kept with labels, time and structured metadata, and the reply is 204."""
        body = json.dumps(push("one", [str(NOW_NS + 1), "two", {"requestId": "r"}])).encode()
        with loki() as destination:
            assert post(destination, LOKI, gzip.compress(body), JSON | GZIP) == (204, b"")
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
    def test_partial_accept(self, bad: dict[str, Any], words: str) -> None:
        """An entry over a limit makes the reply 400, and the good ones are accepted."""
        body = {"streams": push("x" * 262_144)["streams"] + bad["streams"]}
        with loki() as destination:
            status, reply = post(destination, LOKI, json.dumps(body).encode(), JSON)
            assert (status, words in reply.decode()) == (400, True)
            assert [len(entry.line) for entry in destination.records] == [262_144]


class TestOpenObserve:
    """OpenObserve's JSON ingestion API."""

    @pytest.mark.parametrize(
        ("bad", "words"),
        [
            ("x", "it is no object"),
            ({}, "_timestamp is no whole number"),
            ({"_timestamp": str(NOW_US)}, "_timestamp is no whole number"),
            ({"_timestamp": int(NOW) * 1_000}, "not in microseconds"),
            ({"_timestamp": NOW_NS}, "not in microseconds"),
            ({"_timestamp": NOW_US, **{str(n): n for n in range(200)}}, "more than 200 columns"),
            ({"_timestamp": NOW_US, "a": {str(n): n for n in range(200)}}, "more than 200"),
        ],
    )
    def test_failed_records(self, bad: Any, words: str) -> None:
        """A record that fails is counted in a reply that is 200 all the same."""
        largest = {"_timestamp": NOW_US, **{str(n): n for n in range(199)}}
        with openobserve() as destination:
            status, reply = post(destination, O2, json.dumps([bad, largest]).encode(), O2_HEADERS)
            (counts,) = json.loads(reply)["status"]
            assert (status, counts["successful"], counts["failed"]) == (200, 1, 1)
            assert words in counts["error"]
            assert destination.records == [largest]
            assert len(destination.violations) == 1


def test_too_large_for_a_data_tap() -> None:
    """The reply to a request over 6 MB is 413."""
    with DataTapDestination() as destination:
        assert post(destination, "/", b" " * 6_291_457, TAP)[0] == 413
