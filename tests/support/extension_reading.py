"""An intake with routes to scripted destinations, and the events that it reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from extension.inbox import Inbox
from extension.intake import Intake, Route
from extension.invocations import Invocations
from extension.selection import Selection
from tests.support.extension_deliveries import Delivering
from tests.support.extension_parts import LinesDestination, ShiftedTime, Written, clocks_with

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extension.records import LogRecord

NOW = "2024-08-30T10:00:00.125Z"
EVERYTHING = ("function", "platform", "extension")


def event(type_: Any = "function", record: Any = "hello\n", time: Any = NOW) -> dict[str, Any]:
    """Return an event."""
    return {"time": time, "type": type_, "record": record}


class Keeping(LinesDestination):
    """Keeps the records as they were when they were to be written.

    Args:
        poison: A record with which writing fails.
    """

    def __init__(self, poison: object = None) -> None:
        super().__init__()
        self.records: list[LogRecord] = []
        self._poison = poison

    def encode(self, record: LogRecord) -> bytes:
        """Keep and write."""
        if self._poison is not None and record.record == self._poison:
            raise UnicodeEncodeError("utf-8", str(self._poison), 0, 1, "surrogates not allowed")
        self.records.append(record)
        return super().encode(record)


class Reading:
    """An intake with one route for each of some choices of types.

    Args:
        types: Of each route.
        selection: The operator's choice.
        one_at_a_time: Whether this is not a Managed Instance.
        poison: A record with which writing fails.
    """

    def __init__(
        self,
        *types: Sequence[str],
        selection: Selection | None = None,
        one_at_a_time: bool = True,
        poison: object = None,
    ) -> None:
        self.written = Written()
        self.destinations = [Keeping(poison) for _ in types or [EVERYTHING]]
        self.deliveries = [Delivering(destination=it) for it in self.destinations]
        self.inbox = Inbox(1_000_000)
        self.time = ShiftedTime()
        self.invocations = Invocations(self.time, one_at_a_time=one_at_a_time)
        self.intake = Intake(
            self.inbox,
            [
                Route(delivering.delivery, frozenset(chosen))
                for delivering, chosen in zip(self.deliveries, types or [EVERYTHING], strict=True)
            ],
            self.invocations,
            selection or Selection(None, 1.0, ()),
            clocks=clocks_with(self.time),
            log=self.written.log,
        )

    def read(self, *events: Any) -> list[LogRecord]:
        """Read one body with some events; return the records of the first route."""
        self.intake.read(json.dumps(events).encode())
        return self.records

    @property
    def records(self) -> list[LogRecord]:
        """The records of the first route."""
        return self.destinations[0].records

    @property
    def dropped(self) -> dict[str, int]:
        """What the first route left out."""
        account = self.deliveries[0].buffer.account()
        assert account.balanced
        assert account.pending == len(self.records)
        return account.dropped
