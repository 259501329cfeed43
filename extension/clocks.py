"""The clocks of the machine, passed to everything that needs the time."""

import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import NamedTuple


class Clocks(NamedTuple):
    """The clocks, in seconds; by default those of this machine. `wall` counts since 1970."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def timestamp(self) -> str:
        """Return the time in the platform's format: ISO 8601, UTC, milliseconds."""
        now = datetime.fromtimestamp(self.wall(), timezone.utc)
        return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
