"""How a stream is set up, and the time by which it works."""

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

MAX_RECORD_BYTES = 1_024_000
"""A record's limit before base64 (Firehose quotas)."""

MAX_RECORDS = 10_000
"""The most records of one request (HTTP endpoint specifications)."""


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """What a user sets up; the defaults are those of this project's stack.

    Attributes:
        url: Where to deliver.
        name: The stream's name, in its ARN and in the names of backup objects.
        access_key: Sent with each request; None: no such header.
        common_attributes: Sent with each request; None: no such header.
        gzip: Whether bodies are compressed.
        buffer_bytes: A batch is complete with so many bytes of records, before base64.
        buffer_seconds: And after so many seconds, counted from its first record.
        retry_seconds: How long a batch is retried, counted from its first failure.
        parallel: How many batches are delivered at once.
        attempt_seconds: How long an answer is waited for; real seconds, whatever the speed.
        backup_all: Whether every record is written to the backup too (`AllData`).
    """

    url: str
    name: str = "sample-delivery"
    access_key: str | None = None
    common_attributes: Mapping[str, str] | None = None
    gzip: bool = False
    buffer_bytes: int = 1024 * 1024
    buffer_seconds: float = 60.0
    retry_seconds: float = 3600.0
    parallel: int = 4
    attempt_seconds: float = 180.0
    backup_all: bool = False


@dataclass(frozen=True, slots=True)
class Time:
    """Firehose's clock, which may run faster than ours.

    Attributes:
        speed: How many of Firehose's seconds pass in a real one. Waits are shortened by it:
            buffer interval, backoff and retry duration, but never the time for an answer.
        monotonic: Real seconds, for durations.
        wall: Real seconds since the epoch, for time stamps.
    """

    speed: float = 1.0
    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time

    def now(self) -> float:
        """Give Firehose's monotonic seconds."""
        return self.monotonic() * self.speed

    def wall_ms(self) -> int:
        """Give the time in milliseconds since the epoch."""
        return int(self.wall() * 1000)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait so many of Firehose's seconds at most; say whether the event came."""
        return event.wait(seconds / self.speed)


def backoff_seconds(failures: int, chance: random.Random) -> float:
    """Give how long to wait before the next attempt, in Firehose's seconds.

    From one second, doubling with each failure up to two minutes, with 15 % of jitter.

    Args:
        failures: How many attempts have failed so far, from 1.
        chance: Where the jitter comes from.
    """
    return float(min(120.0, 2.0 ** min(failures - 1, 16))) * chance.uniform(0.85, 1.15)
