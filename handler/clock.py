"""Time and chance: the clocks, the jitter of retries, and waiting."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass


def _up_to(ceiling: float) -> float:
    return random.uniform(0, ceiling)  # noqa: S311 - spreads retries, no secret


@dataclass(frozen=True)
class Clock:
    """Time and chance, as the function sees them; the real ones by default.

    Attributes:
        monotonic: Seconds, for durations and deadlines.
        wall: Seconds since the epoch.
        jitter: A number from 0 up to its argument.
        wait: Waits for an event, for at most some seconds.
    """

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    jitter: Callable[[float], float] = _up_to
    wait: Callable[[threading.Event, float], object] = threading.Event.wait
