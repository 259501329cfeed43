"""The sender by itself: the order of bodies, how many at once, and the end of the time."""

import threading
import time

import pytest
import snappy

from converters.bodies import Body
from handler.auth import Auth
from handler.endpoint import Endpoint
from handler.sender import Sender
from tests.support.clocks import SOON, WaitedTime
from tests.support.invoking import REAL_TIME
from tests.support.sending import (
    OUT_OF_TIME,
    isolated_delivery,
    lane_of_one_series,
    lanes_of,
    send,
    sent_by,
)
from tests.support.stand_in_client import URL, Posted, StandInClient

AHEAD = Body(bytes(snappy.compress(b"ahead")), 5, 1, ahead=True)


@pytest.mark.parametrize(("seconds", "more"), [(1.0, True), (0.9375, False)])
def test_a_second_is_left_for_a_part(seconds: float, more: bool) -> None:
    """A part of a refused body is sent while a second is left, as another attempt is."""
    lanes, respond = isolated_delivery()
    time = WaitedTime()

    def answer(request: Posted, number: int) -> tuple[int, str]:
        time.now = 60 - seconds
        return respond(request, number)

    sent = send(StandInClient(answer), lanes, time=time)
    assert (sent.requests > 1) == (sent.undelivered == 0) == more


@pytest.mark.parametrize(("then", "requests"), [((503, "busy"), 2), ((400, "no such tenant"), 16)])
def test_unsettled_body_holds_its_lane(then: tuple[int, str], requests: int) -> None:
    """Behind a body that could not be settled, later samples of its series are not sent."""
    time = WaitedTime(jitter=lambda _ceiling: 1000.0)
    client = StandInClient(lambda _request, number: then if number else (400, "no such tenant"))
    lane = lane_of_one_series()
    sent = send(client, [lane], time=time)
    assert sent.requests == requests
    assert sent.undelivered >= sum(body.samples for body in lane[1:])
    assert not {body.content for body in lane[1:]} & set(sent_by(client))


@pytest.mark.parametrize("concurrency", [1, 4])
def test_what_is_ahead_goes_last(concurrency: int) -> None:
    """Samples ahead of the delivery's time go when all others are settled."""
    client = StandInClient(lambda _request, _number: (204, ""))
    assert send(client, [*lanes_of(3), [AHEAD]], concurrency=concurrency).accepted == 4
    assert sent_by(client)[3] == AHEAD.content
    lanes, answer = isolated_delivery()
    client = StandInClient(answer)
    assert send(client, [*lanes, [AHEAD]], concurrency=concurrency).accepted == 36 + 1
    assert sent_by(client)[-1] == AHEAD.content


@pytest.mark.parametrize("response", [(503, "busy"), (404, "gone"), None])
def test_what_is_ahead_waits_for_all_others(response: tuple[int, str] | None) -> None:
    """They do not go at all while one of the others is not settled."""
    time = WaitedTime(jitter=lambda _ceiling: 1000.0)
    client = StandInClient(
        lambda request, _number: response if request.content == b"\1" else (204, "")
    )
    sent = send(client, [*lanes_of(3), [AHEAD]], time=time)
    assert sent.undelivered >= 2
    assert AHEAD.content not in sent_by(client)


def test_as_many_at_once_as_the_concurrency() -> None:
    """All connections are used, however many processors there are."""
    together = threading.Barrier(40)

    def answer(_request: Posted, _number: int) -> tuple[int, str]:
        together.wait(SOON)
        return 204, ""

    client, clock = StandInClient(answer), WaitedTime().clock
    sender = Sender(client, clock, concurrency=40, timeout_seconds=30)
    assert sender.send(lanes_of(40), Endpoint(URL, {}, Auth(None)), 60).accepted == 40


def test_slow_body_does_not_delay_the_others() -> None:
    """While one body has no answer, all others are sent."""
    last = threading.Event()

    def answer(request: Posted, _number: int) -> tuple[int, str]:
        if request.content == b"\0":
            assert last.wait(SOON)
        elif request.content == b"\x08":
            last.set()
        return 204, ""

    assert send(StandInClient(answer), lanes_of(9)).accepted == 9


def test_result_at_the_deadline() -> None:
    """A listener that does not come to an end does not keep the result beyond the deadline."""
    over = threading.Event()
    client = StandInClient(lambda _request, _number: (204, "") if over.wait(2 * SOON) else None)
    sender = Sender(client, REAL_TIME, concurrency=2, timeout_seconds=30)
    begun = time.monotonic()
    sent = sender.send(lanes_of(3), Endpoint(URL, {}, Auth(None)), begun + 0.2)
    seconds = time.monotonic() - begun
    over.set()
    assert seconds < SOON / 3
    assert (sent.undelivered, sent.requests) == (3, 2)
    assert sent.failures == ((503, OUT_OF_TIME),)


def test_error_in_one_lane_leaves_the_others() -> None:
    """An unforeseen error ends its lane alone."""

    def answer(request: Posted, _number: int) -> tuple[int, str]:
        if request.content == b"\0":
            raise RuntimeError("unforeseen")
        return 204, ""

    client, clock = StandInClient(answer), WaitedTime().clock
    sender = Sender(client, clock, concurrency=1, timeout_seconds=30)
    sent = sender.send(lanes_of(5), Endpoint(URL, {}, Auth(None)), 60)
    assert (sent.accepted, sent.undelivered) == (4, 1)
    assert [type(error) for error in sent.errors] == [RuntimeError]
