"""Faults of the listener: what it does to a connection, and how long the handler takes."""

import socket
import threading
import time
from typing import Any

import pytest

from handler.sender import Clock
from local.answers import always, sequence
from local.exchange import Answer, Received
from local.lambda_context import LambdaContext
from local.receiver import Receiver
from tests.support.invoking import (
    REAL_TIME,
    Answered,
    delivery_of,
    function_at,
    function_for,
    invoke,
    point,
    points,
)
from tests.support.misbehaving import black_hole, nobody, raw_listener

ONE_ATTEMPT = {"DELIVERY_BUDGET_SECONDS": "0.9", "LISTENER_TIMEOUT_SECONDS": "5"}
TWO_ATTEMPTS = {"DELIVERY_BUDGET_SECONDS": "5", "LISTENER_TIMEOUT_SECONDS": "0.3"}
FIVE_BODIES = {"REMOTE_WRITE_MAX_BYTES": "700"}

FAULTS = {
    "stall": Answer(stall=True),
    "slow answer": Answer(delay_seconds=3),
    "dripping head": Answer(drip_seconds=0.2),
    "dripping body": Answer(200, body=b"x" * 2000, drip_seconds=0.01),
    "dripping refusal": Answer(503, body=b"x" * 2000, drip_seconds=0.01),
}
RESETS = {
    "reset before the answer": Answer(reset="before_answer"),
    "reset in mid-body": Answer(200, body=b"x" * 64, reset="mid_body"),
    "reset in mid-refusal": Answer(503, body=b"x" * 64, reset="mid_body"),
}


def timed(url: str, context: Any = None, **changed: str) -> tuple[Answered, float]:
    """Deliver a point; return the answer and the seconds that it took."""
    function = function_for(url, **changed)
    event = delivery_of(points(1))
    begun = time.monotonic()
    answer = invoke(function, event, context)
    return answer, time.monotonic() - begun


@pytest.mark.parametrize("fault", FAULTS)
def test_one_attempt_is_bounded_as_a_whole(fault: str) -> None:
    """Whatever keeps an answer from coming, the attempt ends in its time, and another is made."""
    with Receiver(sequence([FAULTS[fault], Answer()])) as receiver:
        answer, seconds = timed(receiver.url, **TWO_ATTEMPTS)
        assert len(receiver.requests) == 2
    assert answer.status == 200
    assert 0.25 < seconds < 1.5


@pytest.mark.parametrize("fault", FAULTS)
def test_answer_comes_before_the_budget_is_over(fault: str) -> None:
    """Whatever keeps an answer from coming, 503 is answered half a second before the end."""
    with Receiver(always(FAULTS[fault])) as receiver:
        answer, seconds = timed(receiver.url, **ONE_ATTEMPT)
    assert answer.status == 503
    assert 0.3 < seconds < 0.85


@pytest.mark.parametrize("fault", RESETS)
def test_reset_is_retried(fault: str) -> None:
    """A connection that is reset before the whole answer is there costs a retry."""
    with Receiver(sequence([RESETS[fault], Answer()])) as receiver:
        answer, _ = timed(receiver.url)
        assert len(receiver.requests) == 2
    assert answer.status == 200


@pytest.mark.parametrize("fault", RESETS)
def test_resets_until_the_end(fault: str) -> None:
    """A listener that only resets connections is answered with 503."""
    clock = Clock(time.monotonic, time.time, lambda _ceiling: 0.1)
    with Receiver(always(RESETS[fault])) as receiver:
        function = function_at(clock, receiver.url, **ONE_ATTEMPT)
        assert invoke(function, delivery_of(points(1))).status == 503


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(401, body=b"x" * 64, reset="mid_body"), 401),
        (Answer(404, body=b"x" * 64, reset="mid_body"), 500),
        (Answer(400, body=b"x" * 64, reset="mid_body"), 200),
        (Answer(401, body=b"x" * 2000, drip_seconds=0.01), 401),
    ],
    ids=["401", "404", "400", "dripping 401"],
)
def test_refusal_whose_words_break_off_stands(answer: Answer, expected: int) -> None:
    """A 4xx is never followed by the identical body, also where its words did not all come."""
    with Receiver(always(answer)) as receiver:
        # Time enough for the status line on a busy machine; the words take far longer.
        given, _ = timed(receiver.url, DELIVERY_BUDGET_SECONDS="6", LISTENER_TIMEOUT_SECONDS="1.5")
        sent = [r.body for r in receiver.requests]
    assert given.status == expected
    assert len(sent) == len(set(sent))


@pytest.mark.parametrize("place", [black_hole, nobody])
def test_connection_is_never_made(place: Any) -> None:
    """A port that takes no connection, or refuses it, is answered with 503 in time."""
    clock = Clock(time.monotonic, time.time, lambda _ceiling: 0.1)
    with place() as url:
        begun = time.monotonic()
        function = function_at(clock, url, **ONE_ATTEMPT)
        answer = invoke(function, delivery_of(points(1)))
    assert answer.status == 503
    assert time.monotonic() - begun < 0.9


def test_host_that_does_not_exist() -> None:
    """A host without an address is answered with 503, without naming the URL's query."""
    url = "http://listener.invalid/write?secret=1"
    answer, seconds = timed(url, **ONE_ATTEMPT)
    assert answer.status == 503
    assert "secret" not in answer.error
    assert seconds < 0.9


@pytest.mark.parametrize("fault", ["stall", "dripping head", "dripping body"])
def test_answer_comes_before_lambda_would_kill(fault: str) -> None:
    """With 3 s left and a stalled listener the handler answers in less than 3 s."""
    with Receiver(always(FAULTS[fault])) as receiver:
        context = LambdaContext.starting_now(3)
        answer, seconds = timed(receiver.url, context)
    assert answer.status == 503
    assert 2 < seconds < 2.9


def test_one_second_is_enough_for_one_attempt() -> None:
    """Where 1 s is left one attempt is made."""
    with Receiver() as receiver:
        answer, _ = timed(receiver.url, LambdaContext.starting_now(1))
        assert len(receiver.requests) == 1
    assert answer.status == 200


def test_no_time_left_makes_no_attempt() -> None:
    """Where nothing is left the handler answers 503 at once, and sends nothing."""
    with Receiver() as receiver:
        answer, seconds = timed(receiver.url, LambdaContext.starting_now(0.3))
        assert receiver.requests == []
    assert answer.status == 503
    assert seconds < 0.3


def test_time_that_has_passed_counts_once() -> None:
    """What parsing took is gone from Lambda's time already, and is not taken off again."""
    times = [0.0]

    def jump() -> float:
        # The first reading is the handler's entry; five seconds pass after it.
        times.append(time.monotonic() + 5)
        return times[1] - 5 if len(times) == 2 else times[-1]

    clock = Clock(jump, time.time, lambda _ceiling: 0.0)
    context = LambdaContext(time.monotonic() + 5 + 2, lambda: time.monotonic() + 5)
    with Receiver() as receiver:
        function = function_at(clock, receiver.url)
        assert invoke(function, delivery_of(points(1)), context).status == 200


def test_budget_counts_from_the_entry() -> None:
    """The budget includes what parsing took: nothing is sent once it is used up."""
    readings = iter([0.0])
    clock = Clock(lambda: next(readings, 30.0), time.time, lambda _ceiling: 0.0)
    with Receiver() as receiver:
        function = function_at(clock, receiver.url, DELIVERY_BUDGET_SECONDS="25")
        assert invoke(function, delivery_of(points(1))).status == 503
        assert receiver.requests == []


def test_401_on_the_second_of_five_bodies() -> None:
    """The second of five bodies gets 401: nothing more is sent, and 401 is answered."""
    answers = sequence([Answer(), Answer(401), Answer()])
    with Receiver(answers) as receiver:
        function = function_for(receiver.url, REMOTE_WRITE_CONCURRENCY="1", **FIVE_BODIES)
        answer = invoke(function, delivery_of(points(5)))
        assert len(receiver.requests) == 2
    assert answer.status == 401


def test_a_wrong_url_stops_all_bodies() -> None:
    """After a 404 no other body is sent to the same place."""
    with Receiver(always(Answer(404))) as receiver:
        function = function_for(receiver.url, REMOTE_WRITE_CONCURRENCY="1", **FIVE_BODIES)
        assert invoke(function, delivery_of(points(5))).status == 500
        assert len(receiver.requests) == 1


def test_one_stalled_body_leaves_the_others() -> None:
    """Where one body stalls, the others are delivered, and 503 is answered for the one."""

    def stall_one(received: Received) -> Answer:
        hosts = {dict(labels)["host"] for labels, _, _ in received.samples()}
        return Answer(stall="h0000" in hosts)

    with Receiver(stall_one) as receiver:
        function = function_for(
            receiver.url, DELIVERY_BUDGET_SECONDS="1.2", LISTENER_TIMEOUT_SECONDS="5", **FIVE_BODIES
        )
        assert invoke(function, delivery_of(points(5))).status == 503
        assert len(receiver.accepted_samples()) >= 10


def test_stale_connection_is_replaced() -> None:
    """A kept-alive connection that the listener closed while idle costs nothing."""
    closed = threading.Event()

    def once(connection: socket.socket, _request: bytes) -> bytes | None:
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        connection.shutdown(socket.SHUT_RDWR)
        closed.set()
        return None

    with raw_listener(once) as url:
        function = function_for(url)
        for _ in range(3):
            closed.clear()
            assert invoke(function, delivery_of(points(1))).status == 200
            assert closed.wait(5)


def test_connection_that_dies_on_reuse_is_retried() -> None:
    """A connection that dies just as it is used again costs a retry, not the delivery."""
    served: set[socket.socket] = set()

    def only_once(connection: socket.socket, _request: bytes) -> bytes | None:
        if connection in served:
            return None
        served.add(connection)
        return b"HTTP/1.1 204 No Content\r\n\r\n"

    with raw_listener(only_once) as url:
        function = function_for(url)
        for _ in range(3):
            assert invoke(function, delivery_of(points(1))).status == 200
        assert len(served) == 3


def test_nothing_is_left_running() -> None:
    """After a delivery that ended in a timeout no thread stays behind."""
    before = set(threading.enumerate())
    with Receiver(always(Answer(stall=True))) as receiver:
        function = function_for(receiver.url, **ONE_ATTEMPT, **FIVE_BODIES)
        assert invoke(function, delivery_of(points(5))).status == 503
        until = time.monotonic() + 2
        names = ("ThreadPoolExecutor", "Thread-")
        while time.monotonic() < until:
            left = [
                thread
                for thread in set(threading.enumerate()) - before
                if thread.name.startswith(names)
                and "process_request" not in thread.name
                and "_accept" not in thread.name
            ]
            if not left:
                break
            time.sleep(0.02)
        assert left == []


def test_late_answer_of_one_delivery_is_not_counted_in_the_next() -> None:
    """What is still under way when the time is over does not disturb the next delivery."""
    with Receiver(sequence([Answer(delay_seconds=0.6), Answer()])) as receiver:
        function = function_at(REAL_TIME, receiver.url, DELIVERY_BUDGET_SECONDS="0.8")
        assert invoke(function, delivery_of([point("a")])).status == 503
        assert invoke(function, delivery_of([point("b")])).status == 200
        hosts = [{dict(labels)["host"] for labels, _, _ in r.samples()} for r in receiver.requests]
        assert hosts == [{"a"}, {"b"}]
