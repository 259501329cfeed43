"""A router with scripted destinations, and the events that it reads."""

import json
from collections.abc import Sequence
from typing import Any

from extension.invocations import Invocations
from extension.records import LogRecord
from extension.router import Router
from extension.selection import Selection
from tests.support.extension_parts import (
    LinesDestination,
    ShiftedTime,
    Written,
    clocks_with,
    is_balanced,
)
from tests.support.extension_shippers import ScriptedShipper

NOW = "2024-08-30T10:00:00.125Z"
EVERYTHING = ("function", "platform", "extension")


def event(type_: Any = "function", record: Any = "hello\n", time: Any = NOW) -> dict[str, Any]:
    """Return an event."""
    return {"time": time, "type": type_, "record": record}


class Keeping(LinesDestination):
    """Keeps the records that it encodes.

    Args:
        poison: A record that cannot be encoded.
    """

    def __init__(self, poison: object = None) -> None:
        super().__init__()
        self.records: list[LogRecord] = []
        self._poison = poison

    def encode(self, record: LogRecord) -> bytes:
        """Keep and encode."""
        if self._poison is not None and record.record == self._poison:
            raise UnicodeEncodeError("utf-8", str(self._poison), 0, 1, "surrogates not allowed")
        self.records.append(record)
        return super().encode(record)


class Reading:
    """A router with one destination for each set of types.

    Args:
        types: The types of each destination.
        selection: The operator's choice.
        one_at_a_time: False on a Managed Instance.
        poison: A record that cannot be encoded.
    """

    def __init__(
        self,
        *types: Sequence[str],
        selection: Selection | None = None,
        one_at_a_time: bool = True,
        poison: object = None,
    ) -> None:
        self.written = Written()
        chosen = types or [EVERYTHING]
        self.destinations = [Keeping(poison) for _ in chosen]
        for destination, of_destination in zip(self.destinations, chosen, strict=True):
            destination.types = frozenset(of_destination)
        self.shippers = [ScriptedShipper(destination=it) for it in self.destinations]
        self.time = ShiftedTime()
        self.invocations = Invocations(self.time, one_at_a_time=one_at_a_time)
        self.router = Router(
            [scripted.shipper for scripted in self.shippers],
            self.invocations,
            selection or Selection("", 1.0, ()),
            clocks=clocks_with(self.time),
            log=self.written.log,
        )

    def read(self, *events: Any) -> list[LogRecord]:
        """Route one body with some events; return the records of the first destination."""
        self.router.route(json.dumps(events).encode())
        return self.records

    @property
    def records(self) -> list[LogRecord]:
        """The records of the first destination."""
        return self.destinations[0].records

    @property
    def dropped(self) -> dict[str, int]:
        """The records that the first destination dropped, by reason."""
        account = self.shippers[0].buffer.account()
        assert is_balanced(account)
        assert account.pending == len(self.records)
        return account.dropped
