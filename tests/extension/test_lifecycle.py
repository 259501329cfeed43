"""The lifecycle on a clock that only moves while something sleeps: when each flush ends."""

from unittest import mock

import pytest

from extension.clocks import Clocks
from extension.errors import LambdaApiError
from extension.invocations import Invocations
from extension.lambda_api import Event, LambdaApi
from extension.lifecycle import Lifecycle
from extension.settings import Settings
from tests.support.extension_parts import WALL, Written
from tests.support.extension_reading import Reading

BEGUN = 1000.0
SHUTDOWN = Event("SHUTDOWN", 0.0, "", "spindown")


class SleepingTime:
    """A clock that stands still except for sleeps."""

    def __init__(self) -> None:
        self.now = BEGUN
        self.slept: list[float] = []
        self.clocks = Clocks(lambda: self.now, lambda: WALL + self.now - BEGUN, self.sleep)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(seconds)
        self.now += seconds


class Services(LambdaApi):
    """Lambda services with scripted events.

    Args:
        events: What each call of `next` returns, or raises.
    """

    def __init__(self, *events: Event | LambdaApiError) -> None:
        super().__init__("127.0.0.1:1", "metric-stream-logs")
        self._events = list(events)

    def next(self) -> Event:
        """Return the next event."""
        event = self._events.pop(0)
        if isinstance(event, LambdaApiError):
            raise event
        return event


class Run:
    """The lifecycle from its first event to SHUTDOWN.

    Args:
        events: The events before SHUTDOWN.
        shutdown: The last event.
        ended: When the platform created the `runtimeDone` of requests, in seconds.
        settings: Environment variables.

    Attributes:
        flushes: The end of each flush, in seconds from the beginning; that at SHUTDOWN is the last.
    """

    def __init__(
        self,
        *events: Event | LambdaApiError,
        shutdown: Event = SHUTDOWN,
        ended: dict[str, float] | None = None,
        **settings: str,
    ) -> None:
        self.time = SleepingTime()
        self.written = Written()
        self.flushes: list[float] = []
        invocations = Invocations(lambda: self.time.now)
        for request_id, seconds in (ended or {}).items():
            invocations.done(request_id, BEGUN + seconds)
        reading = Reading()
        shipper = reading.shippers[0].shipper
        reading.router.invocations = invocations
        lifecycle = Lifecycle(
            Services(*events, shutdown),
            Settings(settings),
            reading.router,
            self.time.clocks,
            self.written.log,
        )
        with (
            mock.patch.object(shipper, "begin_flush", self._note),
            mock.patch.object(invocations._changed, "wait", self._wait),
        ):
            assert lifecycle.run() == 0

    def _wait(self, seconds: float) -> None:
        self.time.now += seconds

    def _note(self, until: float) -> None:
        self.flushes.append(round(until - BEGUN, 6))

    @property
    def slept(self) -> list[float]:
        """All sleeps, in seconds rounded to milliseconds."""
        return [round(seconds, 3) for seconds in self.time.slept]


def invoke(seconds: float, request_id: str = "r") -> Event:
    """Return an INVOKE whose deadline is some seconds away."""
    return Event("INVOKE", WALL + seconds, request_id, "")


@pytest.mark.parametrize(
    ("deadline", "budget", "expected"),
    [
        (60.0, "1000", 1.0),
        (60.0, "30000", 30.0),
        (3.0, "30000", 2.5),
        (0.8, "5000", 0.6),
        (0.4, "200", 0.2),
        (0.0, "1000", 0.0),
        (-5.0, "1000", 0.0),
    ],
)
def test_flush_of_an_invocation(deadline: float, budget: str, expected: float) -> None:
    """It ends one budget after `runtimeDone`, and some time before the deadline."""
    run = Run(invoke(deadline), ended={"r": 0.0}, FLUSH_BUDGET_MS=budget)
    assert run.flushes[0] == expected


@pytest.mark.large
@pytest.mark.parametrize(
    ("ended", "window", "expected"),
    [(0.0, "25", 0.035), (-0.02, "25", 0.015), (-5.0, "25", 0.010), (0.0, "100", 0.110)],
)
def test_window(ended: float, window: str, expected: float) -> None:
    """The platform may still buffer lines for one window after the end: they are waited for."""
    run = Run(invoke(60.0), ended={"r": ended}, LOGS_TIMEOUT_MS=window)
    assert run.slept[0] == expected


def test_lost_end() -> None:
    """Without `runtimeDone` the wait ends before the deadline, without a settle window."""
    run = Run(invoke(0.2), FLUSH_BUDGET_MS="1000")
    assert run.flushes[0] == 0.15
    # Only SHUTDOWN settles.
    assert run.slept == [0.05]


@pytest.mark.parametrize(
    ("deadline", "expected"),
    [(2.0, 1.7), (1.0, 0.7), (0.2, 0.0), (-1.0, 0.0), (60.0, 1.7), (None, 1.7)],
)
def test_flush_of_the_shutdown(deadline: float | None, expected: float) -> None:
    """It ends 0.3 s before the deadline, and after 1.7 s in any case."""
    end = 0.0 if deadline is None else WALL + deadline
    run = Run(shutdown=Event("SHUTDOWN", end, "", "spindown"))
    assert run.flushes == [expected]


def test_losses_at_shutdown() -> None:
    """Each destination has an account of its own: only what did not get its records is lost."""
    reading = Reading(["function"], ["function"])
    reading.shippers[1].shipper.add([b"{}"])
    clocks, written = SleepingTime().clocks, Written()
    over = Event("SHUTDOWN", WALL - 1.0, "", "spindown")
    settings = Settings({})
    assert Lifecycle(Services(over), settings, reading.router, clocks, written.log).run() == 0
    (line,) = written.lines
    assert "log records were lost; lines at shutdown: received=1, sent=0, pending=1" in line


def test_next_that_fails() -> None:
    """It is retried after pauses that grow to a second, and logged once."""
    failures = [LambdaApiError("next", 500, "")] * 8
    run = Run(*failures)
    assert run.slept[:8] == [0.0, 0.05, 0.1, 0.2, 0.5, 1.0, 1.0, 1.0]
    assert len(run.written.lines) == 1
