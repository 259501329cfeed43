"""What a shipper does while its destination is down: its breaker, losses, space for records."""

import threading

import pytest

from extension.errors import ExchangeError
from tests.support.extension_parts import LONG, is_balanced, lines, status
from tests.support.extension_shippers import ScriptedShipper, until

FAILURES = [ExchangeError("no answer")] * 4


def down(*script: object, max_bytes: int = 1_000_000) -> ScriptedShipper:
    """Return a shipper of three records whose circuit is open, and what follows after that."""
    scripted = ScriptedShipper(*FAILURES, *script, max_bytes=max_bytes).started(*lines(1, 3))
    scripted.flush(4)
    assert scripted.backoff.open
    return scripted


def test_breaker() -> None:
    """Once the circuit is open a flush returns at once, and that is logged once."""
    scripted = down()
    began = scripted.time()
    for _ in range(50):
        assert not scripted.flush(4)
    assert scripted.time() - began < 2
    assert len(scripted.client.posts) == 4
    assert len(scripted.written.lines) == 1
    assert "lines cannot be reached (no answer); records are kept" in scripted.written.text


@pytest.mark.parametrize("works", [True, False])
def test_breaker_closes(works: bool) -> None:
    """After its pause there is one attempt: if it succeeds everything is sent in order."""
    scripted = down(*([] if works else FAILURES))
    scripted.shipper.add(lines(4, 9))
    scripted.leap(5)
    assert [scripted.flush(4) for _ in range(10)] == [works] * 10
    assert len(scripted.client.posts) == 5
    assert scripted.client.acknowledged == (lines(1, 9) if works else [])
    assert scripted.backoff.open != works


@pytest.mark.slow
def test_shutdown_ignores_the_breaker() -> None:
    """At SHUTDOWN, where no later attempt follows, the circuit breaker is ignored."""
    scripted = down(status(503, retry_after="60"))
    assert scripted.flush(LONG, final=True)
    assert scripted.client.acknowledged == lines(1, 3)


@pytest.mark.slow
def test_shutdown_keeps_a_delay() -> None:
    """At SHUTDOWN there is still a delay between attempts."""
    failures = [ExchangeError("no answer")] * 100
    scripted = ScriptedShipper(*failures, first_delay_ms=100).started(*lines(1, 3))
    assert not scripted.flush(0.5, final=True)
    assert 2 <= len(scripted.client.posts) <= 6


def test_losses_are_reported() -> None:
    """When the destination is back, one record reports what was lost meanwhile, once."""
    scripted = down(max_bytes=600)
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
    assert is_balanced(scripted.buffer.account())


def test_losses_belong_to_the_flush() -> None:
    """A flush is not over before the losses are reported: there may be no later one."""
    scripted = ScriptedShipper(status(200, b"1"))
    said, release = threading.Event(), threading.Event()

    def write(_line: str) -> None:
        said.set()
        assert release.wait(LONG)

    scripted.written.log._write = write
    scripted.started(*lines(1, 3))
    scripted.shipper.begin_shutdown()
    scripted.shipper.begin_flush(scripted.time() + LONG)
    flushed: list[bool] = []
    flushing = threading.Thread(target=lambda: flushed.append(scripted.shipper.end_flush()))
    flushing.start()
    assert said.wait(LONG)
    flushing.join(0.2)
    release.set()
    flushing.join(LONG)
    assert flushed == [True]
    assert scripted.reported_losses == [{"refused": 1}]


def waiting_for_space(scripted: ScriptedShipper) -> threading.Event:
    """Wait for space in a thread; return an event that is set once there is."""
    has_space = threading.Event()

    def wait() -> None:
        scripted.shipper.add_with_space([b"last"], 0.0)
        has_space.set()

    threading.Thread(target=wait).start()
    return has_space


def test_space_with_a_working_destination() -> None:
    """If the destination works there is a wait for space, and nothing is dropped."""
    answered = threading.Event()
    scripted = ScriptedShipper(until(answered), max_bytes=600, budget=2 * LONG).started(
        *lines(1, 9)
    )
    scripted.shipper.begin_flush(scripted.time() + LONG)
    scripted.client.wait_for_posts(1)
    has_space = waiting_for_space(scripted)
    assert not has_space.wait(0.1)
    answered.set()
    assert has_space.wait(LONG)
    scripted.shipper.end_flush()


@pytest.mark.parametrize("failure", [ExchangeError("no answer"), status(401)])
def test_space_with_a_destination_that_is_down(failure: object) -> None:
    """There is no wait for a destination that fails or has stopped."""
    scripted = ScriptedShipper(*[failure] * 20, max_bytes=600, budget=2 * LONG)
    scripted.started(*lines(1, 9))
    scripted.shipper.begin_flush(scripted.time() + LONG)
    assert waiting_for_space(scripted).wait(LONG)


def test_space_within_the_budget() -> None:
    """The wait for a destination that does not respond lasts one budget at most."""
    answered = threading.Event()
    scripted = ScriptedShipper(until(answered), max_bytes=600, budget=0.2).started(*lines(1, 9))
    assert waiting_for_space(scripted).wait(LONG / 2)
    answered.set()
