"""A stream: buffers records, and has batches of them delivered, several at once."""

import threading
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from testing.closing import Closing
from testing.firehose.backup import Batch, PutRecord
from testing.firehose.delivery import BatchResult
from testing.firehose.settings import MAX_RECORD_BYTES, MAX_RECORDS, StreamSettings, Time


@dataclass(frozen=True, slots=True)
class Report:
    """What a stream has done so far.

    Attributes:
        batches: The number of batches, including those in progress.
        attempts: The number of requests of the batches that have ended.
        outcomes: The number of batches by outcome.
    """

    batches: int
    attempts: int
    outcomes: Counter[str]

    @property
    def settled(self) -> int:
        """The number of batches that have ended."""
        return self.outcomes.total()


class Destination(Protocol):
    """Where batches go: an HTTP endpoint, or a transformation."""

    def deliver(self, batch: Batch, stopping: threading.Event) -> BatchResult:
        """Deliver a batch with all retries, unless the stream is stopped."""

    def close(self) -> None:
        """Release what it holds."""


class Stream(Closing):
    """The stream, running from its construction until the end of `with`.

    Leaving the block delivers what is buffered and waits for every batch; leaving it with an
    error makes no further attempt.

    Args:
        settings: Its configuration.
        destination: Where batches go.
        time: Its clock.
    """

    def __init__(self, settings: StreamSettings, destination: Destination, time: Time) -> None:
        self._settings = settings
        self._destination = destination
        self._time = time
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._closing = False
        self._buffer: list[PutRecord] = []
        self._buffered_bytes, self._buffered_since = 0, 0.0
        self._records = self._attempts = 0
        self._outcomes: Counter[str] = Counter()
        self._futures: list[Future[None]] = []
        self._workers = ThreadPoolExecutor(settings.parallel, thread_name_prefix="firehose")
        self._flusher = threading.Thread(target=self._flush_in_time, name="firehose-buffer")
        self._flusher.start()

    @property
    def failures(self) -> list[BaseException]:
        """Errors of the threads that deliver."""
        return [error for future in self._futures if (error := future.exception())]

    def abandon(self) -> None:
        """Make no further attempt."""
        self._stopping.set()

    def close(self) -> None:
        """Deliver what is buffered, and wait for every batch."""
        try:
            self._finish()
        except BaseException:
            # Interrupted while waiting.
            self.abandon()
            raise

    def put(self, data: bytes) -> None:
        """Buffer one record.

        Args:
            data: Any bytes, at most 1,024,000 of them.

        Raises:
            ValueError: It is larger; Firehose rejects it at the producer's call.
        """
        if len(data) > MAX_RECORD_BYTES:
            raise ValueError(f"a record may have {MAX_RECORD_BYTES} bytes, not {len(data)}")
        with self._changed:
            if not self._buffer:
                self._buffered_since = self._time.now()
            self._buffer.append(PutRecord(data, self._time.wall_ms(), self._records))
            self._records += 1
            self._buffered_bytes += len(data)
            full = self._buffered_bytes >= self._settings.buffer_bytes
            if full or len(self._buffer) >= MAX_RECORDS:
                self._flush()
            self._changed.notify_all()

    def report(self) -> Report:
        """Return what has happened so far."""
        with self._changed:
            return Report(len(self._futures), self._attempts, self._outcomes.copy())

    def _finish(self) -> None:
        """Flush the buffer, and wait for every batch."""
        with self._changed:
            self._closing = True
            self._flush()
            self._changed.notify_all()
        self._flusher.join()
        self._workers.shutdown()
        self._destination.close()

    def _flush(self) -> None:
        """Submit the buffered records as one batch."""
        batch, self._buffer, self._buffered_bytes = tuple(self._buffer), [], 0
        if batch:
            self._futures.append(self._workers.submit(self._deliver, batch))

    def _deliver(self, batch: Batch) -> None:
        result = self._destination.deliver(batch, self._stopping)
        with self._changed:
            self._attempts += result.attempts
            self._outcomes[result.outcome] += 1

    def _flush_in_time(self) -> None:
        """Flush the buffer whenever its first record has waited long enough."""
        with self._changed:
            while not self._closing:
                due_in = self._buffered_since + self._settings.buffer_seconds - self._time.now()
                if not self._buffer:
                    self._changed.wait()
                elif due_in <= 0:
                    self._flush()
                else:
                    self._changed.wait(due_in / self._time.speed)
