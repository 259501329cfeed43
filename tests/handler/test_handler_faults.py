"""Faults of the listener: what it does to a connection, and how long the handler takes."""

import socket
import threading
import time
from dataclasses import replace
from typing import Any

import pytest

from testing.http_server import Reply
from testing.lambda_context import LambdaContext
from testing.misbehaving import black_hole, nobody, raw_listener
from testing.receiver import Received, Receiver
from testing.replies import always, sequence
from tests.support.clocks import SOON
from tests.support.invoking import (
    REAL_TIME,
    SAMPLES_OF_A_POINT,
    Answered,
    deliver,
    delivery_of,
    function_for,
    invoke,
    point,
    points,
    wide_points,
)

# What is not cut off takes these 120 s, or as long as the fault lasts: more than SOON.
SHORT_BUDGET = {"DELIVERY_BUDGET_SECONDS": "2", "LISTENER_TIMEOUT_SECONDS": "120"}
FIVE_BODIES = {"REMOTE_WRITE_MAX_BYTES": "10000"}

# Each lasts longer than any budget here; what drips does so faster than a single read times out.
FAULTS = {
    "stall": Reply(stall=True),
    "slow answer": Reply(delay_seconds=600),
    "dripping head": Reply(headers={"X-Long": "x" * 10_000}, drip_seconds=0.05),
    "dripping body": Reply(200, body=b"x" * 10_000, drip_seconds=0.05),
    "dripping refusal": Reply(503, body=b"x" * 10_000, drip_seconds=0.05),
}
RESETS = {
    "reset before the answer": Reply(reset="before_answer"),
    "reset in mid-body": Reply(200, body=b"x" * 64, reset="mid_body"),
    "reset in mid-refusal": Reply(503, body=b"x" * 64, reset="mid_body"),
}
# A wait that is longer than any budget: so the first failure is the last one.
GIVING_UP = replace(REAL_TIME, jitter=lambda _ceiling: 1000.0)


def timed(url: str, context: Any = None, **changed: str) -> tuple[Answered, float]:
    """Deliver a point; return the answer and the seconds that it took."""
    function = function_for(url, **changed)
    begun = time.monotonic()
    answer = invoke(function, delivery_of(points(1)), context)
    return answer, time.monotonic() - begun


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    ("budget", "lambda_has"), [("2", 60), ("120", 1.5)], ids=["budget", "Lambda"]
)
def test_answer_comes_when_the_time_is_over(fault: str, budget: str, lambda_has: float) -> None:
    """Whatever keeps an answer from coming, it is 503 once budget or Lambda's time is over."""
    times = {"DELIVERY_BUDGET_SECONDS": budget, "LISTENER_TIMEOUT_SECONDS": "120"}
    with Receiver(always(FAULTS[fault])) as receiver:
        answer, seconds = timed(receiver.url, LambdaContext.starting_now(lambda_has), **times)
    assert answer.status == 503
    assert seconds < SOON


@pytest.mark.parametrize("fault", RESETS)
def test_reset_is_retried(fault: str) -> None:
    """A connection that is reset before the whole answer is there costs a retry."""
    answer, receiver = deliver(sequence([RESETS[fault], Reply()]))
    assert (answer.status, len(receiver.requests)) == (200, 2)


@pytest.mark.parametrize(("status", "expected"), [(401, 401), (404, 500), (400, 500)])
def test_refusal_whose_words_break_off_stands(status: int, expected: int) -> None:
    """A 4xx is never followed by the identical body, even if its text is not complete."""
    answer, receiver = deliver(always(Reply(status, body=b"x" * 64, reset="mid_body")))
    assert answer.status == expected
    sent = [r.body for r in receiver.requests]
    assert len(sent) == len(set(sent))


@pytest.mark.slow
def test_refusal_whose_words_drip_stands() -> None:
    """Nor is one whose text never ends: the status is what counts."""
    over, sent = threading.Event(), []

    def drip(connection: socket.socket, request: bytes) -> None:
        sent.append(request)
        connection.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 9000\r\n\r\n")
        while not over.wait(0.05):
            connection.sendall(b"x")

    with raw_listener(drip) as url:
        # Time enough for the status on a busy machine; the text is not waited for any longer.
        answer, seconds = timed(url, LISTENER_TIMEOUT_SECONDS="5")
        over.set()
    assert answer.status == 401
    assert len(sent) == 1
    assert seconds < SOON


@pytest.mark.parametrize("place", [black_hole, nobody])
def test_connection_is_never_made(place: Any) -> None:
    """A port that takes no connection, or refuses it, is answered with 503 in time."""
    with place() as url:
        answer, seconds = timed(url, **SHORT_BUDGET)
    assert answer.status == 503
    assert seconds < SOON


@pytest.mark.parametrize(
    ("replies", "expected"),
    [([Reply(), Reply(401), Reply()], 401), ([Reply(404), Reply()], 500)],
    ids=["refused token", "wrong URL"],
)
def test_no_other_body_is_sent_after(replies: list[Reply], expected: int) -> None:
    """Of five bodies none is sent after a reply that the others would get too."""
    one_by_one = {"REMOTE_WRITE_CONCURRENCY": "1", **FIVE_BODIES}
    answer, receiver = deliver(sequence(replies), delivery_of(wide_points(5)), one_by_one)
    assert (answer.status, len(receiver.requests)) == (expected, len(replies) - 1)


def test_one_stalled_body_leaves_the_others() -> None:
    """Where one body gets no answer, the others are delivered, and 503 is answered for the one."""
    all_samples = 5 * SAMPLES_OF_A_POINT
    left, held = [all_samples], []
    answered = threading.Condition()

    def stall_one(received: Received) -> Reply:
        names = [dict(labels) for labels, _, _ in received.samples()]
        with answered:
            left[0] -= len(names)
            answered.notify_all()
            if not any(
                n["host"].startswith("h0000") and n["__name__"].endswith("_sum") for n in names
            ):
                return Reply()
            # Its own connection breaks only after all others have been answered.
            assert answered.wait_for(lambda: left[0] == 0, 2 * SOON)
            held.append(len(names))
        return Reply(reset="before_answer")

    settings = {"LISTENER_TIMEOUT_SECONDS": "120", **FIVE_BODIES}
    answer, receiver = deliver(stall_one, delivery_of(wide_points(5)), settings, clock=GIVING_UP)
    assert answer.status == 503
    assert len(receiver.accepted_samples()) == all_samples - sum(held)
    assert len(held) == 1


def test_nothing_is_left_running() -> None:
    """After a delivery that ended in a timeout no thread stays behind."""
    before = set(threading.enumerate())
    with Receiver(always(Reply(stall=True))) as receiver:
        function = function_for(receiver.url, **SHORT_BUDGET, **FIVE_BODIES)
        assert invoke(function, delivery_of(wide_points(5))).status == 503
        names = ("ThreadPoolExecutor", "Thread-", "listener-request")
        left = [
            thread
            for thread in set(threading.enumerate()) - before
            if thread.name.startswith(names)
            and "process_request" not in thread.name
            and "_accept" not in thread.name
        ]
        for thread in left:
            thread.join(SOON)
        assert [thread for thread in left if thread.is_alive()] == []


@pytest.mark.slow
def test_late_answer_of_one_delivery_is_not_counted_in_the_next() -> None:
    """What is still under way when the time is over does not disturb the next delivery."""
    late = threading.Event()

    def answer(received: Received) -> Reply:
        if received.number == 1:
            assert late.wait(2 * SOON)
        late.set()
        return Reply()

    with Receiver(answer) as receiver:
        function = function_for(receiver.url)
        # Long enough for the request to be made on a busy machine; nothing answers it meanwhile.
        context = LambdaContext.starting_now(4)
        assert invoke(function, delivery_of([point("a")]), context).status == 503
        assert invoke(function, delivery_of([point("b")])).status == 200
        hosts = [{dict(labels)["host"] for labels, _, _ in r.samples()} for r in receiver.requests]
        assert hosts == [{"a"}, {"b"}]
