"""The attempts for one body: when none is made, and when it has to wait."""

import pytest

from converters.bodies import Body
from handler.account import SampleAccount
from handler.attempts import Attempts
from handler.auth import Auth
from handler.endpoint import Endpoint
from handler.messages import KnownListeners, Messages
from handler.verdict import Verdict
from tests.support.clocks import WaitedTime
from tests.support.stand_in_client import URL, StandInClient

PART = Body(b"part", 4, 1)


def attempts_within(seconds: float, time: WaitedTime, client: StandInClient) -> Attempts:
    """Return the attempts of a delivery that ends after some seconds."""
    account, endpoint = SampleAccount(1), Endpoint(URL, {}, Auth(None))
    messages = Messages(endpoint.message, URL, {}, KnownListeners())
    end = time.now + seconds
    return Attempts(client, time.clock, endpoint, account, messages, end, 30, None)


@pytest.mark.parametrize(
    ("pause", "seconds", "waits", "sent"),
    [
        (0.0, 60.0, [], True),
        (0.5, 60.0, [0.5], True),
        (5.0, 60.0, [5.0], True),
        # A second has to be left afterwards.
        (5.0, 6.0, [5.0], True),
        (5.0, 5.75, [], False),
        (0.5, 1.25, [], False),
    ],
)
def test_part_waits_with_the_others(
    pause: float, seconds: float, waits: list[float], sent: bool
) -> None:
    """A part is not sent while all parts have to wait, nor where that takes too long."""
    time, client = WaitedTime(), StandInClient(lambda _request, _number: (204, ""))
    attempts = attempts_within(seconds, time, client)
    attempts._resume_at = time.now + pause
    verdict, _ = attempts.send(PART, is_part=True)
    assert (verdict is Verdict.ACCEPTED) == (len(client.posted) == 1) == sent
    assert time.waits == waits


@pytest.mark.parametrize("is_part", [True, False])
def test_only_parts_make_the_others_wait(is_part: bool) -> None:
    """Where the listener cannot take a part just then, all wait; for a whole body none does."""
    time = WaitedTime(jitter=lambda _ceiling: 3.0)
    client = StandInClient(lambda _request, number: (204, "") if number else (503, "busy"))
    attempts = attempts_within(60, time, client)
    attempts.send(PART, is_part=is_part)
    # Another thread's time: before the wait.
    time.now -= 2.0
    attempts.send(PART, is_part=True)
    assert time.waits == ([3.0, 2.0] if is_part else [3.0])


def test_nothing_is_sent_once_all_is_stopped() -> None:
    """After a response that concerns every body no other one is sent."""
    client = StandInClient(lambda _request, _number: (404, "gone"))
    attempts = attempts_within(60, WaitedTime(), client)
    for _ in range(2):
        verdict, response = attempts.send(PART, is_part=False)
        assert (verdict, response) == (Verdict.UNAVAILABLE, None)
    assert len(client.posted) == 1
