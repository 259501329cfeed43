"""A stream: takes records, and has batches of them settled, several at once."""

import threading
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from testing.firehose.buffer import Batch, Buffer, Record
from testing.firehose.delivery import Destination
from testing.firehose.settings import MAX_RECORD_BYTES, StreamSettings, Time


@dataclass(frozen=True, slots=True)
class Report:
    """What a stream has done so far.

    Attributes:
        records: Taken from producers.
        batches: Made of them; some may still be under way.
        attempts: Requests of the batches that are settled.
        outcomes: How many batches ended how.
    """

    records: int
    batches: int
    attempts: int
    outcomes: Counter[str]

    @property
    def settled(self) -> int:
        """How many batches have come to an end."""
        return self.outcomes.total()


class Stream:
    """The stream, at work from its construction until the end of `with`.

    Leaving the block delivers what is buffered and waits for every batch; leaving it with an
    error makes no further attempt.

    Args:
        settings: How it is set up.
        destination: Where batches go.
        time: Its clock.
    """

    def __init__(self, settings: StreamSettings, destination: Destination, time: Time) -> None:
        self._destination = destination
        self._time = time
        self._buffer = Buffer(settings.buffer_bytes, settings.buffer_seconds)
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._closing = False
        self._records = 0
        self._attempts = 0
        self._outcomes: Counter[str] = Counter()
        self._futures: list[Future[None]] = []
        self._workers = ThreadPoolExecutor(settings.parallel, thread_name_prefix="firehose")
        self._flusher = threading.Thread(target=self._flush, name="firehose-buffer")
        self._flusher.start()

    def __enter__(self) -> Self:
        """Give the stream, which already works."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Finish, or stop; raise what went wrong in a thread unless an error is on its way."""
        if error is not None:
            self._stopping.set()
        try:
            self._finish()
        except BaseException:
            # Interrupted while it waited: nobody waits for the rest any more.
            self._stopping.set()
            raise
        if error is None:
            for future in self._futures:
                future.result()

    def put(self, data: bytes) -> None:
        """Take one record.

        Args:
            data: Any bytes, at most 1,024,000 of them.

        Raises:
            ValueError: It is larger; Firehose refuses it at the producer's call.
        """
        if len(data) > MAX_RECORD_BYTES:
            raise ValueError(f"a record may have {MAX_RECORD_BYTES} bytes, not {len(data)}")
        with self._changed:
            record = Record(data, self._time.wall_ms(), self._records)
            self._records += 1
            batch = self._buffer.add(record, self._time.now())
            if batch:
                self._submit(batch)
            self._changed.notify_all()

    def report(self) -> Report:
        """Give what has happened so far."""
        with self._changed:
            return Report(self._records, len(self._futures), self._attempts, self._outcomes.copy())

    def _finish(self) -> None:
        """Submit what is buffered, and wait for every batch."""
        with self._changed:
            self._closing = True
            self._submit(self._buffer.take())
            self._changed.notify_all()
        self._flusher.join()
        self._workers.shutdown()
        self._destination.close()

    def _submit(self, batch: Batch) -> None:
        if batch:
            self._futures.append(self._workers.submit(self._settle, batch))

    def _settle(self, batch: Batch) -> None:
        settled = self._destination.settle(batch, self._stopping)
        with self._changed:
            self._attempts += settled.attempts
            self._outcomes[settled.outcome] += 1

    def _flush(self) -> None:
        """Complete batches whose time has come."""
        with self._changed:
            while not self._closing:
                due_in = self._buffer.due_in(self._time.now())
                if due_in == 0:
                    self._submit(self._buffer.take())
                else:
                    self._changed.wait(due_in / self._time.speed if due_in else None)
