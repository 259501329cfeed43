"""Records, gathered to batches by size and time."""

from dataclasses import dataclass

from testing.firehose.settings import MAX_RECORDS


@dataclass(frozen=True, slots=True)
class Record:
    """One record.

    Attributes:
        data: What the producer put in.
        arrival_ms: When it came, in milliseconds since the epoch.
        sequence: Its number in the stream, from 0.
    """

    data: bytes
    arrival_ms: int
    sequence: int


Batch = tuple[Record, ...]


class Buffer:
    """The batch that is being filled.

    Args:
        max_bytes: A batch is complete with so many bytes or more.
        max_seconds: And when its first record has waited so long.
    """

    def __init__(self, max_bytes: int, max_seconds: float) -> None:
        self._max_bytes = max_bytes
        self._max_seconds = max_seconds
        self._records: list[Record] = []
        self._bytes = 0
        self._since = 0.0

    def add(self, record: Record, now: float) -> Batch | None:
        """Append a record; give the batch that is complete with it, if it is.

        Args:
            record: The record.
            now: Firehose's monotonic seconds.
        """
        if not self._records:
            self._since = now
        self._records.append(record)
        self._bytes += len(record.data)
        if self._bytes >= self._max_bytes or len(self._records) >= MAX_RECORDS:
            return self.take()
        return None

    def due_in(self, now: float) -> float | None:
        """Give how many seconds are left until the batch is due; None while it is empty."""
        return max(0.0, self._since + self._max_seconds - now) if self._records else None

    def take(self) -> Batch:
        """Give what there is, and begin another batch."""
        batch = tuple(self._records)
        self._records = []
        self._bytes = 0
        return batch
