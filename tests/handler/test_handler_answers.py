"""The table of answers: what happened, what is answered, and what is not sent any more."""

import time

import pytest

from handler.clock import Clock
from testing.events.ingresses import Event
from testing.http_server import Reply
from testing.receiver import Receiver
from testing.replies import always, refusing, sequence
from tests.support.invoking import (
    REQUEST_ID,
    deliver,
    delivery,
    delivery_of,
    function_for,
    invoke,
    point,
    points,
    record_of,
)

LATER = {"Retry-After": "600"}
TEXT = b"status 401: the listener's words"


def test_words_that_are_said_to_be_protobuf() -> None:
    """They count: some servers give their errors the type of the request."""
    reply = Reply(400, {"Content-Type": "application/x-protobuf"}, b"out of order sample")
    answer, receiver = deliver(always(reply))
    assert (answer.status, len(receiver.requests)) == (200, 1)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        # The listener took every sample.
        *((status, 200) for status in (200, 201, 202, 204, 299)),
        # It refuses the token.
        *((status, 401) for status in (401, 403)),
        # It is not available until the time is over.
        *((status, 503) for status in (408, 429, 500, 501, 502, 503, 504, 505, 507, 599, 999)),
        # The URL is wrong.
        *((status, 500) for status in (300, 301, 302, 303, 304, 307, 308, 402, 404, 405, 406)),
        *((status, 500) for status in (409, 410, 411, 415, 418, 451)),
    ],
)
def test_listener_replies_with(status: int, expected: int) -> None:
    """After one request the answer is that of the table; an error has the listener's text."""
    text = b"" if status in (204, 304) else TEXT
    answer, receiver = deliver(always(Reply(status, LATER, text)))
    assert (answer.status, answer.request_id) == (expected, REQUEST_ID)
    assert len(receiver.requests) == 1
    assert (f"{status} {text.decode()}".strip() in answer.error) == (expected != 200)


def test_redirect_is_named() -> None:
    """The answer says where the listener redirects to, which is mostly the right URL."""
    answer, _ = deliver(always(Reply(301, {"Location": "https://a.example/api/v1/write"})))
    assert answer.status == 500
    assert "it redirects to https://a.example/api/v1/write" in answer.error


@pytest.mark.parametrize(
    "event",
    [delivery(), delivery(b""), delivery(b"\0"), delivery(b"", b"\0\0", b"")],
    ids=["no records", "empty record", "empty message", "several"],
)
def test_nothing_to_send(event: Event) -> None:
    """A delivery without a data point is answered with 200, and no request is made."""
    answer, receiver = deliver(event=event)
    assert (answer.status, receiver.requests) == (200, [])


@pytest.mark.parametrize("status", [400, 413, 422])
def test_samples_refused_for_good(status: int) -> None:
    """Where the listener refuses a sample alone, 200 is answered: again would not help."""
    refuse = refusing(lambda labels, _: labels["host"] == "h0001", status)
    answer, receiver = deliver(refuse, delivery_of(points(2)))
    assert (answer.status, len(receiver.accepted_samples())) == (200, 4)


def test_record_that_cannot_be_decoded() -> None:
    """A malformed record is answered with 400 that names it; the good ones are sent."""
    records = [record_of(points(1)), b"\xff\xff", record_of([point("b")]), b"\x05abc"]
    answer, receiver = deliver(event=delivery(*records))
    assert (answer.status, len(receiver.accepted_samples())) == (400, 8)
    named = ["records[0]", "records[1]: ", "records[2]", "records[3]: "]
    assert [words in answer.error for words in named] == [False, True, False, True]


@pytest.mark.parametrize(
    "record", ["null", "5", "{}", '{"data": 7}', '{"data": "?"}', "[]", '"YQ=="']
)
def test_record_that_cannot_be_read(record: str) -> None:
    """An element of records that is no record is answered with 400 that names it."""
    event = delivery_of(points(1))
    event["body"] = event["body"].replace('"records":[', f'"records":[{record},')
    answer, receiver = deliver(event=event)
    assert receiver.accepted_samples()
    assert (answer.status, "records[0]: " in answer.error) == (400, True)


def test_413_is_never_answered() -> None:
    """Also where the listener refuses everything as too large, Firehose never sees a 413."""
    too_large = always(Reply(413, body=b"too large"))
    statuses = [deliver(too_large, delivery_of(points(n)))[0].status for n in (40, 1)]
    assert statuses == [500, 500]


def test_thousands_of_malformed_records(capsys: pytest.CaptureFixture[str]) -> None:
    """The message has at most 8192 characters, and at most ten records are logged one by one."""
    answer, _ = deliver(event=delivery(*[b"\xff"] * 5000))
    assert (answer.status, len(answer.error)) == (400, 8192)
    written = capsys.readouterr().out
    assert "records[0]: " in written
    assert len(written.splitlines()) < 30
    assert "4990 more" in written


def test_timestamp_is_the_time_of_the_answer_in_whole_milliseconds() -> None:
    """The timestamp is the wall clock's time, in integer milliseconds."""
    clock = Clock(time.monotonic, lambda: 1793491200.0129, lambda _ceiling: 0.0)
    answer, _ = deliver(clock=clock)
    assert answer.timestamp == 1793491200012


def test_second_delivery_makes_the_same_bytes() -> None:
    """The same event makes the same requests again, whatever came in between."""
    event = delivery(record_of(points(50)), record_of([point("h0001", periods_ago=1)]))
    with Receiver(sequence([*[Reply()] * 3, Reply(503), Reply()])) as receiver:
        function = function_for(receiver.url, REMOTE_WRITE_CONCURRENCY="1")
        invoke(function, event)
        invoke(function, delivery_of(points(70)))
        invoke(function, event)
        sent = [received.body for received in receiver.requests]
    assert len(sent) == 3 + 2 + 3
    assert sent[5:] == sent[:3]
