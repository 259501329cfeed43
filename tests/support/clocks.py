"""Clocks for tests: they record the waits instead of waiting."""

import threading
import time
from collections.abc import Callable

from handler.clock import Clock

SOON = 30.0
"""Seconds: far longer than anything immediate takes, and far shorter than a stall."""


def no_jitter(_ceiling: float) -> float:
    """Return no wait before a retry."""
    return 0.0


class WaitedTime:
    """Time that passes only during waits, which end at once.

    Args:
        jitter: As in `Clock`.
        wall: Returns seconds since the epoch.

    Attributes:
        now: Monotonic seconds; a test may set it.
        waits: The requested waits in seconds, in order.
        clock: The clock for a function.
    """

    def __init__(
        self, jitter: Callable[[float], float] = no_jitter, wall: Callable[[], float] = time.time
    ) -> None:
        self.now = 0.0
        self.waits: list[float] = []
        self.clock = Clock(self.monotonic, wall, jitter, self._wait)
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        """Return the time in seconds."""
        return self.now

    def _wait(self, event: threading.Event, seconds: float) -> None:
        with self._lock:
            self.waits.append(seconds)
            self.now += 0.0 if event.is_set() else seconds


def processor_seconds(action: Callable[[], object]) -> float:
    """Return the CPU seconds of an action in this thread."""
    begun = time.thread_time()
    action()
    return time.thread_time() - begun
