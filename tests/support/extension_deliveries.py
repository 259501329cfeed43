"""A delivery with everything around it, for unit tests that look at what is sent and counted."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from extension.buffer import Buffer
from extension.delivery import Delivery
from extension.patience import Patience
from tests.support.extension_parts import (
    LONG,
    LinesDestination,
    ScriptedExchanges,
    ShiftedTime,
    Written,
    clocks_with,
    wait_for_account,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


class Delivering:
    """A delivery to a scripted network, over a clock that can leap.

    Args:
        script: What comes of each exchange, see `ScriptedExchanges`.
        destination: To write and judge.
        max_bytes: Of the buffer.
        budget: Seconds for an exchange.
        first_delay: After a failure, in seconds; nothing of it is random.
        opening: What comes of opening the network in turn, before it succeeds.
        pace: Of the clock; slow, so that a machine that stands still uses up little of what
            a flush or a pause takes.
    """

    def __init__(
        self,
        *script: Any,
        destination: LinesDestination | None = None,
        max_bytes: int = 1_000_000,
        budget: float = 10.0,
        first_delay: float = 0.01,
        opening: Sequence[Exception] = (),
        pace: float = 0.1,
    ) -> None:
        self.time = ShiftedTime(pace)
        self.written = Written()
        self.destination = destination or LinesDestination()
        self.exchanges = ScriptedExchanges(*script, clock=self.time)
        self.buffer = Buffer(max_bytes, self.time)
        self.patience = Patience(self.time, lambda: 1.0, first_delay)
        self._opening = list(opening)
        self.delivery = Delivery(
            self.destination,
            self.buffer,
            self.patience,
            open_exchanges=self.open,
            budget=budget,
            clocks=clocks_with(self.time),
            log=self.written.log,
        )

    def open(self) -> ScriptedExchanges:
        """Open the network."""
        if self._opening:
            raise self._opening.pop(0)
        return self.exchanges

    def started(self, *records: bytes) -> Delivering:
        """Add records, start the thread, and return this."""
        self.delivery.add(list(records))
        self.delivery.start()
        return self

    def flush(self, seconds: float = 10.0, *, at_any_price: bool = False) -> bool:
        """Flush as the life cycle does."""
        self.delivery.begin_flush(self.time() + seconds, at_any_price=at_any_price)
        return self.delivery.end_flush()

    def flush_all(self) -> None:
        """Flush until nothing is pending, over all pauses."""
        end = time.monotonic() + LONG
        while not self.flush(0.5, at_any_price=True):
            assert time.monotonic() < end, self.buffer.account()

    def leap(self, seconds: float) -> None:
        """Let time go on."""
        self.time.leap(seconds, self.buffer.changed)

    def wait_for(self, **expected: int) -> None:
        """Wait until sent, pending or a reason has reached a count."""

        def holds(account: Any) -> bool:
            counts = {"sent": account.sent, "pending": account.pending, **account.dropped}
            return all(counts.get(name, 0) == count for name, count in expected.items())

        wait_for_account(self.buffer, holds)

    @property
    def losses_told(self) -> list[dict[str, int]]:
        """What the records about losses say that the destination acknowledged."""
        records = [json.loads(line).get("record") for line in self.exchanges.acknowledged]
        told = [record for record in records if isinstance(record, dict)]
        return [record["logsDropped"] for record in told if "logsDropped" in record]
