"""
The delivery to one destination: when a batch is sent, and what becomes of it.

A thread of its own sends whenever there is enough or it has waited long enough, during
an invocation too; the life cycle asks it to flush before an environment may freeze.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

from extension.batch_size import BatchSize
from extension.destinations.destination import BatchResult, Meaning
from extension.errors import AbandonedExchange, ExchangeError, ExtensionError
from extension.losses import Losses
from extension.settlement import UNAUTHORIZED, Settlement

if TYPE_CHECKING:
    from collections.abc import Callable

    from extension.buffer import Buffer
    from extension.clocks import Clocks
    from extension.destinations.destination import Destination
    from extension.messages import Request, Response
    from extension.own_log import OwnLog
    from extension.patience import Patience

ENOUGH_BYTES = 1_048_576
LONG_ENOUGH_SECONDS = 1.0
# So late records may come because a destination is slow; then the oldest go instead.
_BUDGETS_LATE = 3
_SHORTEST_SECONDS = 0.02
# At SHUTDOWN an exchange that has taken so long makes room for another one.
_HANGING_SECONDS = 0.5


class Exchanges(Protocol):
    """The network, as a delivery uses it."""

    def post(self, request: Request, seconds: float) -> Response:
        """Send a request and return its answer."""

    def abandon(self) -> None:
        """Break the exchange that is on its way."""


class Delivery:
    """
    Sends what is in a buffer to its destination.

    Args:
        destination: Writes requests and reads answers.
        buffer: Holds the records.
        patience: Says when to try again.
        open_exchanges: Opens the network; called once, in the delivery's own thread.
        budget: Seconds for an exchange.
        clocks: The time.
        log: Is told what an operator has to mend.
    """

    def __init__(
        self,
        destination: Destination,
        buffer: Buffer,
        patience: Patience,
        *,
        open_exchanges: Callable[[], Exchanges],
        budget: float,
        clocks: Clocks,
        log: OwnLog,
    ) -> None:
        self.destination = destination
        self.buffer = buffer
        self.losses = Losses(destination, buffer, clocks, log)
        self._patience = patience
        self._open_exchanges = open_exchanges
        self._budget = budget
        self._clock = clocks.monotonic
        self._settlement = Settlement(destination, buffer, patience, self.losses, log)
        self._exchanges: Exchanges | None = None
        self._exchange_began: float | None = None
        self._flush_until: float | None = None
        self._at_any_price = False
        self._took = 0.0
        self._size = BatchSize(destination.max_body_bytes)

    def start(self) -> None:
        """Start the thread."""
        name = f"delivery to {self.destination.name}"
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def add(self, records: list[bytes]) -> None:
        """Take encoded records; those for a destination that stopped are dropped."""
        if self._settlement.stopped:
            self.buffer.leave_out(UNAUTHORIZED, len(records))
        else:
            self.buffer.add(records)

    @property
    def healthy(self) -> bool:
        """Whether waiting for this destination makes room in its buffer."""
        return not (self._settlement.stopped or self._patience.failing or self._at_any_price)

    def wait_for_room(self, late: float = 0.0) -> None:
        """
        Wait until records can be added without displacing others, at most for a budget.

        A destination that is down is not waited for: then the oldest records go. Neither is
        one that is slow once records come some budgets late, for the end of an invocation
        comes behind them, and the invocation is held up until then.

        Args:
            late: The age of the newest record in seconds.
        """
        seconds = min(self._budget, _BUDGETS_LATE * self._budget - late)
        with self.buffer.changed:
            self.buffer.changed.wait_for(
                lambda: not self.buffer.full or not self.healthy, max(seconds, 0.0)
            )

    def begin_flush(self, until: float, *, at_any_price: bool = False) -> None:
        """
        Ask for everything to be sent now.

        Args:
            until: When the flush ends, on the clock.
            at_any_price: There is no later: the circuit breaker does not count.
        """
        with self.buffer.changed:
            if at_any_price and not self._settlement.stopped and not self._patience.failing:
                self.losses.report(urgent=True)
            self._flush_until = until
            self._at_any_price = at_any_price
            self.buffer.changed.notify_all()

    def hurry(self) -> None:
        """Know that there is no later: nobody waits for room, and what hangs is tried anew."""
        with self.buffer.changed:
            self._at_any_price = True
            self.buffer.changed.notify_all()
        self.thawed(self._clock() - _HANGING_SECONDS)

    def end_flush(self) -> bool:
        """Wait for the flush that was begun; tell whether everything was sent."""
        changed = self.buffer.changed
        with changed:
            until = self._flush_until or 0.0
            while self.buffer.pending and self._worth_waiting(until):
                changed.wait(until - self._clock())
            self._flush_until = None
            self._at_any_price = False
            return not self.buffer.pending

    def thawed(self, frozen_since: float) -> None:
        """Abandon an exchange that was on its way when the environment was frozen."""
        began, exchanges = self._exchange_began, self._exchanges
        if began is not None and began < frozen_since and exchanges is not None:
            exchanges.abandon()

    def _worth_waiting(self, until: float) -> bool:
        if self._settlement.stopped or self._clock() >= until:
            return False
        return self._exchange_began is not None or self._may_start_at() < until

    def _may_start_at(self) -> float:
        patience = self._patience
        return patience.not_before_at_the_end if self._at_any_price else patience.not_before

    def _due_in(self) -> float | None:
        """Return the seconds until a batch is due; None where nothing waits."""
        buffer, now = self.buffer, self._clock()
        if not buffer.pending or self._settlement.stopped:
            return None
        flushing = self._flush_until is not None and now + self._least() < self._flush_until
        if flushing or buffer.full or buffer.bytes >= ENOUGH_BYTES:
            due = now
        else:
            due = buffer.waiting_since + LONG_ENOUGH_SECONDS
        return max(due, self._may_start_at()) - now

    def _run(self) -> None:
        while True:
            try:
                # Opening imports TLS and reads the certificates: before a line waits for it.
                exchanges = self._exchanges = self._exchanges or self._open_exchanges()
            except Exception as error:  # noqa: BLE001 -- promise 1: a fault of ours ends nothing
                self._settlement.fault(error)
                exchanges = None
            with self.buffer.changed:
                while True:
                    due = self._due_in()
                    if due is not None and due <= 0:
                        break
                    self.buffer.changed.wait(due)
            if exchanges is None:
                continue
            try:
                self._send_batch(exchanges)
            except Exception as error:  # noqa: BLE001 -- promise 1: a fault of ours ends nothing
                self._settlement.fault(error)

    def _send_batch(self, exchanges: Exchanges) -> None:
        """Send the oldest records, in smaller pieces where the destination asks for them."""
        batch = self.buffer.take(self._size.bytes)
        counts = [len(batch)] if batch else []
        while counts:
            count = counts.pop(0)
            verdict = self._attempt(exchanges, batch[:count])
            if verdict.meaning is Meaning.HALVE and count > 1:
                counts[:0] = [count // 2, count - count // 2]
            elif self._settlement.settle(verdict, count):
                batch = batch[count:]
            else:
                break
        self._settlement.whole()

    def _attempt(self, exchanges: Exchanges, records: list[bytes]) -> BatchResult:
        """Send some records; return what became of it, an exchange without answer included."""
        while True:
            try:
                answer = self._exchange(exchanges, self.destination.request(records))
                return self.destination.interpret(answer, len(records))
            except AbandonedExchange:  # noqa: PERF203 -- rare, and then it starts anew
                continue
            except ExtensionError as error:
                return BatchResult(Meaning.RETRY, detail=str(error))

    def _exchange(self, exchanges: Exchanges, request: Request) -> Response:
        """Send a request and return its answer; learn from the time that it took."""
        with self.buffer.changed:
            began = self._exchange_began = self._clock()
        seconds = self._seconds()
        try:
            answer = exchanges.post(request, seconds)
        except AbandonedExchange:
            # A freeze says nothing about the size.
            raise
        except ExchangeError:
            self._size.unanswered(self._clock() - began, seconds)
            raise
        else:
            self._took = self._clock() - began
            self._size.answered(self._took, seconds)
            return answer
        finally:
            self._exchange_began = None

    def _least(self) -> float:
        """Return the seconds without which no exchange starts: cut off, it may yet be taken."""
        if self._at_any_price:
            return _SHORTEST_SECONDS
        return max(_SHORTEST_SECONDS, min(self._took, self._budget / 2))

    def _seconds(self) -> float:
        """
        Return the time for one exchange; at the end of everything it is what is left.

        The end of another flush ends no exchange: who waits for it goes on anyway, and what
        the destination has taken meanwhile is not sent twice.
        """
        until = self._flush_until
        if until is None or not self._at_any_price:
            return self._budget
        left = until - self._clock()
        if left <= _SHORTEST_SECONDS:
            return self._budget
        return left
