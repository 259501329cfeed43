"""The configuration of a stream, and its clock."""

import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

MAX_RECORD_BYTES = 1_024_000
"""A record's limit before base64 (Firehose quotas)."""

MAX_RECORDS = 10_000
"""The maximum number of records in a request (HTTP endpoint specifications)."""


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """What a user configures; the defaults are those of this project's stack.

    Attributes:
        url: Where to deliver; empty for a transformation.
        name: The stream's name, in its ARN and in the names of backup objects.
        access_key: Sent with each request; None: no such header.
        common_attributes: Sent with each request; None: no such header.
        gzip: Whether bodies are compressed.
        buffer_bytes: A batch is complete with at least this many bytes of records, before base64.
        buffer_seconds: A batch is complete when its first record has waited this long.
        retry_seconds: How long a batch is retried, counted from its first failure.
        parallel: The number of batches that are delivered at once.
        attempt_seconds: How long to wait for a response; in real seconds, whatever the speed.
    """

    url: str = ""
    name: str = "sample-delivery"
    access_key: str | None = None
    common_attributes: Mapping[str, str] | None = None
    gzip: bool = False
    buffer_bytes: int = 1024 * 1024
    buffer_seconds: float = 60.0
    retry_seconds: float = 3600.0
    parallel: int = 4
    attempt_seconds: float = 180.0


@dataclass(frozen=True, slots=True)
class Time:
    """Firehose's clock, which may run faster than the real one.

    Attributes:
        speed: How many of Firehose's seconds pass in a real one. It shortens the buffer interval,
            the backoff and the retry duration, but not timestamps and the time for a response.
    """

    speed: float = 1.0

    def now(self) -> float:
        """Return Firehose's monotonic seconds."""
        return time.monotonic() * self.speed

    def wall_ms(self) -> int:
        """Return the time in milliseconds since the epoch."""
        return int(time.time() * 1000)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait at most `seconds` of Firehose's; return whether the event was set."""
        return event.wait(seconds / self.speed)


def backoff_seconds(failures: int, chance: random.Random) -> float:
    """Return how long to wait before the next attempt, in Firehose's seconds.

    One second after the first failure, doubled with each further one up to two minutes, with 15 %
    of jitter.
    """
    return float(min(120.0, 2.0 ** min(failures - 1, 16))) * chance.uniform(0.85, 1.15)
