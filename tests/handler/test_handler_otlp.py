"""A function that sends to an OTLP endpoint: the same accounts, the same answers."""

import json
from collections import Counter
from typing import Any

import pytest

from testing.events.fleet import END_MS, Point
from testing.events.ingresses import SENT_MS
from testing.events.samples import good_events
from testing.http_server import Reply
from testing.otlp_receiver import (
    PROTOBUF,
    OtlpReceiver,
    OtlpRequest,
    ReplyFunction,
    failure,
    points_in,
    success,
)
from tests.support.clocks import WaitedTime
from tests.support.event_records import records_of
from tests.support.invoking import ACCESS_KEY, delivery, delivery_of, point, points, record_of
from tests.support.otlp_endpoints import flattened, in_1_0, otlp_function, otlp_settings
from tests.support.recording import Recorded, RecordingFunction

GOOD = good_events(END_MS)
TOKEN = {"LOGZIO_METRICS_TOKEN": "token-3d5f", "FIREHOSE_ACCESS_KEY": "sample-access-key"}
FOUR = points(4)
HTML = Reply(200, {"Content-Type": "text/html"}, b"<html>welcome</html>")
JSON = {"Content-Type": "application/json"}


def deliver(
    reply: ReplyFunction, several: list[Point] = FOUR, **changed: str
) -> tuple[Recorded, OtlpReceiver]:
    """Deliver points to an endpoint, which is closed and has all requests."""
    time = WaitedTime(wall=lambda: SENT_MS / 1000)
    with OtlpReceiver(reply) as receiver:
        function = RecordingFunction("", otlp_settings(receiver.url, **changed), time.clock)
        recorded = function.invoke(delivery_of(several))
    return recorded, receiver


def in_turn(*replies: Reply) -> ReplyFunction:
    """Return replies in turn; the last one to every request after that."""
    left = list(replies)
    return lambda _request: left.pop(0) if len(left) > 1 else left[0]


@pytest.mark.parametrize("gzip", ["none", "gzip"])
@pytest.mark.parametrize("dimensions", ["keep", "flatten"])
def test_every_ingress_and_format(dimensions: str, gzip: str) -> None:
    """All points of all sample events arrive, whatever they came through, and are answered."""
    settings = {
        **TOKEN,
        "OTLP_DIMENSIONS": dimensions,
        "OTEL_EXPORTER_OTLP_METRICS_COMPRESSION": gzip,
    }
    arrived: dict[str, Counter[Any]] = {}
    with OtlpReceiver() as receiver:
        function = otlp_function(receiver, **settings)
        for name, event in GOOD.items():
            receiver.accepted.clear()
            response = function.invoke(event).response
            if "records" in response:
                assert {it["result"] for it in response["records"]} == {"Dropped"}
            else:
                assert response["statusCode"] == 200
            arrived[name] = receiver.points()
        assert receiver.violations == []
    assert arrived.pop("demo-data").total() == 0
    first, *others = arrived.values()
    assert first.total() == 79
    assert all(other == first for other in others)
    assert {"Dimensions" in dict(it.attributes) for it in first} == {dimensions == "keep"}


def test_request() -> None:
    """Headers, the token and the endpoint's URL are as the settings say; the URL as it is."""
    headers = "X-Tenant=a%20b, x-team = ops,"
    recorded, receiver = deliver(lambda _: success(), OTEL_EXPORTER_OTLP_METRICS_HEADERS=headers)
    assert recorded.status == 200
    (request,) = receiver.requests
    assert request.http.target == "/v1/metrics"
    sent = request.http.headers
    assert (sent["x-tenant"], sent["x-team"]) == ("a b", "ops")
    assert sent["authorization"] == f"Bearer {ACCESS_KEY}"
    assert sent["user-agent"].startswith("metric-stream-lambda/")
    assert receiver.violations == []


@pytest.mark.parametrize(
    ("reply", "status", "requests", "counts", "words"),
    [
        pytest.param(success(), 200, 1, (4, 0, 0), "", id="success"),
        pytest.param(Reply(200), 200, 1, (4, 0, 0), "", id="no body"),
        pytest.param(Reply(204), 200, 1, (4, 0, 0), "", id="no content"),
        pytest.param(success(3, "label value too long"), 200, 1, (1, 3, 0), "", id="partial"),
        pytest.param(success(9, "no"), 200, 1, (0, 4, 0), "", id="more than were sent"),
        pytest.param(
            Reply(200, JSON, b'{"partialSuccess":{"rejectedDataPoints":"3"}}'),
            *(200, 1, (1, 3, 0), ""),
            id="JSON",
        ),
        pytest.param(Reply(200, JSON, b"{}"), 200, 1, (4, 0, 0), "", id="JSON success"),
        pytest.param(success(3, "<nil>"), 200, 1, (1, 3, 0), "", id="partial in angle brackets"),
        pytest.param(HTML, 500, 1, (0, 0, 4), "check the setting: 200 <html>", id="a page"),
        *(
            pytest.param(failure(code, "no"), 401, 1, (0, 0, 4), f"token: {code} no", id=str(code))
            for code in (401, 403)
        ),
        *(
            pytest.param(failure(code, "no"), 500, 1, (0, 0, 4), f"setting: {code}", id=str(code))
            for code in (404, 405, 415)
        ),
        *(
            pytest.param(
                failure(code, "no"), 500, 1, (0, 0, 4), f"be asked again: {code} no", id=str(code)
            )
            for code in (408, 500, 501, 505)
        ),
        # The whole, then its four parts, of which none is accepted.
        *(
            pytest.param(failure(code, "no"), 500, 7, (0, 0, 4), f"{code} no", id=str(code))
            for code in (400, 413, 422)
        ),
        pytest.param(
            failure(400, "invalid label value"), 200, 7, (0, 4, 0), "", id="all points are bad"
        ),
        pytest.param(
            Reply(400, {"Content-Type": PROTOBUF}, b"invalid label value"),
            *(200, 7, (0, 4, 0), ""),
            id="text that is said to be protobuf",
        ),
        pytest.param(
            failure(400, "failed pushing to ingester: user=1: err: out of order sample"),
            *(200, 1, (4, 0, 0), ""),
            id="Mimir has stored the others",
        ),
    ],
)
def test_answers(
    reply: Reply, status: int, requests: int, counts: tuple[int, int, int], words: str
) -> None:
    """What the endpoint says decides the account of the data points, and the answer."""
    recorded, receiver = deliver(lambda _: reply)
    assert (recorded.status, len(receiver.requests)) == (status, requests)
    assert tuple(recorded.samples().values()) == counts
    assert words in json.loads(recorded.response["body"])["errorMessage"]
    assert receiver.violations == []


@pytest.mark.parametrize(
    "unreadable",
    [
        Reply(200, {"Content-Type": PROTOBUF}, b"\x0a\x05\x08"),
        Reply(200, {"Content-Type": PROTOBUF, "Content-Encoding": "gzip"}, success(3).body),
        *(
            Reply(200, JSON, b'{"partialSuccess":{"rejectedDataPoints":%s}}' % number)
            for number in (b"[1]", b"1e999", b'"three"', b"9" * 30)
        ),
        Reply(200, JSON, b'{"partialSuccess":' + b"[" * 1500),
    ],
)
def test_success_that_cannot_be_read(unreadable: Reply) -> None:
    """All is stored but what the endpoint has refused, and it does not say how much that is."""
    recorded, _ = deliver(lambda _: unreadable)
    assert recorded.status == 200
    assert recorded.delivery["settled_unknown"] == 4


def test_partial_success_is_logged() -> None:
    """The reason and the endpoint's words are there, and the metric counts the points."""
    recorded, _ = deliver(lambda _: success(2, "timestamp too old"))
    (line,) = recorded.logged("the listener rejected samples for good")
    assert (line["reason"], line["samples"]) == ("too_old", 2)
    assert line["listener_words"] == "200 timestamp too old"
    assert recorded.metric("SamplesRejected") == 2


WARNING = f"<Host> is deprecated, key {ACCESS_KEY}"
JSON_WARNING = {"partialSuccess": {"errorMessage": WARNING, "rejectedDataPoints": None}}


@pytest.mark.parametrize(
    "reply", [success(0, WARNING), Reply(200, JSON, json.dumps(JSON_WARNING).encode())]
)
def test_warning_is_logged(reply: Reply) -> None:
    """A message without rejected points is a warning: all is accepted, and the log has it once."""
    recorded, receiver = deliver(lambda _: reply, points(100), REMOTE_WRITE_MAX_BYTES="10000")
    assert (recorded.status, len(receiver.requests) > 1) == (200, True)
    assert recorded.samples() == {"sent": 100, "rejected": 0, "undelivered": 0}
    (line,) = recorded.logged("the listener accepted samples with a warning")
    assert line["level"] == "WARNING"
    assert line["listener_words"] == "<Host> is deprecated, key [redacted]"


@pytest.mark.parametrize("code", [429, 502, 503, 504])
def test_retries(code: int) -> None:
    """These are retried, as soon as Retry-After allows; without time for that, 503 is answered."""
    busy = failure(code, "busy", Retry_After="3")
    recorded, receiver = deliver(in_turn(busy, success()))
    assert (recorded.status, len(receiver.requests)) == (200, 2)
    assert recorded.delivery["retries"] == 1
    later, receiver = deliver(lambda _: failure(code, "busy", Retry_After="3600"))
    assert (later.status, len(receiver.requests)) == (503, 1)
    assert f"{code} busy" in later.response["body"]


def test_time_for_a_request() -> None:
    """A request that takes longer than the timeout, in milliseconds, is a failed one."""
    with OtlpReceiver(in_turn(Reply(stall=True), success())) as receiver:
        settings = otlp_settings(receiver.url, OTEL_EXPORTER_OTLP_METRICS_TIMEOUT="400")
        recorded = RecordingFunction("", settings).invoke(delivery_of(points(1)))
    assert (recorded.status, recorded.delivery["retries"]) == (200, 1)


def test_bad_point_alone_is_missing() -> None:
    """An endpoint that refuses a request for one point gets it again in parts."""

    def refusing(request: OtlpRequest) -> Reply:
        hosts = {dict(it.attributes)["Host"] for it in points_in(request.request)}
        return failure(400, "invalid label value") if "h0005" in hosts else success()

    several = points(16)
    recorded, receiver = deliver(refusing, several, OTEL_EXPORTER_OTLP_METRICS_COMPRESSION="gzip")
    assert recorded.status == 200
    assert recorded.samples() == {"sent": 15, "rejected": 1, "undelivered": 0}
    assert receiver.points() == flattened(in_1_0(several[:5] + several[6:]))
    (line,) = recorded.logged("the listener rejected samples for good")
    assert 'Host="h0005"' in line["example"]


def test_bodies_go_out_in_order() -> None:
    """Later points of a series are sent when the earlier ones are settled."""
    several = [point(f"a{'x' * 3_000}", periods_ago=ago) for ago in range(20, -1, -1)]
    recorded, receiver = deliver(
        in_turn(failure(503, "busy"), success()), several, REMOTE_WRITE_MAX_BYTES="10000"
    )
    assert recorded.status == 200
    times = [it.time_ns for request in receiver.accepted for it in points_in(request.request)]
    assert len(receiver.accepted) > 3
    assert times == sorted(times)


def test_corrupt_record() -> None:
    """It is answered 400 by its number, and the good one beside it is sent."""
    with OtlpReceiver() as receiver:
        recorded = otlp_function(receiver).invoke(delivery(record_of(points(2)), b"\x20abc"))
    assert recorded.status == 400
    assert "records[1]" in recorded.response["body"]
    assert receiver.points() == flattened(in_1_0(points(2)))


def test_future_points_are_counted() -> None:
    """They are dropped with their reason, and warned of."""
    several = [*points(2), point("far", end_ms=SENT_MS + 700_000)]
    recorded, receiver = deliver(lambda _: success(), several)
    assert recorded.delivery["points_dropped"] == {"in_the_future": 1}
    assert receiver.points() == flattened(in_1_0(several[:2]))
    assert [it["metric"] for it in recorded.lines if "metric" in it] == [
        "amazonaws.com/Shop/Requests"
    ]


def test_custom_listener_is_refused() -> None:
    """It names a listener of remote write, which could read nothing of the bodies."""
    attributes = {"CUSTOM_LISTENER": "https://listener.logz.io:8053"}
    with OtlpReceiver() as receiver:
        event = delivery_of(points(1), attributes=attributes)
        recorded = otlp_function(receiver).invoke(event)
        assert receiver.requests == []
    assert recorded.status == 400
    assert "CUSTOM_LISTENER" in recorded.response["body"]


def test_credential_in_headers() -> None:
    """It needs FIREHOSE_ACCESS_KEY, and is in no answer and no log line."""
    secret = "k%2Fey-81d3f5"
    settings = {"OTEL_EXPORTER_OTLP_METRICS_HEADERS": f"x-api-key={secret}"}
    opened, _ = deliver(lambda _: success(), FOUR, **settings)
    assert opened.status == 500
    assert "the header x-api-key in OTEL_EXPORTER_OTLP_METRICS_HEADERS" in opened.response["body"]
    known = {**settings, "FIREHOSE_ACCESS_KEY": ACCESS_KEY}
    recorded, receiver = deliver(lambda _: failure(404, "unknown: k/ey-81d3f5"), FOUR, **known)
    assert receiver.requests[0].http.headers["x-api-key"] == "k/ey-81d3f5"
    assert recorded.status == 500
    wrong, _ = deliver(lambda _: success(), FOUR, **{**known, "OTLP_DIMENSIONS": "no"})
    for text in (str(opened), json.dumps(recorded.lines), recorded.response["body"], str(wrong)):
        assert "81d3f5" not in text


def test_sample_events_have_both_formats() -> None:
    """The test of the ingresses would say little about events of one format."""
    assert {name[-3:] for name in GOOD if "otlp" in name} == {"0.7", "1.0"}
    assert all(records_of(event) for event in GOOD.values())
