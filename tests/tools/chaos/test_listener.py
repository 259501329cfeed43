"""The listener of a chaos run does what is drawn, and the drawing marks no wrong sample."""

import collections
from collections.abc import Mapping

import pytest
import snappy

from converters.schema.remote_write_pb2 import Label, Sample, TimeSeries, WriteRequest
from handler.client import Client, ListenerResponse, NoResponseError
from testing.http_server import Reply
from testing.rules import Labels
from tests.support.clocks import SOON
from tools.chaos.faults import Fault, Faults
from tools.chaos.listener import INSTANCE_HEADER, Listener

GOOD: Labels = (("__name__", "good"),)
POISON: Labels = (("__name__", "poison"),)
CURSED: Labels = (("__name__", "cursed"),)


def request_of(*several: Labels) -> WriteRequest:
    """Return a request with a sample of each series, at 5 ms."""
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
        """Return the fault."""
        del request
        return self._fault, ""


def send(
    listener: Listener, client: Client | None = None, seconds: float = SOON
) -> ListenerResponse:
    """Send a request as the function does."""
    body = snappy.compress(request_of(GOOD).SerializeToString())
    headers = {INSTANCE_HEADER: "3"}
    return (client or Client(1)).post(listener.url, body, headers, seconds)


@pytest.mark.parametrize("fault", list(Fault))
def test_faults(fault: Fault) -> None:
    """A fault is a reply or none; a request that is to be forwarded is forwarded before."""
    effect = fault.value
    bodies, killed = list[bytes](), list[int]()

    def forward(body: bytes, _headers: Mapping[str, str]) -> Reply:
        bodies.append(body)
        return Reply()

    with Listener(Scripted(fault), forward, killed.append) as listener:
        if effect.reply is None or not (effect.reply.stall or effect.reply.reset):
            response = send(listener)
            assert response.status == (effect.reply.status if effect.reply else 204)
            assert response.retry_after == ("1" if response.status == 429 else None)
        else:
            # A stall is given up, though not before the request can have been forwarded.
            seconds = 5.0 if effect.reply.stall else SOON
            with pytest.raises(NoResponseError):
                send(listener, seconds=seconds)
        assert len(bodies) == effect.forwarded
        assert killed == ([3] if fault in (Fault.KILL, Fault.KILL_AFTER) else [])


def test_marked_samples() -> None:
    """A body with a marked sample is never forwarded, alone or with others."""
    faults = Faults(1)
    faults.mark([(POISON, 5, 1.0)], [(CURSED, 5, 1.0)])
    for labels in ((POISON,), (GOOD, POISON), (CURSED,), (GOOD, CURSED)):
        drawn = {faults.draw(request_of(*labels))[0] for _ in range(2_000)}
        assert not any(fault.value.forwarded for fault in drawn)
    faults.blackout.set()
    assert {faults.draw(request_of(GOOD))[0] for _ in range(100)} == {Fault.BLACKOUT}


def test_refusals_follow_from_samples() -> None:
    """A single good data point is never refused for good: it would be rejected."""
    faults = Faults(1)
    faults.mark([(POISON, 5, 1.0)], [])
    drawn = collections.Counter(faults.draw(request_of(GOOD))[0] for _ in range(5_000))
    assert not drawn.keys() & {Fault.SAY_400, Fault.SAY_413, Fault.POISON, Fault.CURSED}
    assert drawn[Fault.NONE] > 3_000
    point = request_of(GOOD, (("__name__", "good_max"),), (*GOOD, ("quantile", "0.5")))
    assert not {faults.draw(point)[0] for _ in range(5_000)} & {Fault.SAY_400, Fault.SAY_413}
    several = {faults.draw(request_of(GOOD, (*GOOD, ("host", "1"))))[0] for _ in range(5_000)}
    assert several >= {Fault.SAY_400, Fault.SAY_413}
    # The text names the sample, so that the function's log tells refused samples apart.
    texts = {faults.draw(request_of(POISON))[1] for _ in range(50)} - {""}
    assert len(texts) == 1
    assert "poison" in texts.pop()
