"""When a shipper sends: by itself and in a flush, and how long a flush waits for it."""

import threading
import time
from collections.abc import Callable

import pytest

from extension.errors import AbandonedExchange
from extension.http_client import Response
from extension.shipper import ENOUGH_BYTES
from tests.support.extension_parts import LONG, OK, LinesDestination, lines
from tests.support.extension_shippers import ScriptedShipper, until


@pytest.mark.slow
def test_sends_what_waited_for_a_second() -> None:
    """Records are sent once they are a second old, without any flush."""
    began = time.monotonic()
    ScriptedShipper(pace=1.0).started(*lines(1, 3)).wait_for(sent=3)
    assert time.monotonic() - began > 0.99


def test_sends_a_megabyte_at_once() -> None:
    """A megabyte is sent without waiting."""
    # A clock that stands still in effect: nothing gets old.
    scripted = ScriptedShipper(
        max_bytes=8_000_000, destination=LinesDestination(8_000_000), pace=0.001
    ).started()
    scripted.shipper.add([b"x" * (ENOUGH_BYTES // 2)] * 2)
    scripted.wait_for(sent=2)


def test_batches_keep_the_limit() -> None:
    """No request is larger than the destination accepts; all records arrive in order."""
    scripted = ScriptedShipper(destination=LinesDestination(100)).started(*lines(1, 200))
    assert scripted.flush()
    assert all(len(b"\n".join(posted)) <= 100 for posted in scripted.client.posts)
    assert scripted.client.acknowledged == lines(1, 200)


@pytest.mark.slow
def test_flush_ends() -> None:
    """A flush ends when its time is over; an exchange in flight goes on."""
    answered = threading.Event()
    scripted = ScriptedShipper(until(answered)).started(*lines(1, 3))
    began = scripted.time()
    assert not scripted.flush(0.2)
    assert scripted.time() - began >= 0.2
    answered.set()
    scripted.wait_for(sent=3)


@pytest.mark.slow
def test_flush_waits_for_the_exchange_in_flight() -> None:
    """Records that were in flight when the flush began are waited for."""
    answered = threading.Event()
    scripted = ScriptedShipper(until(answered), pace=1.0).started(*lines(1, 3))
    scripted.client.wait_for_posts(1)
    threading.Timer(0.1, answered.set).start()
    assert scripted.flush(LONG)
    assert scripted.buffer.account().sent == 3


def test_time_for_an_exchange() -> None:
    """An exchange has its own time, however little of a flush or of the last one is left."""
    scripted = ScriptedShipper(budget=1.0, exchange_seconds=5.0).started()
    for seconds, final in ((1.0, False), (9.0, False), (1.7, True)):
        scripted.shipper.add(lines(1, 1))
        assert scripted.flush(seconds, final=final)
    assert scripted.client.seconds == [5.0] * 3


def test_slower_than_the_budget() -> None:
    """A destination that takes longer than an invocation is held gets each line once."""
    script: list[object] = []
    scripted = ScriptedShipper(budget=0.1, exchange_seconds=LONG, pace=1.0)
    scripted.started()
    for number in range(3):
        answered = threading.Event()
        script.append(answered)
        scripted.client.script.append(until(answered))
        scripted.shipper.add(lines(number, number))
        assert not scripted.flush(0.1)
        # The next invocation does not wait for the same exchange again.
        began = scripted.time()
        assert not scripted.flush(LONG)
        assert scripted.time() - began < LONG / 2
        answered.set()
        scripted.wait_for(sent=number + 1)
    assert scripted.client.posts == [lines(number, number) for number in range(3)]
    assert not scripted.backoff.failing


def abandoned(scripted: ScriptedShipper) -> Callable[[list[bytes]], Exception]:
    """Return a step that lasts until the exchange is abandoned."""

    def step(_posted: list[bytes]) -> Exception:
        assert scripted.client.abandoned.wait(LONG)
        return AbandonedExchange("abandoned")

    return step


def test_thaw() -> None:
    """After a freeze a flush waits for the exchange in flight, and for the one that follows it."""
    scripted = ScriptedShipper(budget=5.0)
    scripted.client.script.append(abandoned(scripted))
    scripted.started(*lines(1, 3))
    scripted.shipper.begin_flush(scripted.time() + LONG)
    scripted.client.wait_for_posts(1)
    # As after a freeze: the time for which it may hold an invocation is over.
    scripted.leap(10.0)
    scripted.client.on_thaw()
    scripted.shipper.begin_flush(scripted.time() + LONG)
    threading.Timer(0.1, scripted.client.abandon).start()
    assert scripted.shipper.end_flush()
    assert scripted.client.posts == [lines(1, 3), lines(1, 3)]
    assert not scripted.backoff.failing


@pytest.mark.parametrize(
    ("usual", "took", "is_abandoned"),
    [
        (0.1, 0.5, False),
        (0.1, 1.1, True),
        (1.2, 2.3, False),
        (1.2, 2.5, True),
        # Nothing is known of a destination that has not answered yet; it may be a slow one.
        (0.0, 2.5, False),
    ],
)
def test_exchange_in_flight_at_shutdown(usual: float, took: float, is_abandoned: bool) -> None:
    """At SHUTDOWN an exchange is judged by its answer, unless it takes much longer than usual."""
    answered = threading.Event()

    def as_usual(_posted: list[bytes]) -> Response:
        scripted.leap(usual)
        return OK

    earlier = [as_usual] if usual else []
    scripted = ScriptedShipper(*earlier, until(answered), pace=0.0001).started(*lines(1, 3))
    scripted.shipper.begin_flush(scripted.time() + LONG)
    if usual:
        scripted.wait_for(sent=3)
        scripted.shipper.add(lines(4, 6))
    scripted.client.wait_for_posts(len(earlier) + 1)
    scripted.leap(took)
    scripted.shipper.begin_shutdown()
    assert scripted.client.abandoned.is_set() == is_abandoned
    answered.set()
    assert scripted.shipper.end_flush()


@pytest.mark.slow
def test_exchange_that_hangs() -> None:
    """An exchange that outlasts its time, in a name look-up for instance, holds up no flush."""
    answered = threading.Event()
    scripted = ScriptedShipper(until(answered), budget=0.2, pace=1.0).started(*lines(1, 3))
    began = scripted.time()
    for _ in range(5):
        assert not scripted.flush(LONG)
    assert scripted.time() - began < LONG / 2
    answered.set()
    scripted.wait_for(sent=3)


@pytest.mark.parametrize(
    ("took", "seconds", "final", "sent"),
    [
        (2.0, 1.5, False, False),
        (2.0, 2.5, False, True),
        # Half the budget is always enough.
        (8.0, 4.5, False, False),
        (8.0, 5.5, False, True),
        (0.0, 0.01, False, False),
        (0.0, 0.04, False, True),
        # There is no later flush.
        (8.0, 0.04, True, True),
        (8.0, 0.01, True, False),
    ],
)
def test_exchange_starts_only_with_enough_time(
    took: float, seconds: float, final: bool, sent: bool
) -> None:
    """Late in a flush no exchange starts that would probably be cut off; it is sent later."""

    def slow(_posted: list[bytes]) -> Response:
        scripted.leap(took)
        return OK

    scripted = ScriptedShipper(slow, budget=10.0, pace=0.001).started(*lines(1, 1))
    assert scripted.flush(9.0)
    if final:
        scripted.shipper.begin_shutdown()
    scripted.shipper.add(lines(2, 2))
    scripted.shipper.begin_flush(scripted.time() + seconds)
    if sent:
        scripted.client.wait_for_posts(2)
    else:
        time.sleep(0.05)
        assert len(scripted.client.posts) == 1
