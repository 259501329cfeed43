"""When the delivery sends: by itself, when it is asked to, and for how long it is waited for."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from extension.errors import AbandonedExchange, ExchangeError
from extension.shipper import ENOUGH_BYTES
from tests.support.extension_parts import LONG, OK, LinesDestination, lines, status
from tests.support.extension_shippers import ScriptedShipper

if TYPE_CHECKING:
    from collections.abc import Callable

    from extension.destinations.destination import Response


def until(event: threading.Event) -> Callable[[list[bytes]], Response]:
    """Return a step that lasts until an event."""

    def step(_posted: list[bytes]) -> Response:
        assert event.wait(LONG)
        return OK

    return step


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
    """No request is larger than the destination takes; all records arrive in order."""
    scripted = ScriptedShipper(destination=LinesDestination(100)).started(*lines(1, 200))
    assert scripted.flush()
    assert all(len(b"\n".join(posted)) <= 100 for posted in scripted.client.posts)
    assert scripted.client.acknowledged == lines(1, 200)


def test_nothing_to_flush() -> None:
    """A flush of nothing is done at once."""
    scripted = ScriptedShipper().started()
    began = scripted.time()
    assert scripted.flush(10)
    assert scripted.time() - began < 5
    assert scripted.client.posts == []


def test_flush_ends() -> None:
    """A flush ends when its time is over although an exchange is on its way; it goes on then."""
    answered = threading.Event()
    scripted = ScriptedShipper(until(answered)).started(*lines(1, 3))
    began = scripted.time()
    assert not scripted.flush(0.2)
    assert scripted.time() - began >= 0.2
    answered.set()
    scripted.wait_for(sent=3)


def test_flush_waits_for_what_is_on_its_way() -> None:
    """Records that were on their way when the flush began are waited for."""
    answered = threading.Event()
    scripted = ScriptedShipper(until(answered), pace=1.0).started(*lines(1, 3))
    scripted.client.wait_for_posts(1)
    threading.Timer(0.1, answered.set).start()
    assert scripted.flush(LONG)
    assert scripted.buffer.account().sent == 3


def test_time_for_an_exchange() -> None:
    """An exchange gets the budget whenever a flush ends; at the end all that is left."""
    scripted = ScriptedShipper(budget=5.0).started()
    for seconds, final in ((4.0, False), (9.0, False), (9.0, True)):
        scripted.shipper.add(lines(1, 1))
        assert scripted.flush(seconds, final=final)
    given = scripted.client.seconds
    assert given[:2] == [5.0, 5.0]
    assert 5.0 < given[2] <= 9.0


def down(scripted: ScriptedShipper) -> None:
    """Let the destination fail until the breaker is open."""
    scripted.started(*lines(1, 3))
    scripted.flush(4)
    assert scripted.backoff.open


FAILURES = [ExchangeError("no answer")] * 4


def test_breaker() -> None:
    """Once the destination counts as down a flush returns at once, and that is said once."""
    scripted = ScriptedShipper(*FAILURES)
    down(scripted)
    began = scripted.time()
    for _ in range(50):
        assert not scripted.flush(4)
    assert scripted.time() - began < 2
    assert len(scripted.client.posts) == 4
    assert len(scripted.written.lines) == 1
    assert "lines cannot be reached (no answer); records are kept" in scripted.written.text


def test_breaker_closes() -> None:
    """After its pause one attempt is made; where it succeeds everything is sent, in order."""
    scripted = ScriptedShipper(*FAILURES)
    down(scripted)
    scripted.shipper.add(lines(4, 9))
    scripted.leap(5)
    assert scripted.flush()
    assert scripted.client.acknowledged == lines(1, 9)
    assert not scripted.backoff.open


def test_breaker_opens_again() -> None:
    """An attempt that fails after the pause holds up the flushes that follow no longer."""
    scripted = ScriptedShipper(*FAILURES, *FAILURES)
    down(scripted)
    scripted.leap(5)
    for _ in range(10):
        assert not scripted.flush(4)
    assert len(scripted.client.posts) == 5


def test_final() -> None:
    """Where there is no later the breaker does not count."""
    scripted = ScriptedShipper(*FAILURES, status(503, retry_after="60"))
    down(scripted)
    assert scripted.flush(LONG, final=True)
    assert scripted.client.acknowledged == lines(1, 3)


def test_final_hammers_nobody() -> None:
    """Where there is no later a destination that is down is asked again only after a delay."""
    failures = [ExchangeError("no answer")] * 100
    scripted = ScriptedShipper(*failures, first_delay=0.1).started(*lines(1, 3))
    assert not scripted.flush(0.5, final=True)
    assert 2 <= len(scripted.client.posts) <= 6


def test_losses_are_told() -> None:
    """When the destination is back, one record says what was lost meanwhile, and it only once."""
    scripted = ScriptedShipper(*FAILURES, max_bytes=600)
    down(scripted)
    scripted.shipper.add(lines(10, 40))
    scripted.shipper.results.platform_dropped(7, 700)
    scripted.buffer.leave_out("sampled", 5)
    lost = scripted.buffer.account().dropped["buffer_full"]
    assert lost > 0
    scripted.leap(5)
    scripted.flush_all()
    scripted.shipper.add(lines(50, 51))
    scripted.flush_all()
    expected = {"buffer_full": lost, "platformDroppedRecords": 7, "platformDroppedBytes": 700}
    assert scripted.reported_losses == [expected]
    assert scripted.buffer.account().balanced


def test_losses_belong_to_the_flush() -> None:
    """A flush is not over while what was lost has still to be told: there may be no later."""
    scripted = ScriptedShipper(status(200, b"1"))
    said, release = threading.Event(), threading.Event()

    def write(_line: str) -> None:
        said.set()
        assert release.wait(LONG)

    scripted.written.log._write = write
    scripted.started(*lines(1, 3))
    scripted.shipper.begin_flush(scripted.time() + LONG, final=True)
    flushed: list[bool] = []
    flushing = threading.Thread(target=lambda: flushed.append(scripted.shipper.end_flush()))
    flushing.start()
    assert said.wait(LONG)
    flushing.join(0.2)
    release.set()
    flushing.join(LONG)
    assert flushed == [True]
    assert scripted.reported_losses == [{"refused": 1}]


def waits_for_room(scripted: ScriptedShipper) -> threading.Event:
    """Wait for room in a thread; return what is set once there is."""
    has_room = threading.Event()

    def wait() -> None:
        scripted.shipper.wait_for_space()
        has_room.set()

    threading.Thread(target=wait).start()
    return has_room


def test_room_of_a_working_destination() -> None:
    """Where the destination works, who adds waits until there is room: nothing is dropped."""
    answered = threading.Event()
    scripted = ScriptedShipper(until(answered), max_bytes=600, budget=2 * LONG).started(
        *lines(1, 9)
    )
    scripted.shipper.begin_flush(scripted.time() + LONG)
    scripted.client.wait_for_posts(1)
    has_room = waits_for_room(scripted)
    assert not has_room.wait(0.1)
    answered.set()
    assert has_room.wait(LONG)
    scripted.shipper.end_flush()


@pytest.mark.parametrize("failure", [ExchangeError("no answer"), status(401)])
def test_room_of_a_destination_that_is_down(failure: object) -> None:
    """A destination that fails or has stopped holds up nobody."""
    scripted = ScriptedShipper(*[failure] * 20, max_bytes=600, budget=2 * LONG)
    scripted.started(*lines(1, 9))
    scripted.shipper.begin_flush(scripted.time() + LONG)
    assert waits_for_room(scripted).wait(LONG)


def test_room_is_waited_for_within_the_budget() -> None:
    """A destination that does not answer holds up whoever adds for the budget at most."""
    answered = threading.Event()
    scripted = ScriptedShipper(until(answered), max_bytes=600, budget=0.2).started(*lines(1, 9))
    assert waits_for_room(scripted).wait(LONG / 2)
    answered.set()


def abandoned(scripted: ScriptedShipper) -> Callable[[list[bytes]], Exception]:
    """Return a step that lasts until the exchange is abandoned."""

    def step(_posted: list[bytes]) -> Exception:
        assert scripted.client.abandoned.wait(LONG)
        return AbandonedExchange("abandoned")

    return step


def test_thaw() -> None:
    """An exchange in flight before a freeze is abandoned and sent again at once."""
    scripted = ScriptedShipper(budget=5.0)
    scripted.client.script.append(abandoned(scripted))
    scripted.started(*lines(1, 3))
    scripted.shipper.begin_flush(scripted.time() + LONG)
    scripted.client.wait_for_posts(1)
    scripted.shipper.abandon_exchange(scripted.time())
    assert scripted.shipper.end_flush()
    assert scripted.client.posts == [lines(1, 3), lines(1, 3)]
    assert scripted.client.seconds[1] == 5.0
    assert not scripted.backoff.failing


def test_thaw_leaves_a_new_exchange() -> None:
    """An exchange that began after the freeze goes on."""
    answered = threading.Event()
    scripted = ScriptedShipper(until(answered)).started(*lines(1, 3))
    frozen_since = scripted.time()
    scripted.shipper.begin_flush(scripted.time() + LONG)
    scripted.client.wait_for_posts(1)
    scripted.shipper.abandon_exchange(frozen_since)
    answered.set()
    assert scripted.shipper.end_flush()
    assert not scripted.client.abandoned.is_set()


def test_exchange_that_hangs() -> None:
    """An exchange that outlasts its time, in a name look-up for instance, holds up no flush."""
    answered = threading.Event()
    scripted = ScriptedShipper(until(answered), budget=1.0).started(*lines(1, 3))
    assert not scripted.flush(LONG)
    began = scripted.time()
    assert not scripted.flush(LONG)
    assert scripted.time() - began < 1.0
    answered.set()
    scripted.wait_for(sent=3)


def test_exchange_starts_only_with_enough_time() -> None:
    """Late in a flush no exchange starts that would probably be cut off; it is sent later."""

    def slow(_posted: list[bytes]) -> Response:
        scripted.leap(2.0)
        return OK

    scripted = ScriptedShipper(slow, pace=0.001).started(*lines(1, 1))
    assert scripted.flush(5.0)
    for seconds, sent in ((1.5, False), (2.5, True)):
        scripted.shipper.add(lines(2, 2))
        scripted.shipper.begin_flush(scripted.time() + seconds)
        time.sleep(0.05)
        assert (len(scripted.client.posts) == 2) == sent
        scripted.leap(seconds)
        scripted.shipper.end_flush()
