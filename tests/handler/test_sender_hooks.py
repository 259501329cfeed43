"""What a hook sees of each body, and how long it may wait."""

import pytest

from converters.bodies import Body
from handler.auth import Auth
from handler.endpoint import Endpoint
from handler.sender import Sender
from handler.verdict import Verdict
from tests.support.clocks import WaitedTime
from tests.support.sending import (
    OUT_OF_TIME,
    Noting,
    lane_of_one_series,
    lane_of_points,
    lanes_of,
    send,
    sent_by,
)
from tests.support.stand_in_client import URL, StandInClient


def test_hook_follows_every_attempt() -> None:
    """The hook is asked before each attempt, and gets the verdict on each response."""
    answers: list[tuple[int, str] | None] = [None, (503, "busy"), (204, "")]
    hook = Noting()
    send(StandInClient(lambda _request, number: answers[number]), lanes_of(1), hook=hook)
    verdicts = [None, None, Verdict.UNAVAILABLE, None, Verdict.ACCEPTED]
    assert hook.calls == [(b"\0", verdict) for verdict in verdicts]


def test_hook_knows_a_body() -> None:
    """A body that had been accepted before counts as such, without a request."""
    client = StandInClient(lambda _request, _number: (204, ""))
    sent = send(client, [[Body(b"a", 1, 3), Body(b"b", 1, 4)]], hook=Noting((b"a",)))
    assert (sent_by(client), sent.accepted, sent.requests, sent.bytes) == ([b"b"], 7, 1, 1)


def test_hook_sees_the_parts_of_a_refused_body() -> None:
    """Each part that a refused body is cut into is a body of its own."""
    hook, lane = Noting(), lane_of_one_series()
    client = StandInClient(lambda _request, number: (204, "") if number else (400, "out of order"))
    sent = send(client, [lane], hook=hook)
    assert sent.undelivered == 0
    assert [content for content, verdict in hook.calls if verdict] == sent_by(client)
    assert hook.calls[1] == (lane[0].content, Verdict.REFUSED)


def test_hook_that_fails() -> None:
    """What a hook raises is in the account, and the body is not taken for delivered."""
    sent = send(
        StandInClient(lambda _request, _number: (204, "")),
        [[Body(b"a", 1, 3), Body(b"b", 1, 4)]],
        hook=Noting(fails=Verdict.ACCEPTED),
    )
    assert [str(error) for error in sent.errors] == ["cannot be noted"]
    assert (sent.accepted, sent.undelivered, sent.requests) == (0, 7, 1)


class Waiting(Noting):
    """A hook that waits before each attempt.

    Args:
        time: The clock.
        seconds: How long.
    """

    def __init__(self, time: WaitedTime, seconds: float) -> None:
        super().__init__()
        self._time = time
        self._seconds = seconds

    def before(self, body: Body) -> bool:
        """Wait."""
        self._time.now += self._seconds
        return super().before(body)


@pytest.mark.parametrize(("seconds", "requests"), [(59.0, 1), (60.0, 0), (100.0, 0)])
def test_hook_that_waits_beyond_the_deadline(seconds: float, requests: int) -> None:
    """After a wait that took all the time nothing is sent."""
    time = WaitedTime()
    client = StandInClient(lambda _request, _number: (204, ""))
    sent = send(client, lanes_of(1), hook=Waiting(time, seconds), time=time)
    assert (sent.requests, sent.undelivered) == (requests, 1 - requests)


@pytest.mark.parametrize(
    ("seconds", "reason"),
    [
        (0.0, "the listener is not available: no answer"),
        (40.0, f"{OUT_OF_TIME}; no answer"),
    ],
)
def test_no_answer_is_the_reason(seconds: float, reason: str) -> None:
    """Where no attempt had an answer, the result says why, however the time ended."""
    time = WaitedTime(jitter=lambda _ceiling: 0.0 if seconds else 1000.0)
    client = StandInClient(lambda _request, _number: None)
    sent = send(client, lanes_of(1), hook=Waiting(time, seconds), time=time)
    assert (sent.requests, sent.failures) == (1, ((503, reason),))


@pytest.mark.parametrize(("seconds", "requests"), [(0.1, 1), (0.0625, 0)])
def test_first_attempt_is_made_at_any_time(seconds: float, requests: int) -> None:
    """A body that was never sent gets an attempt while a tenth of a second is left."""
    client, time = StandInClient(lambda _request, _number: (204, "")), WaitedTime()
    sender = Sender(client, time.clock, concurrency=1, timeout_seconds=30)
    assert sender.send(lanes_of(1), Endpoint(URL, {}, Auth(None)), seconds).requests == requests


def test_bodies_that_a_hook_knows_say_nothing_of_the_listener_now() -> None:
    """A body that was accepted in an earlier run is no acceptance of this one."""
    client = StandInClient(lambda _request, _number: (400, "no such tenant"))
    known = Body(b"a", 1, 3)
    sent = send(client, [[known], lane_of_points(3)], hook=Noting((known.content,)))
    assert (sent.accepted, sent.rejected, sent.undelivered) == (3, 0, 12)
    assert {status for status, _ in sent.failures} == {500}
