"""The sender by itself: refused credentials, the hook of each body, and the order within a lane."""

import itertools
import threading
import time
from collections.abc import Callable, Mapping

import pytest
import snappy

from converters.bodies import Body, Lane
from converters.convert import Converter, Profile
from handler.account import Sent
from handler.attempts import BodyHook
from handler.auth import Auth, AuthRequest, BearerAuth
from handler.listener import Endpoint
from handler.secrets import Secret
from handler.sender import Sender
from handler.settled import SettledPoints
from handler.verdict import Verdict
from tests.support.clocks import SOON, WaitedTime
from tests.support.invoking import REAL_TIME, point, points, record_of
from tests.support.stand_in_client import URL, Posted, StandInClient

OUT_OF_TIME = "the time for the delivery was over before the listener had answered for everything"

Respond = Callable[[Posted, int], tuple[int, str]]

AHEAD = Body(bytes(snappy.compress(b"ahead")), 5, 1, ahead=True)


def send(
    client: StandInClient,
    lanes: list[Lane],
    *,
    auth: Auth | None = None,
    hook: BodyHook | None = None,
    time: WaitedTime | None = None,
    concurrency: int = 4,
) -> Sent:
    """Send lanes within a minute."""
    time = time or WaitedTime()
    sender = Sender(client, time.clock, concurrency=concurrency, timeout_seconds=30)
    endpoint = Endpoint(URL, {"X-Tenant": "t"}, auth or Auth(None))
    return sender.send(lanes, endpoint, time.now + 60, hook)


def sent_by(client: StandInClient) -> list[bytes]:
    """Return the bodies that a client sent, in order."""
    return [request.content for request in client.posted]


def lanes_of(count: int) -> list[Lane]:
    """Make lanes of one body with one sample."""
    return [[Body(bytes([number]), 1, 1)] for number in range(count)]


def lane_of_one_series() -> Lane:
    """Make a lane of several bodies, all with the samples of one series."""
    converter = Converter(Profile(max_bytes=1500))
    several = [point("a", periods_ago=ago) for ago in range(300)]
    found = converter.convert([(0, record_of(several))], p8s_logzio_name="test", delivered_ms=None)
    lane = max(found.lanes, key=len)
    assert len(lane) > 2
    return lane


def isolated_delivery(first: int = 0, end: int = 10) -> tuple[list[Lane], Respond]:
    """Return some points, and a listener that refuses a body with that of h0003."""
    converter = Converter(Profile())
    records = [(0, record_of(points(end)[first:]))]
    found = converter.convert(records, p8s_logzio_name="test", delivered_ms=None)

    def answer(request: Posted, _number: int) -> tuple[int, str]:
        bad = b"h0003" in snappy.uncompress(request.content)
        return (400, "out of order sample") if bad else (204, "")

    return found.lanes, answer


class Signing(Auth):
    """Signs each request anew, as a signature with a time does.

    Args:
        renewals: What it says to each refusal.
    """

    def __init__(self, *renewals: bool) -> None:
        super().__init__(None)
        self._renewals = list(renewals)
        self._numbers = itertools.count()
        self.requests: list[AuthRequest] = []
        self.refusals = 0
        self.fresh = False

    def headers(self, request: AuthRequest) -> Mapping[str, str]:
        """Return a header that no other request has."""
        self.requests.append(request)
        return {"Authorization": f"{'fresh' if self.fresh else 'old'} {next(self._numbers)}"}

    def refused(self) -> bool:
        """Return what is prepared."""
        self.refusals += 1
        self.fresh = self._renewals.pop(0)
        return self.fresh


def test_auth_sees_the_request() -> None:
    """A scheme sees method, URL, headers and body of each attempt."""
    auth = Signing()
    send(
        StandInClient(lambda _request, number: (204, "") if number else None),
        lanes_of(1),
        auth=auth,
    )
    assert auth.requests == [("POST", URL, {"X-Tenant": "t"}, b"\0")] * 2


@pytest.mark.parametrize("renewed", [True, False])
@pytest.mark.parametrize("lanes", [1, 4])
@pytest.mark.parametrize("status", [401, 403])
def test_refused_credential(renewed: bool, lanes: int, status: int) -> None:
    """A refusal that does not end costs one renewal, and at most one repetition of each body."""
    together = threading.Barrier(lanes)

    def answer(_request: Posted, number: int) -> tuple[int, str]:
        if number < lanes:
            together.wait(SOON)
        return status, "no"

    client, auth = StandInClient(answer), Signing(renewed)
    sent = send(client, lanes_of(lanes), auth=auth)
    assert auth.refusals == 1
    assert len(client.posted) <= lanes * (2 if renewed else 1)
    assert sent.undelivered == lanes
    assert {status for status, _ in sent.failures} == {401}


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ('"Missing Authentication Token"', " (it wants requests with an AWS signature)"),
        ("wrong token", ""),
    ],
)
def test_listener_that_wants_a_signature(words: str, hint: str) -> None:
    """Where Amazon Managed Prometheus asks for a signature, the answer says so."""
    sent = send(StandInClient(lambda _request, _number: (403, words)), lanes_of(1))
    reason = f"the listener does not accept the token: 403 {words}{hint}"
    assert sent.failures == ((401, reason),)


def test_threads_share_a_renewal() -> None:
    """Bodies that were refused with the old credential are all repeated with the fresh one."""
    together = threading.Barrier(4)

    def answer(request: Posted, _number: int) -> tuple[int, str]:
        if request.headers["Authorization"].startswith("fresh"):
            return 204, ""
        together.wait(SOON)
        return 401, "no"

    auth = Signing(True)
    sent = send(StandInClient(answer), lanes_of(4), auth=auth)
    assert (sent.accepted, sent.requests, sent.retries, auth.refusals) == (4, 8, 4, 1)


class Changing(Secret):
    """A secret that another delivery renews before this delivery looks for a newer version."""

    def __init__(self, *versions: str) -> None:
        super().__init__(versions[0])
        self._later = list(versions)

    def versions(self) -> tuple[str, ...]:
        """Return the next version, and at the end the last one."""
        return (self._later.pop(0) if len(self._later) > 1 else self._later[0],)


@pytest.mark.parametrize(("versions", "requests"), [(("old", "new"), 2), (("old",), 1)])
def test_credential_that_was_renewed_meanwhile(versions: tuple[str, ...], requests: int) -> None:
    """A refused token is compared with the one that was sent, not with the latest one."""
    client = StandInClient(
        lambda request, _number: (
            204 if request.headers["Authorization"] == "Bearer new" else 401,
            "",
        )
    )
    sent = send(client, lanes_of(1), auth=BearerAuth(Changing(*versions)))
    assert (sent.requests, sent.accepted) == (requests, requests - 1)


class Noting:
    """A hook that notes what it is called with.

    Args:
        accepted: Bodies that had been accepted before.
        fails: Raise after a body with this verdict.
    """

    def __init__(self, accepted: tuple[bytes, ...] = (), fails: Verdict | None = None) -> None:
        self._accepted = accepted
        self._fails = fails
        self.calls: list[tuple[bytes, Verdict | None]] = []

    def before(self, body: Body) -> bool:
        """Note a body."""
        self.calls.append((body.content, None))
        return body.content not in self._accepted

    def after(self, body: Body, verdict: Verdict) -> None:
        """Note a verdict, or raise."""
        self.calls.append((body.content, verdict))
        if verdict is self._fails:
            raise RuntimeError("cannot be noted")


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


def test_single_point_is_not_sent_again() -> None:
    """A body of one data point is refused alone already."""
    lanes = isolated_delivery(3, 4)[0]
    client = StandInClient(lambda _request, _number: (400, "out of order sample"))
    sent = send(client, lanes)
    assert (sent.requests, sent.rejected_by_reason) == (1, {"superseded": 4})
    assert 'host="h0003"' in sent.refusals[0].example


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


def lane_of_points(count: int) -> Lane:
    """Make a lane of one body with data points of different series."""
    converter = Converter(Profile())
    found = converter.convert(
        [(0, record_of(points(count)))], p8s_logzio_name="test", delivered_ms=None
    )
    (lane,) = found.lanes
    return lane


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


def test_bodies_that_a_hook_knows_say_nothing_of_the_listener_now() -> None:
    """A body that was accepted in an earlier run is no acceptance of this one."""
    client = StandInClient(lambda _request, _number: (400, "no such tenant"))
    known = Body(b"a", 1, 3)
    sent = send(client, [[known], lane_of_points(3)], hook=Noting((known.content,)))
    assert (sent.accepted, sent.rejected, sent.undelivered) == (3, 0, 12)
    assert {status for status, _ in sent.failures} == {500}


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
