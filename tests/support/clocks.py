"""Time as tests need it: what was asked for instead of what a busy machine made of it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from handler.sender import Clock

if TYPE_CHECKING:
    from collections.abc import Callable

SOON = 30.0
"""Seconds: far more than a busy machine takes for what is at once, far less than a stall lasts."""


def no_jitter(_ceiling: float) -> float:
    """Retry without a wait."""
    return 0.0


class WaitedTime:
    """
    Time that passes only where somebody waits for it, and there at once.

    Args:
        jitter: As in `Clock`.
        wall: Seconds since the epoch, always.

    Attributes:
        now: Monotonic seconds; a test may set it.
        waits: The seconds that were asked for, in order.
        clock: What a function goes by.
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
    """Return how much of a processor an action took in this thread, whatever else there was."""
    begun = time.thread_time()
    action()
    return time.thread_time() - begun
