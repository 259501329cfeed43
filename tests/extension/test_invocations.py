"""Which invocation a line belongs to, and when an invocation has ended."""

import math
import threading
import time

import pytest

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


Step = tuple[str, str, str]
"""A method, the id of a request, and a time."""

TWO: list[Step] = [
    ("invoked", "first", at(10, 2)),
    ("started", "first", at(10)),
    ("invoked", "second", at(20, 2)),
    ("started", "second", at(20)),
]
START_FIRST: list[Step] = [("started", "first", at(10)), ("invoked", "first", at(10, 5))]
RETRY: list[Step] = [*TWO, ("invoked", "first", at(30)), ("started", "first", at(30))]
LATE_START: list[Step] = [*TWO, ("started", "first", at(9, 999))]


@pytest.mark.parametrize(
    ("steps", "line", "request_id"),
    [
        ([], at(10), None),
        (TWO, at(9, 999), None),
        (TWO, at(10), "first"),
        (TWO, at(19, 999), "first"),
        (TWO, at(20), "second"),
        (TWO, at(59), "second"),
        # A line may come during a later invocation.
        ([*TWO, *(("invoked", f"later {it}", at(30 + it)) for it in range(10))], at(15), "first"),
        # `platform.start` may come before the INVOKE event, or after the next one, or never.
        (START_FIRST, at(10, 1), "first"),
        (LATE_START, at(9, 999), "first"),
        (LATE_START, at(25), "second"),
        ([("invoked", "first", at(10))], at(10), "first"),
        # A retry keeps its request id.
        (RETRY, at(25), "second"),
        (RETRY, at(31), "first"),
    ],
)
def test_lines_to_requests(steps: list[Step], line: str, request_id: str | None) -> None:
    """A line belongs to the invocation that ran at its time, if there was one."""
    invocations = Invocations(time.monotonic)
    for method, *arguments in steps:
        getattr(invocations, method)(*arguments)
    assert invocations.of_line(None, line, by_time=True) == request_id


def test_lines_on_managed_instances() -> None:
    """If invocations run at the same time, no line belongs to one by its time."""
    assert two(one_at_a_time=False).of_line(None, at(10), by_time=True) is None


@pytest.mark.slow
def test_bounded() -> None:
    """Only the last invocations are remembered."""
    invocations = two()
    for number in range(10_000):
        invocations.invoked(str(number), at(30))
        invocations.done(str(number), 1.0)
    assert invocations.of_line(None, at(15), by_time=True) is None
    assert not invocations.is_done("0")


def test_retry_is_waited_for() -> None:
    """The end of the first try of a request is not the end of its retry."""
    invocations = two()
    invocations.done("first", 12.5)
    assert invocations.wait_until_done("first", time.monotonic() + LONG) == 12.5
    invocations.invoked("first", at(30))
    assert invocations.wait_until_done("first", time.monotonic() + 0.02) is None


@pytest.mark.parametrize("quiet", [LONG, math.inf])
def test_done_during_the_wait(quiet: float) -> None:
    """The `runtimeDone` of that request ends the wait at once."""
    invocations = two()
    threading.Timer(0.02, invocations.done, ("second", 1.0)).start()
    until = time.monotonic() + LONG
    assert invocations.wait_until_done("second", until, quiet) == 1.0


def test_done_before_the_wait() -> None:
    """A `runtimeDone` that comes before the INVOKE event counts."""
    invocations = Invocations(time.monotonic)
    invocations.done("first", 1.0)
    invocations.invoked("first", at(10, 5))
    assert invocations.wait_until_done("first", time.monotonic()) == 1.0


def test_done_of_another() -> None:
    """The late `runtimeDone` of another request ends no wait."""
    invocations = two()
    invocations.done("first", 1.0)
    assert invocations.wait_until_done("second", time.monotonic() + 0.05) is None
    assert invocations.is_done("first")
    assert not invocations.is_done("second")


def test_quiet() -> None:
    """The wait ends after a time without telemetry."""
    began = time.monotonic()
    assert two().wait_until_done("second", began + LONG, 0.05) is None
    assert 0.05 <= time.monotonic() - began < LONG


def test_telemetry_extends_the_wait() -> None:
    """Telemetry starts the quiet time anew, also when it is nearly over."""
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
    assert invocations.wait_until_done("first", began + LONG, 0.1) is None
    assert time.monotonic() - began >= 0.3
    assert records == []


def test_quiet_ends_at_the_deadline() -> None:
    """The wait ends at the deadline in any case."""
    clock = ShiftedTime()
    invocations = Invocations(clock)
    began = clock()
    assert invocations.wait_until_done("first", began + 0.05, 2 * LONG) is None
    assert clock() - began < LONG
