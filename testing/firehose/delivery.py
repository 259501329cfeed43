"""A batch on its way to an HTTP endpoint: attempts, backoff, and the backup in the end."""

import random
import threading
from dataclasses import dataclass
from typing import Protocol

from testing.firehose.backup import Backup, new_request_id
from testing.firehose.buffer import Batch
from testing.firehose.endpoint import Endpoint, make_request
from testing.firehose.judge import Fate
from testing.firehose.settings import StreamSettings, Time, backoff_seconds


@dataclass(frozen=True, slots=True)
class Settled:
    """How a batch ended.

    Attributes:
        outcome: `delivered`, `discarded`, `backed up`, or `abandoned` where the stream was
            stopped before.
        attempts: How many requests it took.
    """

    outcome: str
    attempts: int


class Destination(Protocol):
    """Where batches go."""

    def settle(self, batch: Batch, stopping: threading.Event) -> Settled:
        """See a batch to its end, from one of several threads at once.

        Args:
            batch: The records.
            stopping: Set when no further attempt is to be made.
        """

    def close(self) -> None:
        """Let go of what the destination holds."""


class HttpDestination:
    """An HTTP endpoint with its backup.

    Args:
        settings: How the stream is set up.
        backup: Where batches go that cannot be delivered.
        time: The stream's clock.
        chance: For request ids and the jitter.
    """

    def __init__(
        self, settings: StreamSettings, backup: Backup, time: Time, chance: random.Random
    ) -> None:
        self._settings = settings
        self._backup = backup
        self._time = time
        self._chance = chance
        self._endpoint = Endpoint(settings)

    def settle(self, batch: Batch, stopping: threading.Event) -> Settled:
        """Deliver a batch: again and again, until the retry duration is over.

        The duration counts from the first failure; the last attempt is made when it ends.

        Args:
            batch: The records.
            stopping: Set when no further attempt is to be made.
        """
        if self._settings.backup_all:
            self._backup.everything(batch)
        request_id = new_request_id(self._chance)
        request = make_request(batch, self._settings, request_id, self._time.wall_ms())
        attempts, until = 0, None
        while not stopping.is_set():
            verdict = self._endpoint.attempt(request)
            attempts += 1
            if verdict.fate is not Fate.FAILED:
                return Settled(verdict.fate.value, attempts)
            now = self._time.now()
            if until is None:
                until = now + self._settings.retry_seconds
            if now >= until:
                self._backup.failed(batch, verdict, attempts)
                return Settled("backed up", attempts)
            delay = min(backoff_seconds(attempts, self._chance), until - now)
            self._time.wait(stopping, delay)
        return Settled("abandoned", attempts)

    def close(self) -> None:
        """Close the connections to the endpoint."""
        self._endpoint.close()
