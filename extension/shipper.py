"""Sends the records of one destination: by size and age, and when a flush asks for it.

A thread of its own sends during an invocation too. The lifecycle asks for a flush before the
environment may freeze.
"""

from __future__ import annotations

import contextlib
import threading

from extension.backoff import Backoff
from extension.buffer import Buffer
from extension.clocks import Clocks
from extension.destinations.destination import Destination
from extension.destinations.responses import BatchResult, Meaning
from extension.errors import AbandonedExchange, ExtensionError
from extension.http_client import HttpClient
from extension.own_log import OwnLog
from extension.results import UNAUTHORIZED, ResultHandler

ENOUGH_BYTES = 1_048_576
LONG_ENOUGH_SECONDS = 1.0
# Records that are this many budgets late come late because the destination is slow; then the
# oldest are dropped.
_BUDGETS_LATE = 3
_SHORTEST_SECONDS = 0.02
# At SHUTDOWN an exchange is cut off and started again after this time, or after this many times
# what the last one took.
_HANGING_SECONDS = 1.0
_HANGING_TIMES = 2.0


class Shipper:
    """Sends what is in a buffer to its destination.

    Args:
        backoff: Decides when to try again, and with how much.
        client: Sends requests; used by the shipper's own thread.
        limits: For how many seconds an exchange may hold an invocation, and how many it may take.
    """

    def __init__(
        self,
        destination: Destination,
        buffer: Buffer,
        backoff: Backoff,
        *,
        client: HttpClient,
        limits: tuple[float, float],
        clocks: Clocks,
        log: OwnLog,
    ) -> None:
        self.destination = destination
        self.buffer = buffer
        self.results = ResultHandler(destination, buffer, backoff, clocks, log)
        self._backoff = backoff
        self._client = client
        self._budget, self._exchange_seconds = limits
        self._clock = clocks.monotonic
        self._exchange_began: float | None = None
        self._flush_until: float | None = None
        self._shutting_down = False
        self._last_seconds = 0.0
        client.on_thaw = self._thawed

    def start(self) -> None:
        """Start the thread."""
        name = f"shipper to {self.destination.name}"
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def add(self, records: list[bytes]) -> None:
        """Queue encoded records; drop them if the destination has refused the token."""
        if self.results.stopped:
            self.buffer.leave_out(UNAUTHORIZED, len(records))
        else:
            self.buffer.add(records)

    def add_with_space(self, records: list[bytes], late: float) -> None:
        """Queue encoded records in parts, each when it displaces no others, or after one budget.

        There is no wait for a destination that is down: then the oldest records are dropped. Nor
        for a slow one once records are some budgets late: behind them comes the end of the
        invocation, which is held up until it arrives. The newest record is `late` seconds old, and
        together they may be larger than the buffer.
        """
        end = self._clock() + _BUDGETS_LATE * self._budget - late
        part: list[bytes] = []
        size = 0
        for number, record in enumerate(records, 1):
            part.append(record)
            size += len(record)
            if size > self.buffer.max_bytes // 8 or number == len(records):
                self._wait_for_space(min(self._budget, end - self._clock()))
                self.add(part)
                part, size = [], 0

    def _wait_for_space(self, seconds: float) -> None:
        with self.buffer.changed:
            self.buffer.changed.wait_for(
                lambda: not self.buffer.full or not self._healthy(), max(seconds, 0.0)
            )

    def begin_flush(self, until: float) -> None:
        """Start to send everything; the flush ends at a moment on the clock."""
        with self.buffer.changed:
            if self._shutting_down and not self.results.stopped and not self._backoff.failing:
                self.results.report_losses(final=True)
            self._flush_until = until
            self.buffer.changed.notify_all()

    def end_flush(self) -> bool:
        """Wait for the flush that was begun; return whether everything was sent."""
        changed = self.buffer.changed
        with changed:
            until = self._flush_until or 0.0
            while self.buffer.pending and (left := self._wait_until(until) - self._clock()) > 0:
                changed.wait(left)
            self._flush_until = None
            return not self.buffer.pending

    def begin_shutdown(self) -> None:
        """Prepare for the last flush: from now on the circuit breaker is ignored.

        Nothing waits for space, and an exchange that hangs is cut off and sent again.
        """
        with self.buffer.changed:
            self._shutting_down = True
            self.buffer.changed.notify_all()
            # The first one may as well be slow: what is usual is not known yet.
            if self._exchange_began is not None and self._last_seconds:
                hangs = max(_HANGING_SECONDS, _HANGING_TIMES * self._last_seconds)
                # While the lock is held no other exchange can begin, and be cut off instead.
                self._client.abandon(max(hangs - self._taken(), 0.0))

    def _thawed(self) -> None:
        """After a freeze let a flush wait for the exchange that began before."""
        with self.buffer.changed:
            if self._exchange_began is not None:
                self._exchange_began = self._clock()
                self.buffer.changed.notify_all()

    def _healthy(self) -> bool:
        return not (self.results.stopped or self._backoff.failing or self._shutting_down)

    def _wait_until(self, until: float) -> float:
        """Return how long a flush that ends at a moment is worth waiting for, on the clock."""
        if self.results.stopped:
            return 0.0
        began = self._exchange_began
        if began is None:
            return until if self._may_start_at() < until else 0.0
        if self._shutting_down:
            return until
        # One that is slower goes on, and holds up no further invocation.
        return min(until, began + self._budget)

    def _may_start_at(self) -> float:
        backoff = self._backoff
        return backoff.retry_at_shutdown if self._shutting_down else backoff.retry_at

    def _due_in(self) -> float | None:
        """Return the seconds until a batch is due; None if nothing waits."""
        buffer, now = self.buffer, self._clock()
        if not buffer.pending or self.results.stopped:
            return None
        flushing = self._flush_until is not None and now + self._least_seconds() < self._flush_until
        if flushing or buffer.full or buffer.bytes >= ENOUGH_BYTES:
            due = now
        else:
            due = buffer.waiting_since + LONG_ENOUGH_SECONDS
        return max(due, self._may_start_at()) - now

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            # Ahead of the first request, which would report the error again.
            self._client.prepare()
        while True:
            with self.buffer.changed:
                while (due := self._due_in()) is None or due > 0:
                    self.buffer.changed.wait(due)
            try:
                self.send_batch()
            except Exception as error:  # noqa: BLE001 -- promise 1: no error ends the thread
                self.results.internal_error(error)

    def send_batch(self) -> None:
        """Send the oldest records, in smaller parts if the destination asks for them."""
        batch = self.buffer.take(self._backoff.batch_bytes)
        counts = self.destination.parts(batch) if batch else []
        while counts:
            count = counts.pop(0)
            result = self._attempt(batch[:count])
            if result.meaning is Meaning.HALVE and count > 1:
                counts[:0] = [count // 2, count - count // 2]
            elif self.results.handle(result, count):
                batch = batch[count:]
            else:
                if result.too_fast:
                    self._backoff.refused_for_rate(sum(map(len, batch[:count])))
                return

    def _attempt(self, records: list[bytes]) -> BatchResult:
        """Send some records and return the result, also if there was no response."""
        while True:
            with self.buffer.changed:
                self._exchange_began = self._clock()
                self.buffer.changed.notify_all()
            try:
                request = self.destination.request(records)
                response = self._client.send(request, self._exchange_seconds)
                self._last_seconds = self._taken()
            except AbandonedExchange:
                # It is sent again. A freeze says nothing about the size.
                continue
            except ExtensionError as error:
                if self._taken() >= self._exchange_seconds:
                    self._backoff.timed_out()
                return BatchResult(Meaning.RETRY, detail=str(error))
            finally:
                with self.buffer.changed:
                    self._exchange_began = None
            result = self.destination.interpret(response, len(records))
            if result.meaning is Meaning.SENT:
                self._backoff.accepted(quickly=self._last_seconds < self._exchange_seconds / 2)
            return result

    def _taken(self) -> float:
        """Return the seconds since the exchange in flight began, or since a freeze during it."""
        now = self._clock()
        return now - (now if self._exchange_began is None else self._exchange_began)

    def _least_seconds(self) -> float:
        """Return the seconds of a flush that must be left to start an exchange.

        A freeze during an exchange may break it after it was accepted, and then it is sent again.
        """
        if self._shutting_down:
            return _SHORTEST_SECONDS
        return max(_SHORTEST_SECONDS, min(self._last_seconds, self._budget / 2))
