"""A shipper with everything around it, for unit tests of what is sent and counted."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any

from extension.backoff import Backoff
from extension.buffer import Buffer
from extension.http_client import Response
from extension.shipper import Shipper
from tests.support.extension_parts import (
    LONG,
    OK,
    LinesDestination,
    ScriptedClient,
    ShiftedTime,
    Written,
    clocks_with,
    wait_for_account,
)


class ScriptedShipper:
    """A shipper to a scripted network, over a clock that can leap.

    Args:
        script: The result of each exchange, see `ScriptedClient`.
        destination: Builds requests and interprets responses.
        max_bytes: The size of the buffer.
        budget: Seconds for which an exchange holds an invocation.
        exchange_seconds: Seconds for an exchange; as many if it is not given.
        first_delay_ms: The delay after a failure; nothing of it is random.
        pace: The pace of the clock: slow, so that a busy machine uses up little of a flush.
    """

    def __init__(
        self,
        *script: Any,
        destination: LinesDestination | None = None,
        max_bytes: int = 1_000_000,
        budget: float = 10.0,
        exchange_seconds: float | None = None,
        first_delay_ms: int = 10,
        pace: float = 0.1,
    ) -> None:
        self.time = ShiftedTime(pace)
        self.written = Written()
        self.destination = destination or LinesDestination()
        self.client = ScriptedClient(*script, clock=self.time)
        self.buffer = Buffer(max_bytes, self.time)
        self.backoff = Backoff(self.time, lambda: 1.0, self.destination.max_body_bytes)
        self.backoff.first_delay = first_delay_ms / 1000
        self.shipper = Shipper(
            self.destination,
            self.buffer,
            self.backoff,
            client=self.client,
            limits=(budget, exchange_seconds or budget),
            clocks=clocks_with(self.time),
            log=self.written.log,
        )

    def started(self, *records: bytes) -> "ScriptedShipper":
        """Add records, start the thread, and return this."""
        self.shipper.add(list(records))
        self.shipper.start()
        return self

    def flush(self, seconds: float = 10.0, *, final: bool = False) -> bool:
        """Flush as the lifecycle does; the final flush is that at SHUTDOWN."""
        if final:
            self.shipper.begin_shutdown()
        self.shipper.begin_flush(self.time() + seconds)
        return self.shipper.end_flush()

    def flush_all(self) -> None:
        """Flush until nothing is pending, through all pauses."""
        end = time.monotonic() + LONG
        while not self.flush(0.5, final=True):
            assert time.monotonic() < end, self.buffer.account()

    def leap(self, seconds: float) -> None:
        """Advance the clock."""
        self.time.leap(seconds, self.buffer.changed)

    def wait_for(self, **expected: int) -> None:
        """Wait until `sent`, `pending` or the count of a reason has a value."""

        def holds(account: Any) -> bool:
            counts = {"sent": account.sent, "pending": account.pending, **account.dropped}
            return all(counts.get(name, 0) == count for name, count in expected.items())

        wait_for_account(self.buffer, holds)

    @property
    def reported_losses(self) -> list[dict[str, int]]:
        """The counts in the records about losses that the destination acknowledged."""
        records = [json.loads(line).get("record") for line in self.client.acknowledged]
        found = [record for record in records if isinstance(record, dict)]
        return [record["logsDropped"] for record in found if "logsDropped" in record]


def until(event: threading.Event) -> Callable[[list[bytes]], Response]:
    """Return a step that lasts until an event is set."""

    def step(_posted: list[bytes]) -> Response:
        assert event.wait(LONG)
        return OK

    return step
