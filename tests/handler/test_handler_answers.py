"""The table of answers: what happened, what is answered, and what is not sent any more."""

import time

import pytest

from handler.sender import Clock
from testing.events.ingresses import Event
from testing.http_server import Reply
from testing.lambda_context import LambdaContext
from testing.receiver import Receiver
from testing.replies import always, refusing, sequence
from tests.support.invoking import (
    REAL_TIME,
    REQUEST_ID,
    Answered,
    delivery,
    delivery_of,
    function_at,
    function_for,
    invoke,
    point,
    points,
    record_of,
)

SOON = {"DELIVERY_BUDGET_SECONDS": "0.8"}
LATER = {"Retry-After": "600"}


def answer_to(status: int, words: bytes = b"the listener's words", **changed: str) -> Answered:
    """Deliver a point to a listener that always answers this, and return the answer."""
    with Receiver(always(Reply(status, LATER, words if status != 204 else b""))) as receiver:
        return invoke(function_for(receiver.url, **changed), delivery_of(points(1)))


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_sample_accepted(status: int) -> None:
    """Where the listener took every sample, 200 is answered, without a message."""
    answer = answer_to(status)
    assert (answer.status, answer.error, answer.request_id) == (200, "", REQUEST_ID)


@pytest.mark.parametrize(
    "event",
    [delivery(), delivery(b""), delivery(b"\0"), delivery(b"", b"\0\0", b"")],
    ids=["no records", "empty record", "empty message", "several"],
)
def test_nothing_to_send(event: Event) -> None:
    """A delivery without a data point is answered with 200, and no request is made."""
    with Receiver() as receiver:
        assert invoke(function_for(receiver.url), event).status == 200
        assert receiver.requests == []


@pytest.mark.parametrize("status", [400, 413, 422])
def test_samples_refused_for_good(status: int) -> None:
    """Where the listener refuses a sample alone, 200 is answered: again would not help."""
    with Receiver(refusing(lambda labels, _: labels["host"] == "h0001", status)) as receiver:
        answer = invoke(function_for(receiver.url), delivery_of(points(2)))
        assert answer.status == 200
        assert len(receiver.accepted_samples()) == 4


def test_record_that_cannot_be_decoded() -> None:
    """A malformed record is answered with 400 that names it; the good ones are sent."""
    records = [record_of(points(1)), b"\xff\xff", record_of([point("b")]), b"\x05abc"]
    with Receiver() as receiver:
        answer = invoke(function_for(receiver.url), delivery(*records))
        assert len(receiver.accepted_samples()) == 8
    assert answer.status == 400
    assert "records[1]: " in answer.error
    assert "records[3]: " in answer.error
    assert "records[0]" not in answer.error
    assert "records[2]" not in answer.error


@pytest.mark.parametrize("record", [None, 5, {}, {"data": 7}, {"data": "?"}, [], "YQ=="], ids=str)
def test_record_that_cannot_be_read(record: object) -> None:
    """An element of records that is no record is answered with 400 that names it."""
    event = delivery_of(points(1))
    event["body"] = (
        event["body"]
        .replace('"records":[', '"records":[RECORD,')
        .replace("RECORD", str(record).replace("None", "null").replace("'", '"') or '""')
    )
    if record == "YQ==":
        event["body"] = event["body"].replace("[YQ==", '["YQ=="')
    with Receiver() as receiver:
        answer = invoke(function_for(receiver.url), event)
        assert receiver.accepted_samples()
    assert (answer.status, "records[0]: " in answer.error) == (400, True)


@pytest.mark.parametrize("status", [401, 403])
def test_listener_refuses_the_token(status: int) -> None:
    """A listener that says 401 or 403 is answered with 401, with its words, after one request."""
    with Receiver(always(Reply(status, body=b"status 401: no such token"))) as receiver:
        answer = invoke(function_for(receiver.url), delivery_of(points(1)))
        assert len(receiver.requests) == 1
    assert answer.status == 401
    assert f"{status} status 401: no such token" in answer.error


@pytest.mark.parametrize("status", [408, 429, 500, 501, 502, 503, 504, 505, 507, 599])
def test_listener_not_available(status: int) -> None:
    """A listener that says 408, 429 or 5xx until the time is over is answered with 503."""
    answer = answer_to(status)
    assert answer.status == 503
    assert f"{status} the listener's words" in answer.error


@pytest.mark.parametrize(
    "status", [300, 301, 302, 303, 304, 307, 308, 402, 404, 405, 406, 409, 410, 411, 415, 418, 451]
)
def test_listener_url_wrong(status: int) -> None:
    """A redirect or another 4xx is answered with 500 after one request: the URL is wrong."""
    said = b"" if status == 304 else b"no such page"
    with Receiver(always(Reply(status, body=said))) as receiver:
        answer = invoke(function_for(receiver.url), delivery_of(points(1)))
        assert len(receiver.requests) == 1
    assert answer.status == 500
    assert f"{status} {said.decode()}".strip() in answer.error


def test_413_is_never_answered() -> None:
    """Also where the listener refuses everything as too large, Firehose never sees a 413."""
    with Receiver(always(Reply(413, body=b"too large"))) as receiver:
        answer = invoke(function_for(receiver.url), delivery_of(points(40)))
    assert answer.status == 500
    with Receiver(always(Reply(413, body=b"too large"))) as receiver:
        answer = invoke(function_for(receiver.url), delivery_of(points(1)))
    assert answer.status == 200


def test_unforeseen_error() -> None:
    """An unforeseen error is answered with 500, and without the error's own text."""

    def broken() -> float:
        raise LookupError("a secret")

    clock = Clock(monotonic=REAL_TIME.monotonic, wall=REAL_TIME.wall, jitter=REAL_TIME.jitter)
    context = LambdaContext(time.monotonic() + 30, broken)
    answer = invoke(function_at(clock, "https://l.example.com"), delivery_of(points(1)), context)
    assert answer.status == 500
    assert "LookupError" in answer.error
    assert "secret" not in answer.error


@pytest.mark.parametrize(
    ("listener", "expected"), [(401, 401), (404, 500), (503, 503), (400, 400), (204, 400)]
)
def test_worst_of_several_failures_is_answered(listener: int, expected: int) -> None:
    """A malformed record beside a failure of the listener: both are named, the worse one counts."""
    words = b"" if listener == 204 else b"words of the listener, out of order"
    with Receiver(always(Reply(listener, LATER, words))) as receiver:
        event = delivery(record_of(points(1)), b"\xff")
        answer = invoke(function_for(receiver.url), event)
    assert answer.status == expected
    assert "records[1]" in answer.error
    assert ("words of the listener" in answer.error) == (listener in (401, 404, 503))


def test_message_is_cut_to_what_firehose_takes() -> None:
    """Thousands of malformed records make a message of at most 8192 characters."""
    function = function_for("https://l.example.com")
    answer = invoke(function, delivery(*[b"\xff"] * 5000))
    assert answer.status == 400
    assert len(answer.error) == 8192


def test_thousands_of_malformed_records_make_a_short_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """At most ten malformed records are logged one by one."""
    function = function_for("https://l.example.com")
    invoke(function, delivery(*[b"\xff"] * 5000))
    written = capsys.readouterr().out
    assert "records[0]: " in written
    assert len(written.splitlines()) < 30
    assert "4990 more" in written


def test_timestamp_is_the_time_of_the_answer_in_whole_milliseconds() -> None:
    """The timestamp is the wall clock's time, in integer milliseconds."""
    clock = Clock(time.monotonic, lambda: 1793491200.0129, lambda _ceiling: 0.0)
    answer = invoke(function_at(clock, "https://l.example.com"), delivery())
    assert answer.timestamp == 1793491200012


def test_second_delivery_makes_the_same_bytes() -> None:
    """The same event makes the same requests again, whatever came in between."""
    event = delivery(record_of(points(50)), record_of([point("h0001", periods_ago=1)]))
    with Receiver(sequence([Reply(), Reply(503), Reply()])) as receiver:
        function = function_for(receiver.url, REMOTE_WRITE_CONCURRENCY="1")
        invoke(function, event)
        invoke(function, delivery_of(points(70)))
        invoke(function, event)
        sent = [received.body for received in receiver.requests]
    assert len(sent) == 4
    assert sent[3] == sent[0]
