"""Bodies that are sent by the sender itself, without the function around it."""

from collections.abc import Callable

import snappy

from converters.bodies import Body, Lane
from converters.convert import Converter, Options
from handler.account import Sent
from handler.attempts import BodyHook
from handler.auth import Auth
from handler.endpoint import Endpoint
from handler.sender import Sender
from handler.verdict import Verdict
from tests.support.clocks import WaitedTime
from tests.support.invoking import point, points, record_of
from tests.support.stand_in_client import URL, Posted, StandInClient

OUT_OF_TIME = "the time for the delivery was over before the listener had answered for everything"

Respond = Callable[[Posted, int], tuple[int, str]]


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
    converter = Converter(Options(max_bytes=1500))
    several = [point("a", periods_ago=ago) for ago in range(300)]
    found = converter.convert([(0, record_of(several))], p8s_logzio_name="test", delivered_ms=None)
    lane = max(found.lanes, key=len)
    assert len(lane) > 2
    return lane


def lane_of_points(count: int) -> Lane:
    """Make a lane of one body with data points of different series."""
    converter = Converter(Options())
    found = converter.convert(
        [(0, record_of(points(count)))], p8s_logzio_name="test", delivered_ms=None
    )
    (lane,) = found.lanes
    return lane


def isolated_delivery(first: int = 0, end: int = 10) -> tuple[list[Lane], Respond]:
    """Return some points, and a listener that refuses a body with that of h0003."""
    converter = Converter(Options())
    records = [(0, record_of(points(end)[first:]))]
    found = converter.convert(records, p8s_logzio_name="test", delivered_ms=None)

    def answer(request: Posted, _number: int) -> tuple[int, str]:
        bad = b"h0003" in snappy.uncompress(request.content)
        return (400, "out of order sample") if bad else (204, "")

    return found.lanes, answer


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
