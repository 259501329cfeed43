"""What has arrived at a log destination, and the waiting for it."""

import threading
import time
from collections.abc import Callable
from typing import Any, ClassVar, Self

from testing.log_destinations.arrival import Arrival, Head


class NotArrivedError(Exception):
    """What was waited for has not come in time."""


class Kept:
    """The requests of one destination; everything may be called from any thread."""

    name: ClassVar[str]
    """As `LOGS_DESTINATION` names the destination."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.RLock())
        self._arrivals: list[Arrival] = []
        self._connections = 0

    @property
    def arrivals(self) -> list[Arrival]:
        """Every request so far, in order of arrival; one still under way is there too."""
        with self._changed:
            return list(self._arrivals)

    @property
    def connections(self) -> int:
        """How many connections were accepted, those without any request too."""
        with self._changed:
            return self._connections

    @property
    def records(self) -> list[Any]:
        """Every record that was taken, in order; one that was taken twice is there twice."""
        return [it for arrival in self.arrivals if arrival.stored for it in arrival.records]

    @property
    def count(self) -> int:
        """How many records were taken."""
        return sum(arrival.count for arrival in self.arrivals if arrival.stored)

    @property
    def acknowledged(self) -> list[tuple[Any, float]]:
        """Every record that was taken and answered, with the monotonic seconds of the answer."""
        return [
            (record, arrival.answered)
            for arrival in self.arrivals
            if arrival.stored and arrival.answered is not None
            for record in arrival.records
        ]

    @property
    def acknowledged_count(self) -> int:
        """How many records were taken and answered."""
        return sum(arrival.count for arrival in self.arrivals if arrival.acknowledged)

    @property
    def violations(self) -> list[str]:
        """Everything that senders have got wrong, each with the number of its request."""
        return [f"request {it.number}: {words}" for it in self.arrivals for words in it.violations]

    @property
    def invalid(self) -> list[str]:
        """Everything that was taken but could not be indexed as it is, with its request."""
        return [f"request {it.number}: {words}" for it in self.arrivals for words in it.invalid]

    def wait_for(self, what: int | Callable[[Self], bool], timeout_seconds: float = 60.0) -> None:
        """Wait until something is there.

        Args:
            what: So many acknowledged records at least; or what is asked after each change.
            timeout_seconds: How long to wait at most.

        Raises:
            NotArrivedError: It is not there by then.
        """
        with self._changed:
            if not self._changed.wait_for(
                lambda: self.acknowledged_count >= what if isinstance(what, int) else what(self),
                timeout_seconds,
            ):
                statuses = [arrival.status for arrival in self._arrivals[-5:]]
                raise NotArrivedError(
                    f"after {timeout_seconds} s {self.name} has acknowledged "
                    f"{self.acknowledged_count} records of {len(self._arrivals)} requests; "
                    f"the last statuses are {statuses}"
                )

    def connected(self) -> int:
        """Count a connection; give its number."""
        with self._changed:
            self._connections += 1
            self._changed.notify_all()
            return self._connections

    def _add(self, connection: int, head: Head) -> Arrival:
        """Keep a request whose head is in, and give it its number."""
        with self._changed:
            arrival = Arrival(len(self._arrivals) + 1, connection, head, time.monotonic())
            self._arrivals.append(arrival)
            self._changed.notify_all()
        return arrival

    def _replace(self, arrival: Arrival) -> None:
        """Put what is now known of a request in the place of what was."""
        with self._changed:
            self._arrivals[arrival.number - 1] = arrival
            self._changed.notify_all()
