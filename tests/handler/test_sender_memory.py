"""What the sender remembers of isolated points, and when that does not count."""

import pytest

from handler.auth import Auth, BearerAuth
from handler.endpoint import Endpoint
from handler.secrets import Secret
from handler.sender import Sender
from handler.settled import SettledPoints
from tests.support.clocks import WaitedTime
from tests.support.sending import isolated_delivery, lane_of_points, send
from tests.support.stand_in_client import URL, StandInClient


def test_isolated_points_are_remembered() -> None:
    """Another delivery of them takes one request, and accounts for each as the first did."""
    lanes, answer = isolated_delivery()
    client = StandInClient(answer)
    sender = Sender(client, WaitedTime().clock, concurrency=1, timeout_seconds=30)
    endpoint = Endpoint(URL, {}, Auth(None))
    first = sender.send(lanes, endpoint, 60)
    again = sender.send(lanes, endpoint, 60)
    assert first.requests > 4
    assert again.requests == 1
    for sent in (first, again):
        assert (sent.accepted, sent.undelivered) == (36, 0)
        assert sent.rejected_by_reason == {"superseded": 4}
    refusals = [refusal for sent in (first, again) for refusal in sent.refusals]
    words = ["400 out of order sample", "refused in an earlier delivery"]
    assert [(refusal.words, refusal.samples) for refusal in refusals] == [(it, 4) for it in words]
    assert all('host="h0003"' in refusal.example for refusal in refusals)
    # For another tenant all begins anew.
    other = sender.send(lanes, Endpoint(URL, {"X-Scope-OrgID": "b"}, Auth(None)), 60)
    assert other.requests == first.requests


def test_memory_of_a_caller() -> None:
    """What a caller gives is asked and filled, instead of the sender's own memory."""
    lanes, answer = isolated_delivery()
    client = StandInClient(answer)
    endpoint, settled = Endpoint(URL, {}, Auth(None)), SettledPoints()
    requests = [
        Sender(client, WaitedTime().clock, concurrency=1, timeout_seconds=30)
        .send(lanes, endpoint, 60, settled=settled)
        .requests
        for _ in range(2)
    ]
    assert requests[0] > 4
    assert requests[1] == 1
    assert len(settled.snapshot()) == 10


def test_single_point_is_not_sent_again() -> None:
    """A body of one data point is refused alone already."""
    lanes = isolated_delivery(3, 4)[0]
    client = StandInClient(lambda _request, _number: (400, "out of order sample"))
    sent = send(client, lanes)
    assert (sent.requests, sent.rejected_by_reason) == (1, {"superseded": 4})
    assert 'host="h0003"' in sent.refusals[0].example


def test_what_was_accepted_before_says_nothing_of_the_listener_now() -> None:
    """A listener that refuses everything is wrong, though it has accepted points before."""
    answers = iter([(400, "out of order"), (204, ""), (503, "busy")])
    client = StandInClient(lambda _request, _number: next(answers, (400, "no such tenant")))
    time = WaitedTime(jitter=lambda _ceiling: 1000.0)
    sender = Sender(client, time.clock, concurrency=1, timeout_seconds=30)
    endpoint, lane = Endpoint(URL, {}, Auth(None)), lane_of_points(8)
    first = sender.send([lane], endpoint, 60)
    assert (first.accepted, first.rejected, first.undelivered) == (16, 0, 16)
    again = sender.send([lane], endpoint, 60)
    assert (again.accepted, again.rejected, again.undelivered) == (16, 0, 16)
    assert {status for status, _ in again.failures} == {500}


@pytest.mark.parametrize(
    ("url", "tenant", "token", "known"),
    [
        (URL, "t", "k", True),
        (f"{URL}/other", "t", "k", False),
        (URL, "other", "k", False),
        (URL, "t", "other", False),
    ],
)
def test_memory_of_settled_points_is_for_one_sender(
    url: str, tenant: str, token: str, known: bool
) -> None:
    """What one tenant's points met at a listener says nothing about another's."""
    client = StandInClient(lambda _request, _number: (400, "out of order"))
    sender = Sender(client, WaitedTime().clock, concurrency=1, timeout_seconds=30)
    first = Endpoint(URL, {"X-Scope-OrgID": "t"}, BearerAuth(Secret("k")))
    later = Endpoint(url, {"X-Scope-OrgID": tenant}, BearerAuth(Secret(token)))
    lane = lane_of_points(4)
    requests = sender.send([lane], first, 60).requests
    sent = sender.send([lane], later, 60)
    assert (sent.requests, sent.rejected) == (1 if known else requests, 16)
