"""The fake log destinations hold senders to what the originals document."""

import base64
import contextlib
import gzip
import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest

from local.log_destinations.datatap import DataTapDestination
from local.log_destinations.destination import LogDestination
from local.log_destinations.logzio import LogzioDestination
from local.log_destinations.loki import LokiDestination, LokiEntry
from local.log_destinations.openobserve import OpenObserveDestination

NOW = 1_725_012_000.0
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
    """Send a request over a connection of its own; give status and body of the answer."""
    address = urlsplit(destination.url)
    assert address.hostname is not None
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
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


class TestLogzio:
    """Logz.io."""

    @pytest.mark.parametrize("compressed", [True, False])
    def test_takes_lines(self, compressed: bool) -> None:
        """Good lines are kept in order, compressed or not, and answered with an empty 200."""
        sent = [logged(message=str(number)) for number in range(3)]
        body = gzip.compress(lines(*sent)) if compressed else lines(*sent)
        headers = TEXT | ({"Content-Encoding": "gzip"} if compressed else {})
        with LogzioDestination() as destination:
            assert post(destination, LOGZIO, body, headers) == (200, b"")
            assert (destination.records, destination.count) == (sent, 3)
            assert (destination.violations, destination.invalid) == ([], [])
            (arrival,) = destination.arrivals
        assert (arrival.body_bytes, arrival.content_bytes) == (len(body), len(lines(*sent)))
        assert arrival.head.raw.startswith(b"POST /?token=local-token&type=x HTTP/1.1\r\n")
        assert arrival.head.query == {"token": "local-token", "type": "x"}

    def test_partial_accept(self) -> None:
        """Malformed, oversized and empty lines are counted in a 400, and the other ones taken."""
        good = logged(message="x")
        room = 500_000 - len(json.dumps(logged(message="")))
        largest = lines(logged(message="x" * room))
        body = lines(good) + b'\nno json\n[]\n{"a":NaN}\n' + largest
        body += lines(logged(message="x" * (room + 1))) + lines(good)
        with LogzioDestination() as destination:
            status, answer = post(destination, LOGZIO, body, TEXT)
            (arrival,) = destination.arrivals
            assert destination.acknowledged_count == 3
        assert (status, json.loads(answer)) == (
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
        """What Logz.io takes but cannot index as it is, is taken and noted."""
        with LogzioDestination() as destination:
            assert post(destination, LOGZIO, lines(record), TEXT)[0] == 200
            assert destination.records == [record]
            assert destination.invalid == [f"request 1: line 1: {it}" for it in words]

    def test_too_large(self) -> None:
        """The limit of a body is that of its content, to the byte, and nothing of it is taken."""
        line = lines(logged(message="x" * 1000))
        count, rest = divmod(10_485_760, len(line))
        fitting = line * count + b" " * (rest - 1) + b"\n"
        headers = TEXT | {"Content-Encoding": "gzip"}
        with LogzioDestination(keep=None) as destination:
            status, answer = post(destination, LOGZIO, gzip.compress(fitting, 1), headers)
            assert (status, json.loads(answer)["successfulLines"]) == (400, count)
            assert post(destination, LOGZIO, gzip.compress(fitting + b"x", 1), headers)[0] == 413
            assert (destination.count, destination.records) == (count, [])

    def test_keeps_identities(self) -> None:
        """Where only a part of each record is wanted, nothing else is kept."""
        with LogzioDestination(keep=lambda record: record["id"]) as destination:
            post(destination, LOGZIO, lines(logged(id=1), logged(id=2)), TEXT)
            assert destination.records == [1, 2]

    def test_refuses_on_demand(self) -> None:
        """Records that it is told to refuse are counted as malformed."""
        with LogzioDestination(refuses=lambda record: record["id"] == 1) as destination:
            status, answer = post(destination, LOGZIO, lines(logged(id=1), logged(id=2)), TEXT)
            assert (status, json.loads(answer)["malformedLines"]) == (400, 1)
            assert [record["id"] for record in destination.records] == [2]


class TestLoki:
    """Grafana Loki."""

    def test_takes_entries(self) -> None:
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
    def test_partial_accept(self, bad: dict[str, Any], words: str) -> None:
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
    def test_wrong_form(self, body: Any) -> None:
        """A body that does not have the form of the API is refused whole."""
        both = (
            body if isinstance(body, list) else {"streams": push("x")["streams"] + body["streams"]}
        )
        with LokiDestination(clock=lambda: NOW) as destination:
            assert post(destination, LOKI, json.dumps(both).encode(), JSON)[0] == 400
            assert (destination.count, len(destination.violations)) == (0, 1)

    def test_identifies_senders(self) -> None:
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


class TestOpenObserve:
    """OpenObserve."""

    def test_takes_records(self) -> None:
        """Records are kept in order, and the answer counts them."""
        sent = [{"_timestamp": NOW_US + number, "record": "x"} for number in range(2)]
        with OpenObserveDestination(clock=lambda: NOW) as destination:
            status, answer = post(destination, O2, json.dumps(sent).encode(), O2_HEADERS)
            assert destination.records == sent
            assert destination.violations == []
        assert (status, json.loads(answer)) == (
            200,
            {"code": 200, "status": [{"name": "default", "successful": 2, "failed": 0}]},
        )

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
        """A record that fails is counted in an answer that is 200 all the same."""
        largest = {"_timestamp": NOW_US, **{str(n): n for n in range(199)}}
        with OpenObserveDestination(clock=lambda: NOW) as destination:
            body = json.dumps([bad, largest]).encode()
            status, answer = post(destination, O2, body, O2_HEADERS)
            (counts,) = json.loads(answer)["status"]
            assert (status, counts["successful"], counts["failed"]) == (200, 1, 1)
            assert words in counts["error"]
            assert destination.records == [largest]
            assert len(destination.violations) == 1

    @pytest.mark.parametrize("body", [b"{}", b"", b'[{"a":"\xff"}]', b'[{"\\ud800":1}]', b"[NaN]"])
    def test_wrong_body(self, body: bytes) -> None:
        """A body that is no array of JSON, half of a surrogate pair in it too, is refused whole."""
        with OpenObserveDestination(clock=lambda: NOW) as destination:
            assert post(destination, O2, body, O2_HEADERS)[0] == 400
            assert len(destination.violations) == 1


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


class TestDataTap:
    """A BoilingData Data Tap."""

    def test_takes_lines(self) -> None:
        """Lines are kept in order, with or without a line break at the end."""
        with DataTapDestination() as destination:
            assert post(destination, "/", lines({"a": 1}, {"a": 2}), TAP)[0] == 200
            assert post(destination, "/", lines({"a": 3})[:-1], TAP)[0] == 200
            assert [record["a"] for record in destination.records] == [1, 2, 3]
            assert destination.violations == []

    @pytest.mark.parametrize("line", [b"no json", b"", b"[]", b'{"a":"\\udc00"}'])
    def test_loses_wrong_lines(self, line: bytes) -> None:
        """A line that cannot be read is lost behind a 200, and a violation."""
        with DataTapDestination() as destination:
            assert post(destination, "/", lines({"a": 1}) + line + b"\n", TAP)[0] == 200
            assert (destination.count, len(destination.violations)) == (1, 1)

    def test_undoes_no_compression(self) -> None:
        """Compressed lines are not read."""
        with DataTapDestination() as destination:
            body = gzip.compress(lines({"a": 1}), mtime=0)
            assert post(destination, "/", body, TAP | {"Content-Encoding": "gzip"})[0] == 200
            assert destination.count == 0
            assert "Content-Encoding is 'gzip'" in destination.violations[0]

    def test_too_large(self) -> None:
        """A request over 6 MB is answered 413."""
        with DataTapDestination() as destination:
            assert post(destination, "/", b" " * 6_291_457, TAP)[0] == 413


GOOD: list[tuple[type[LogDestination], str, bytes, dict[str, str]]] = [
    (LogzioDestination, LOGZIO, lines(logged()), TEXT),
    (LokiDestination, LOKI, b'{"streams":[]}', JSON),
    (OpenObserveDestination, O2, b"[]", O2_HEADERS),
    (DataTapDestination, "/", lines({"a": 1}), TAP),
]


@pytest.mark.parametrize(("kind", "path", "body", "headers"), GOOD)
class TestAll:
    """What holds for all four."""

    def test_good(
        self, kind: type[LogDestination], path: str, body: bytes, headers: dict[str, str]
    ) -> None:
        """A request that keeps the rules is answered with success, and is no violation."""
        with kind() as destination:
            assert post(destination, path, body, headers)[0] in (200, 204)
            assert destination.violations == []
            assert destination.environment["LOGS_DESTINATION"] == destination.name

    def test_token(
        self, kind: type[LogDestination], path: str, body: bytes, headers: dict[str, str]
    ) -> None:
        """A wrong token is answered 401, from the moment on that the token is another one."""
        with kind() as destination:
            if isinstance(destination, LokiDestination):
                destination.username = "u"
            destination.token = "new-token"
            assert post(destination, path, body, headers)[0] == 401
            assert (destination.count, destination.acknowledged_count) == (0, 0)

    def test_address(
        self, kind: type[LogDestination], path: str, body: bytes, headers: dict[str, str]
    ) -> None:
        """Another path is answered 404 and another method 405."""
        with kind() as destination:
            assert post(destination, "/other" + path, body, headers)[0] == 404
            assert post(destination, path, body, headers, "PUT")[0] == 405
            assert len(destination.violations) == 2

    def test_headers(
        self, kind: type[LogDestination], path: str, body: bytes, headers: dict[str, str]
    ) -> None:
        """A wrong host, content type or content encoding is a violation."""
        wrong = {"Host": "elsewhere", "Content-Type": "image/png", "Content-Encoding": "br"}
        with kind() as destination:
            post(destination, path, body, headers | wrong)
            (host, media_type, encoding, *_) = destination.violations
        assert host.startswith("request 1: Host is 'elsewhere'")
        assert media_type == "request 1: Content-Type is 'image/png'"
        assert encoding == "request 1: Content-Encoding is 'br'"

    def test_not_gzip(
        self, kind: type[LogDestination], path: str, body: bytes, headers: dict[str, str]
    ) -> None:
        """A body that is not in the encoding it names is a violation."""
        with kind() as destination:
            status, _ = post(destination, path, body, headers | {"Content-Encoding": "gzip"})
            assert status == (200 if kind is DataTapDestination else 400)
            assert destination.violations
