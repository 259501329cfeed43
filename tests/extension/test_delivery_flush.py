"""When the delivery sends: by itself, when it is asked to, and for how long it is waited for."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from extension.delivery import ENOUGH_BYTES
from extension.errors import AbandonedExchange, ExchangeError
from tests.support.extension_deliveries import Delivering
from tests.support.extension_parts import LONG, OK, LinesDestination, lines, status

if TYPE_CHECKING:
    from collections.abc import Callable

    from extension.messages import Response


def until(event: threading.Event) -> Callable[[list[bytes]], Response]:
    """Return a step that lasts until an event."""

    def step(_posted: list[bytes]) -> Response:
        assert event.wait(LONG)
        return OK

    return step


def test_sends_what_waited_for_a_second() -> None:
    """Records are sent once they are a second old, without any flush."""
    began = time.monotonic()
    Delivering(pace=1.0).started(*lines(1, 3)).wait_for(sent=3)
    assert time.monotonic() - began > 0.99


def test_sends_a_megabyte_at_once() -> None:
    """A megabyte is sent without waiting."""
    # A clock that stands still in effect: nothing gets old.
    delivering = Delivering(
        max_bytes=8_000_000, destination=LinesDestination(8_000_000), pace=0.001
    ).started()
    delivering.delivery.add([b"x" * (ENOUGH_BYTES // 2)] * 2)
    delivering.wait_for(sent=2)


def test_batches_keep_the_limit() -> None:
    """No request is larger than the destination takes; all records arrive in order."""
    delivering = Delivering(destination=LinesDestination(100)).started(*lines(1, 200))
    assert delivering.flush()
    assert all(len(b"\n".join(posted)) <= 100 for posted in delivering.exchanges.posts)
    assert delivering.exchanges.acknowledged == lines(1, 200)


def test_nothing_to_flush() -> None:
    """A flush of nothing is done at once."""
    delivering = Delivering().started()
    began = delivering.time()
    assert delivering.flush(10)
    assert delivering.time() - began < 5
    assert delivering.exchanges.posts == []


def test_flush_ends() -> None:
    """A flush ends when its time is over although an exchange is on its way; it goes on then."""
    answered = threading.Event()
    delivering = Delivering(until(answered)).started(*lines(1, 3))
    began = delivering.time()
    assert not delivering.flush(0.2)
    assert delivering.time() - began >= 0.2
    answered.set()
    delivering.wait_for(sent=3)


def test_flush_waits_for_what_is_on_its_way() -> None:
    """Records that were on their way when the flush began are waited for."""
    answered = threading.Event()
    delivering = Delivering(until(answered), pace=1.0).started(*lines(1, 3))
    delivering.exchanges.wait_for_posts(1)
    threading.Timer(0.1, answered.set).start()
    assert delivering.flush(LONG)
    assert delivering.buffer.account().sent == 3


def test_time_for_an_exchange() -> None:
    """An exchange gets the budget whenever a flush ends; at the end all that is left."""
    delivering = Delivering(budget=5.0).started()
    for seconds, at_any_price in ((4.0, False), (9.0, False), (9.0, True)):
        delivering.delivery.add(lines(1, 1))
        assert delivering.flush(seconds, at_any_price=at_any_price)
    given = delivering.exchanges.seconds
    assert given[:2] == [5.0, 5.0]
    assert 5.0 < given[2] <= 9.0


def down(delivering: Delivering) -> None:
    """Let the destination fail until the breaker is open."""
    delivering.started(*lines(1, 3))
    delivering.flush(4)
    assert delivering.patience.open


FAILURES = [ExchangeError("no answer")] * 4


def test_breaker() -> None:
    """Once the destination counts as down a flush returns at once, and that is said once."""
    delivering = Delivering(*FAILURES)
    down(delivering)
    began = delivering.time()
    for _ in range(50):
        assert not delivering.flush(4)
    assert delivering.time() - began < 2
    assert len(delivering.exchanges.posts) == 4
    assert len(delivering.written.lines) == 1
    assert "lines cannot be reached (no answer); records are kept" in delivering.written.text


def test_breaker_closes() -> None:
    """After its pause one attempt is made; where it succeeds everything is sent, in order."""
    delivering = Delivering(*FAILURES)
    down(delivering)
    delivering.delivery.add(lines(4, 9))
    delivering.leap(5)
    assert delivering.flush()
    assert delivering.exchanges.acknowledged == lines(1, 9)
    assert not delivering.patience.open


def test_breaker_opens_again() -> None:
    """An attempt that fails after the pause holds up the flushes that follow no longer."""
    delivering = Delivering(*FAILURES, *FAILURES)
    down(delivering)
    delivering.leap(5)
    for _ in range(10):
        assert not delivering.flush(4)
    assert len(delivering.exchanges.posts) == 5


def test_at_any_price() -> None:
    """Where there is no later the breaker does not count."""
    delivering = Delivering(*FAILURES, status(503, retry_after="60"))
    down(delivering)
    assert delivering.flush(LONG, at_any_price=True)
    assert delivering.exchanges.acknowledged == lines(1, 3)


def test_at_any_price_hammers_nobody() -> None:
    """Where there is no later a destination that is down is asked again only after a delay."""
    failures = [ExchangeError("no answer")] * 100
    delivering = Delivering(*failures, first_delay=0.1).started(*lines(1, 3))
    assert not delivering.flush(0.5, at_any_price=True)
    assert 2 <= len(delivering.exchanges.posts) <= 6


def test_losses_are_told() -> None:
    """When the destination is back, one record says what was lost meanwhile, and it only once."""
    delivering = Delivering(*FAILURES, max_bytes=600)
    down(delivering)
    delivering.delivery.add(lines(10, 40))
    delivering.delivery.losses.platform_dropped(7, 700)
    delivering.buffer.leave_out("sampled", 5)
    lost = delivering.buffer.account().dropped["buffer_full"]
    assert lost > 0
    delivering.leap(5)
    delivering.flush_all()
    delivering.delivery.add(lines(50, 51))
    delivering.flush_all()
    expected = {"buffer_full": lost, "platformDroppedRecords": 7, "platformDroppedBytes": 700}
    assert delivering.losses_told == [expected]
    assert delivering.buffer.account().balanced


def test_losses_belong_to_the_flush() -> None:
    """A flush is not over while what was lost has still to be told: there may be no later."""
    delivering = Delivering(status(200, b"1"))
    said, release = threading.Event(), threading.Event()

    def write(_line: str) -> None:
        said.set()
        assert release.wait(LONG)

    delivering.written.log._write = write
    delivering.started(*lines(1, 3))
    delivering.delivery.begin_flush(delivering.time() + LONG, at_any_price=True)
    flushed: list[bool] = []
    flushing = threading.Thread(target=lambda: flushed.append(delivering.delivery.end_flush()))
    flushing.start()
    assert said.wait(LONG)
    flushing.join(0.2)
    release.set()
    flushing.join(LONG)
    assert flushed == [True]
    assert delivering.losses_told == [{"refused": 1}]


def waits_for_room(delivering: Delivering) -> threading.Event:
    """Wait for room in a thread; return what is set once there is."""
    has_room = threading.Event()

    def wait() -> None:
        delivering.delivery.wait_for_room()
        has_room.set()

    threading.Thread(target=wait).start()
    return has_room


def test_room_of_a_working_destination() -> None:
    """Where the destination works, who adds waits until there is room: nothing is dropped."""
    answered = threading.Event()
    delivering = Delivering(until(answered), max_bytes=600, budget=2 * LONG).started(*lines(1, 9))
    delivering.delivery.begin_flush(delivering.time() + LONG)
    delivering.exchanges.wait_for_posts(1)
    has_room = waits_for_room(delivering)
    assert not has_room.wait(0.1)
    answered.set()
    assert has_room.wait(LONG)
    delivering.delivery.end_flush()


@pytest.mark.parametrize("failure", [ExchangeError("no answer"), status(401)])
def test_room_of_a_destination_that_is_down(failure: object) -> None:
    """A destination that fails or has stopped holds up nobody."""
    delivering = Delivering(*[failure] * 20, max_bytes=600, budget=2 * LONG)
    delivering.started(*lines(1, 9))
    delivering.delivery.begin_flush(delivering.time() + LONG)
    assert waits_for_room(delivering).wait(LONG)


def test_room_is_waited_for_within_the_budget() -> None:
    """A destination that does not answer holds up whoever adds for the budget at most."""
    answered = threading.Event()
    delivering = Delivering(until(answered), max_bytes=600, budget=0.2).started(*lines(1, 9))
    assert waits_for_room(delivering).wait(LONG / 2)
    answered.set()


def test_thaw() -> None:
    """An exchange that was on its way before a freeze is abandoned and sent again at once."""
    delivering = Delivering(budget=5.0)
    delivering.exchanges._script.append(
        delivering.exchanges.until_abandoned(AbandonedExchange("abandoned"))
    )
    delivering.started(*lines(1, 3))
    delivering.delivery.begin_flush(delivering.time() + LONG)
    delivering.exchanges.wait_for_posts(1)
    delivering.delivery.thawed(delivering.time())
    assert delivering.delivery.end_flush()
    assert delivering.exchanges.posts == [lines(1, 3), lines(1, 3)]
    assert delivering.exchanges.seconds[1] == 5.0
    assert not delivering.patience.failing


def test_thaw_leaves_what_is_new() -> None:
    """An exchange that began after the freeze goes on."""
    answered = threading.Event()
    delivering = Delivering(until(answered)).started(*lines(1, 3))
    frozen_since = delivering.time()
    delivering.delivery.begin_flush(delivering.time() + LONG)
    delivering.exchanges.wait_for_posts(1)
    delivering.delivery.thawed(frozen_since)
    answered.set()
    assert delivering.delivery.end_flush()
    assert not delivering.exchanges._abandoned.is_set()
