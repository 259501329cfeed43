"""Which invocation a line belongs to, and when one has ended."""

import threading
import time

from extension.invocations import Invocations
from tests.support.extension_parts import LONG, ShiftedTime


def at(seconds: int, milliseconds: int = 0) -> str:
    """Return a time as the platform writes it."""
    return f"2024-08-30T10:00:{seconds:02d}.{milliseconds:03d}Z"


def two(one_at_a_time: bool = True) -> Invocations:
    """Return two invocations, at 10 s and at 20 s."""
    invocations = Invocations(time.monotonic, one_at_a_time=one_at_a_time)
    for request_id, second in (("first", 10), ("second", 20)):
        invocations.invoked(request_id, at(second, 2))
        invocations.started(request_id, at(second))
    return invocations


def test_lines_to_requests() -> None:
    """A line belongs to the invocation that ran at its time."""
    invocations = two()
    assert invocations.at(at(10)) == "first"
    assert invocations.at(at(19, 999)) == "first"
    assert invocations.at(at(20)) == "second"
    assert invocations.at(at(59)) == "second"


def test_late_lines() -> None:
    """A line that comes during a later invocation still belongs to its own."""
    invocations = two()
    for number in range(10):
        invocations.invoked(f"later {number}", at(30 + number))
    assert invocations.at(at(15)) == "first"


def test_before_the_first() -> None:
    """What was printed before the first invocation belongs to none."""
    assert two().at(at(9, 999)) is None
    assert Invocations(time.monotonic).at(at(1)) is None


def test_started_before_invoked() -> None:
    """Whether `platform.start` or the INVOKE event comes first makes no difference."""
    invocations = Invocations(time.monotonic)
    invocations.started("first", at(10))
    invocations.invoked("first", at(10, 5))
    assert invocations.at(at(10, 1)) == "first"


def test_start_that_is_late() -> None:
    """A `platform.start` that comes after the next INVOKE event changes nothing for the next."""
    invocations = two()
    invocations.started("first", at(9, 999))
    assert invocations.at(at(9, 999)) == "first"
    assert invocations.at(at(25)) == "second"


def test_invoked_alone() -> None:
    """Without a `platform.start` the time of the INVOKE event counts."""
    invocations = Invocations(time.monotonic)
    invocations.invoked("first", at(10))
    assert invocations.at(at(10)) == "first"


def test_nothing_guessed_on_managed_instances() -> None:
    """Where several invocations run at once nothing is guessed from a time."""
    assert two(one_at_a_time=False).at(at(15)) is None


def test_bounded() -> None:
    """What is known of old invocations is bounded."""
    invocations = two()
    for number in range(10_000):
        invocations.invoked(str(number), at(30))
        invocations.done(str(number), 1.0)
    assert invocations.at(at(15)) is None
    assert not invocations.is_done("0")


def test_retried_with_the_same_id() -> None:
    """A retry keeps its request id: its lines are its own although another ran in between."""
    invocations = two()
    invocations.invoked("first", at(30))
    invocations.started("first", at(30))
    assert invocations.at(at(25)) == "second"
    assert invocations.at(at(31)) == "first"


def test_retry_is_waited_for() -> None:
    """That the first try of a request had ended does not mean that its retry has."""
    invocations = two()
    invocations.done("first", 1.0)
    assert invocations.wait_until_done("first", time.monotonic() + LONG)
    invocations.invoked("first", at(30))
    assert not invocations.wait_until_done("first", time.monotonic() + 0.02)


def test_done_before_anybody_waits() -> None:
    """A `runtimeDone` that comes before the INVOKE event was noticed counts."""
    invocations = Invocations(time.monotonic)
    invocations.started("first", at(10))
    invocations.done("first", 1.0)
    invocations.invoked("first", at(10, 5))
    assert invocations.wait_until_done("first", time.monotonic())


def test_done_while_waiting() -> None:
    """Who waits is woken by the `runtimeDone` of that request."""
    invocations = two()
    threading.Timer(0.02, invocations.done, ("second", 1.0)).start()
    assert invocations.wait_until_done("second", time.monotonic() + LONG)


def test_done_of_another() -> None:
    """The late `runtimeDone` of another request ends no wait."""
    invocations = two()
    invocations.done("first", 1.0)
    assert not invocations.wait_until_done("second", time.monotonic() + 0.05)
    assert invocations.is_done("first")
    assert not invocations.is_done("second")


def test_when_it_ended() -> None:
    """When the platform made a `runtimeDone` is known, and 0 where there was none."""
    invocations = two()
    invocations.done("first", 12.5)
    assert invocations.ended("first") == 12.5
    assert invocations.ended("second") == 0.0


def test_quiet() -> None:
    """Silence ends the wait once it has lasted."""
    began = time.monotonic()
    assert not two().wait_until_quiet("second", 0.05, began + LONG)
    assert 0.05 <= time.monotonic() - began < LONG


def test_quiet_is_put_off_by_records() -> None:
    """A record lets the silence start anew, also one that comes when it is nearly over."""
    records = [1, 2]

    def clock() -> float:
        now = time.monotonic()
        if records and now >= invocations.last_record + 0.1:
            records.pop()
            invocations.last_record = now
        return now

    invocations = Invocations(time.monotonic)
    invocations._clock = clock
    began = time.monotonic()
    assert not invocations.wait_until_quiet("first", 0.1, began + LONG)
    assert time.monotonic() - began >= 0.3
    assert records == []


def test_quiet_ends_at_the_deadline() -> None:
    """However many records come, the wait ends."""
    clock = ShiftedTime()
    invocations = Invocations(clock)
    began = clock()
    assert not invocations.wait_until_quiet("first", 2 * LONG, began + 0.05)
    assert clock() - began < LONG


def test_done_instead_of_quiet() -> None:
    """A `runtimeDone` ends the wait for silence at once."""
    invocations = two()
    threading.Timer(0.02, invocations.done, ("second", 1.0)).start()
    assert invocations.wait_until_quiet("second", LONG, time.monotonic() + LONG)
