"""The life of the extension on a clock that goes only when somebody sleeps: when a flush ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from extension.clocks import Clocks
from extension.errors import LambdaApiError
from extension.inbox import Inbox
from extension.invocations import Invocations
from extension.lambda_api import Event, LambdaApi
from extension.life import Life, Pipeline
from extension.settings import read_settings
from tests.support.extension_parts import WALL, Written
from tests.support.extension_reading import Reading

if TYPE_CHECKING:
    from extension.intake import Intake

BEGUN = 1000.0
SHUTDOWN = Event("SHUTDOWN", 0.0, "", "spindown")


class SleepingTime:
    """A clock that stands still, but for what is slept."""

    def __init__(self) -> None:
        self.now = BEGUN
        self.slept: list[float] = []
        self.clocks = Clocks(lambda: self.now, lambda: WALL + self.now - BEGUN, self.sleep)

    def sleep(self, seconds: float) -> None:
        """Let so much time pass."""
        self.slept.append(seconds)
        self.now += seconds


class Services(LambdaApi):
    """Gives some events, one after the other.

    Args:
        events: What each call of `next` gives, or raises.
    """

    def __init__(self, *events: Event | LambdaApiError) -> None:
        super().__init__("127.0.0.1:1", "metric-stream-logs")
        self._events = list(events)

    def next(self) -> Event:
        """Give the next one."""
        event = self._events.pop(0)
        if isinstance(event, LambdaApiError):
            raise event
        return event


class Noting(Pipeline):
    """Has no destinations, and notes until when they would have been flushed."""

    def __init__(self, intake: Intake, invocations: Invocations) -> None:
        super().__init__(Inbox(1000), intake, invocations, [])
        self.flushes: list[tuple[float, bool]] = []

    def flush(self, until: float, *, at_any_price: bool = False) -> bool:
        """Note seconds from the beginning, and whether there is no later."""
        self.flushes.append((round(until - BEGUN, 6), at_any_price))
        return True


class Living:
    """A life from its first event to SHUTDOWN.

    Args:
        events: Those before it.
        shutdown: It.
        ended: Of requests, when the platform made their `runtimeDone`, in seconds.
        settings: Variables.
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
        invocations = Invocations(lambda: self.time.now)
        for request_id, seconds in (ended or {}).items():
            invocations.done(request_id, BEGUN + seconds)
        self.pipeline = Noting(Reading().intake, invocations)
        api = Services(*events, shutdown)
        life = Life(api, read_settings(settings), self.pipeline, self.time.clocks, self.written.log)
        assert life.run() == 0

    @property
    def slept(self) -> list[float]:
        """What was slept, in seconds to the millisecond."""
        return [round(seconds, 3) for seconds in self.time.slept]


def invoke(seconds: float, request_id: str = "r") -> Event:
    """Return an INVOKE whose deadline is so many seconds away."""
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
    """It ends a budget after `runtimeDone`, and a quarter or half a second before the deadline."""
    living = Living(invoke(deadline), ended={"r": 0.0}, FLUSH_BUDGET_MS=budget)
    assert living.pipeline.flushes[0] == (expected, False)


@pytest.mark.parametrize(
    ("ended", "window", "expected"),
    [(0.0, "25", 0.035), (-0.02, "25", 0.015), (-5.0, "25", 0.010), (0.0, "100", 0.110)],
)
def test_window(ended: float, window: str, expected: float) -> None:
    """What the platform still gathers is waited for: a window after the end, and for late lines."""
    living = Living(invoke(60.0), ended={"r": ended}, TIMEOUT_MS=window)
    assert living.slept[0] == expected


def test_lost_end() -> None:
    """Without `runtimeDone` the wait ends before the deadline, and nothing is settled."""
    living = Living(invoke(0.2), FLUSH_BUDGET_MS="1000")
    assert living.pipeline.flushes[0] == (0.15, False)
    # Only SHUTDOWN settles.
    assert living.slept == [0.05]


@pytest.mark.parametrize(
    ("deadline", "expected"),
    [(2.0, 1.7), (1.0, 0.7), (0.2, 0.0), (-1.0, 0.0), (60.0, 1.7), (None, 1.7)],
)
def test_flush_of_the_shutdown(deadline: float | None, expected: float) -> None:
    """It ends 0.3 s before the deadline, and after 1.7 s whatever the deadline says."""
    end = 0.0 if deadline is None else WALL + deadline
    living = Living(shutdown=Event("SHUTDOWN", end, "", "spindown"))
    assert living.pipeline.flushes == [(expected, True)]


def test_next_that_fails() -> None:
    """It is asked again after pauses that grow to a second, and that is said once."""
    failures = [LambdaApiError("next", 500, "")] * 8
    living = Living(*failures)
    assert living.slept[:8] == [0.0, 0.05, 0.1, 0.2, 0.5, 1.0, 1.0, 1.0]
    assert len(living.written.lines) == 1
