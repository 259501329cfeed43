"""The edge to time, handed to whatever needs it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Clocks(NamedTuple):
    """
    Time, as the extension meets it.

    Attributes:
        monotonic: Seconds, for durations.
        wall: Seconds since the epoch.
        sleep: Waits some seconds.
    """

    monotonic: Callable[[], float]
    wall: Callable[[], float]
    sleep: Callable[[float], None]

    def timestamp(self) -> str:
        """Return the time as the platform writes one: ISO 8601, UTC, milliseconds."""
        seconds = self.wall()
        whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
        return f"{whole}.{int(seconds % 1 * 1000):03d}Z"


def real_clocks() -> Clocks:
    """Return the clocks of this machine."""
    return Clocks(time.monotonic, time.time, time.sleep)
