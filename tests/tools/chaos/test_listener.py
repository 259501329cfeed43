"""The listener of a chaos run does what is drawn, and the drawing marks no wrong sample."""

import collections
import contextlib
from collections.abc import Iterator, Mapping

import pytest
import snappy

from converters.schema.remote_write_pb2 import Label, Sample, TimeSeries, WriteRequest
from handler.client import Client, ListenerResponse, NoResponseError
from tests.support.clocks import SOON
from tools.chaos.expectation import Labels
from tools.chaos.faults import AFTER, Fault, Faults
from tools.chaos.listener import INSTANCE_HEADER, Forwarded, Listener
from tools.chaos.outages import planned_outages
from tools.chaos.plan import Plan

GOOD: Labels = (("__name__", "good"),)
POISON: Labels = (("__name__", "poison"),)
CURSED: Labels = (("__name__", "cursed"),)


def request_of(*several: Labels) -> WriteRequest:
    """Make a request with a sample of each series, at 5 ms."""
    return WriteRequest(
        timeseries=[
            TimeSeries(
                labels=[Label(name=name, value=value) for name, value in labels],
                samples=[Sample(timestamp=5, value=1.0)],
            )
            for labels in several
        ]
    )


class Scripted(Faults):
    """Draws one fault, always."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(1)
        self._fault = fault

    def draw(self, request: WriteRequest) -> tuple[Fault, str]:
        """Give the fault."""
        del request
        return self._fault, ""


class Behind:
    """A server that counts what it gets, and the instances that were killed meanwhile."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.killed: list[int] = []

    def forward(self, body: bytes, _headers: Mapping[str, str]) -> Forwarded:
        """Take a body."""
        self.bodies.append(body)
        return Forwarded(204, b"")


@contextlib.contextmanager
def listening(faults: Faults) -> Iterator[tuple[Listener, Behind]]:
    """Run a listener."""
    behind = Behind()
    with Listener(faults, behind.forward, behind.killed.append) as listener:
        yield listener, behind


def send(
    listener: Listener, client: Client | None = None, seconds: float = SOON
) -> ListenerResponse:
    """Send a request as the function does."""
    body = snappy.compress(request_of(GOOD).SerializeToString())
    headers = {INSTANCE_HEADER: "3"}
    return (client or Client(1)).post(listener.url, body, headers, seconds)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault.NONE, 204),
        (Fault.SAY_400, 400),
        (Fault.SAY_413, 413),
        (Fault.SAY_429, 429),
        (Fault.SAY_500, 500),
        (Fault.SAY_503, 503),
        (Fault.SAY_503_AFTER, 503),
        (Fault.BLACKOUT, 503),
        (Fault.POISON, 400),
        (Fault.CURSED, 503),
    ],
)
def test_answers(fault: Fault, status: int) -> None:
    """These faults are answers; those of a request that is forwarded come after it."""
    with listening(Scripted(fault)) as (listener, behind):
        answer = send(listener)
        assert answer.status == status
        assert answer.retry_after == ("1" if status == 429 else None)
        assert len(behind.bodies) == (fault in AFTER)
        assert listener.requests == 1


@pytest.mark.parametrize(
    "fault",
    [
        *(Fault.RESET, Fault.RESET_AFTER, Fault.CUT_AFTER, Fault.STALL, Fault.STALL_AFTER),
        *(Fault.KILL, Fault.KILL_AFTER),
    ],
)
def test_no_answers(fault: Fault) -> None:
    """These are none; whoever sent it cannot know whether it was forwarded."""
    with listening(Scripted(fault)) as (listener, behind):
        # A stall is given up, though not before the request can have been forwarded.
        seconds = 5.0 if fault in (Fault.STALL, Fault.STALL_AFTER) else SOON
        with pytest.raises(NoResponseError):
            send(listener, seconds=seconds)
        assert len(behind.bodies) == (fault in AFTER)
        assert behind.killed == ([3] if fault in (Fault.KILL, Fault.KILL_AFTER) else [])


def test_refuses_and_opens() -> None:
    """A listener that refuses takes no connection, nor a request on one that there was."""
    client = Client(1)
    with listening(Scripted(Fault.NONE)) as (listener, behind):
        assert send(listener, client).status == 204
        listener.refuse()
        with pytest.raises(NoResponseError):
            send(listener, client)
        listener.open()
        assert send(listener, client).status == 204
        assert len(behind.bodies) == 2


def test_marked_samples() -> None:
    """A body with a marked sample is never forwarded; alone or with others makes no difference."""
    faults = Faults(1)
    faults.mark([(POISON, 5, 1.0)], [(CURSED, 5, 1.0)])
    for _ in range(2_000):
        for labels in ((POISON,), (GOOD, POISON), (CURSED,), (GOOD, CURSED)):
            fault, _ = faults.draw(request_of(*labels))
            assert fault not in AFTER


def test_refusals_follow_from_samples() -> None:
    """A single good series is never refused for good: it would be rejected alone."""
    faults = Faults(1)
    faults.mark([(POISON, 5, 1.0)], [])
    drawn = collections.Counter(faults.draw(request_of(GOOD))[0] for _ in range(5_000))
    assert not drawn.keys() & {Fault.SAY_400, Fault.SAY_413, Fault.POISON, Fault.CURSED}
    assert drawn[Fault.NONE] > 3_000
    several = collections.Counter(faults.draw(request_of(GOOD, GOOD))[0] for _ in range(5_000))
    assert several.keys() >= {Fault.SAY_400, Fault.SAY_413}


def test_words_name_the_sample() -> None:
    """The refusal of a poison sample names it, so that the function's log keeps it apart."""
    faults = Faults(1)
    other: Labels = (("__name__", "other"),)
    faults.mark([(POISON, 5, 1.0), (other, 5, 1.0)], [])
    words = {
        labels: {w for f, w in (faults.draw(request_of(labels)) for _ in range(50)) if w}
        for labels in (POISON, other)
    }
    assert all(len(said) == 1 for said in words.values())
    assert words[POISON] != words[other]


def test_blackout() -> None:
    """In a blackout nothing is taken."""
    faults = Faults(1)
    faults.blackout.set()
    assert {faults.draw(request_of(GOOD))[0] for _ in range(100)} == {Fault.BLACKOUT}


@pytest.mark.parametrize("deliveries", [10, 60, 2_000])
def test_outages(deliveries: int) -> None:
    """Each kind of outage comes, within the requests that the deliveries make at least."""
    outages = planned_outages(Plan(seed=3, deliveries=deliveries))
    assert len({outage.kind for outage in outages}) == 3
    assert all(0 < outage.request < 2 * deliveries for outage in outages)
    assert outages == planned_outages(Plan(seed=3, deliveries=deliveries))
