"""The records that wait for one destination: bounded in bytes, the oldest dropped first."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from extension.account import Account

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# What CPython needs beside the bytes of a record: the object's head and its place in a queue.
RECORD_OVERHEAD_BYTES = 48
BUFFER_FULL = "buffer_full"


class Buffer:
    """
    A queue of encoded records with their account; safe for several threads.

    A batch that was taken stays in the buffer, and counted, until it is resolved or put back.

    Args:
        max_bytes: How much the records may need, `RECORD_OVERHEAD_BYTES` for each included.
        clock: A monotonic clock in seconds.
    """

    def __init__(self, max_bytes: int, clock: Callable[[], float]) -> None:
        self.max_bytes = max_bytes
        self._clock = clock
        self._queue: deque[bytes] = deque()
        self._batch: deque[bytes] = deque()
        self._bytes = 0
        self._since = 0.0
        self._received = 0
        self._sent = 0
        self._dropped: dict[str, int] = {}
        self.changed = threading.Condition()

    def add(self, records: Sequence[bytes]) -> None:
        """Queue records; where they have no room, the oldest ones go."""
        if not records:
            return
        with self.changed:
            if not self._queue and not self._batch:
                self._since = self._clock()
            self._received += len(records)
            self._queue.extend(records)
            self._bytes += sum(map(len, records)) + RECORD_OVERHEAD_BYTES * len(records)
            self._make_room()
            self.changed.notify_all()

    def leave_out(self, reason: str, count: int) -> None:
        """Account for records that were received and are not to be sent."""
        if count:
            with self.changed:
                self._received += count
                self._drop(reason, count)

    def take(self, max_bytes: int) -> list[bytes]:
        """
        Return the oldest records, in order; none where nothing waits.

        Args:
            max_bytes: For all of them and one byte between each two; one record is
                returned even where it is larger.
        """
        with self.changed:
            size = 0
            queue, batch = self._queue, self._batch
            while queue and (not batch or size + len(queue[0]) < max_bytes):
                record = queue.popleft()
                batch.append(record)
                size += len(record) + 1
            return list(batch)

    def resolve(self, count: int, reason: str = "") -> None:
        """Account for the first records of the batch: sent, or dropped for a reason."""
        with self.changed:
            for _ in range(count):
                self._bytes -= len(self._batch.popleft()) + RECORD_OVERHEAD_BYTES
            if reason:
                self._drop(reason, count)
            else:
                self._sent += count
            self._since = self._clock()
            self.changed.notify_all()

    def put_back(self) -> None:
        """Queue what is left of the batch again, before everything else."""
        with self.changed:
            self._queue.extendleft(reversed(self._batch))
            self._batch.clear()
            self._make_room()
            self.changed.notify_all()

    def drop_all(self, reason: str) -> None:
        """Drop everything that waits; a batch must have been put back or resolved before."""
        with self.changed:
            self._drop(reason, len(self._queue))
            self._queue.clear()
            self._bytes = 0
            self.changed.notify_all()

    def account(self) -> Account:
        """Return the account as it is now."""
        with self.changed:
            return Account(self._received, self._sent, dict(self._dropped), self._pending())

    @property
    def pending(self) -> int:
        """How many records wait or are on their way."""
        return self._pending()

    @property
    def in_batch(self) -> int:
        """How many records are on their way."""
        return len(self._batch)

    @property
    def bytes(self) -> int:
        """How many bytes the records need."""
        return self._bytes

    @property
    def full(self) -> bool:
        """Whether more records may displace others soon."""
        return self._bytes > self.max_bytes // 2

    @property
    def waiting_since(self) -> float:
        """When the buffer last became non-empty or something left it, on the clock."""
        return self._since

    def _pending(self) -> int:
        return len(self._queue) + len(self._batch)

    def _make_room(self) -> None:
        dropped = 0
        while self._bytes > self.max_bytes and self._queue:
            self._bytes -= len(self._queue.popleft()) + RECORD_OVERHEAD_BYTES
            dropped += 1
        self._drop(BUFFER_FULL, dropped)

    def _drop(self, reason: str, count: int) -> None:
        if count:
            self._dropped[reason] = self._dropped.get(reason, 0) + count
