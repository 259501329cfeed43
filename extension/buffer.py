"""The records that wait for one destination: bounded in bytes, the oldest are dropped first.

At every moment `received = sent + dropped + pending`, in records.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

# What CPython needs beside the bytes of a record: the object's header and its slot in a queue.
RECORD_OVERHEAD_BYTES = 48
BUFFER_FULL = "buffer_full"
# Reasons that an operator chose: such records are counted, and are not lost.
_CHOSEN = frozenset({"sampled", "below_level", "excluded", "own_line"})


class RecordAccount(NamedTuple):
    """The numbers of records of one destination at one moment.

    `dropped` has them by the reason; those that are `pending` are queued or in flight.
    """

    received: int
    sent: int
    dropped: dict[str, int]
    pending: int

    @property
    def lost(self) -> dict[str, int]:
        """Records that were dropped against the operator's wish, by reason."""
        return {reason: count for reason, count in self.dropped.items() if reason not in _CHOSEN}

    def __str__(self) -> str:
        """Return the account as one line."""
        reasons = "".join(f", {reason}={count}" for reason, count in sorted(self.dropped.items()))
        return f"received={self.received}, sent={self.sent}{reasons}, pending={self.pending}"


class Buffer:
    """A queue of encoded records with their account; safe for several threads.

    The records of a batch stay in the buffer, and counted, until they are resolved or put back.

    Args:
        max_bytes: The limit for all records, with `RECORD_OVERHEAD_BYTES` for each.

    Attributes:
        bytes: The size of all records, their overhead included.
        changed: Notified at every change; to be held while several values are read.
        waiting_since: When the buffer last became non-empty or something left it, on the clock.
    """

    def __init__(self, max_bytes: int, clock: Callable[[], float]) -> None:
        self.max_bytes = max_bytes
        self.changed = threading.Condition()
        self.waiting_since = 0.0
        self._clock = clock
        self._queue: deque[bytes] = deque()
        self._batch: deque[bytes] = deque()
        self.bytes = 0
        self._received = 0
        self._sent = 0
        self._dropped: dict[str, int] = {}

    def add(self, records: Sequence[bytes]) -> None:
        """Queue records; drop the oldest ones if the limit is exceeded."""
        if not records:
            return
        with self.changed:
            if not self.pending:
                self.waiting_since = self._clock()
            self._received += len(records)
            self._queue.extend(records)
            self.bytes += sum(map(len, records)) + RECORD_OVERHEAD_BYTES * len(records)
            self._enforce_limit()
            self.changed.notify_all()

    def leave_out(self, reason: str, count: int) -> None:
        """Count records as received and dropped without queueing them."""
        with self.changed:
            self._received += count
            self._count_dropped(reason, count)

    def take(self, max_bytes: int) -> list[bytes]:
        """Start a batch and return it: the oldest records in order; none if nothing waits.

        The limit is for all of them with one byte between each two. One record may be larger.
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
        """Count the first records of the batch as sent, or as dropped for a reason."""
        with self.changed:
            for _ in range(count):
                self.bytes -= len(self._batch.popleft()) + RECORD_OVERHEAD_BYTES
            if reason:
                self._count_dropped(reason, count)
            else:
                self._sent += count
            self.waiting_since = self._clock()
            self.changed.notify_all()

    def put_back(self) -> None:
        """Return the rest of the batch to the head of the queue."""
        with self.changed:
            self._queue.extendleft(reversed(self._batch))
            self._batch.clear()
            self._enforce_limit()
            self.changed.notify_all()

    def drop_all(self, reason: str) -> None:
        """Drop all queued records; there must be no batch."""
        with self.changed:
            self._count_dropped(reason, len(self._queue))
            self._queue.clear()
            self.bytes = 0
            self.changed.notify_all()

    def account(self) -> RecordAccount:
        """Return the account as it is now."""
        with self.changed:
            return RecordAccount(self._received, self._sent, dict(self._dropped), self.pending)

    @property
    def pending(self) -> int:
        """The number of records that are queued or in flight."""
        return len(self._queue) + len(self._batch)

    @property
    def in_batch(self) -> int:
        """The number of records in flight."""
        return len(self._batch)

    @property
    def full(self) -> bool:
        """Whether more records may soon displace others."""
        return self.bytes > self.max_bytes // 2

    def _enforce_limit(self) -> None:
        dropped = 0
        while self.bytes > self.max_bytes and self._queue:
            self.bytes -= len(self._queue.popleft()) + RECORD_OVERHEAD_BYTES
            dropped += 1
        self._count_dropped(BUFFER_FULL, dropped)

    def _count_dropped(self, reason: str, count: int) -> None:
        if count:
            self._dropped[reason] = self._dropped.get(reason, 0) + count
