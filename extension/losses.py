"""What was lost on the way to one destination, told to that destination itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extension.own_log import where
from extension.records import LogRecord

if TYPE_CHECKING:
    from extension.buffer import Buffer
    from extension.clocks import Clocks
    from extension.destinations.destination import Destination
    from extension.own_log import OwnLog

_SECONDS_BETWEEN_REPORTS = 10.0


class Losses:
    """
    Counts losses until they have been put into one record for the destination.

    Args:
        destination: Writes the record.
        buffer: Takes it, and has the account of the records that were dropped.
        clocks: The time for it.
        log: Is told where it cannot be written.
    """

    def __init__(
        self, destination: Destination, buffer: Buffer, clocks: Clocks, log: OwnLog
    ) -> None:
        self._destination = destination
        self._buffer = buffer
        self._clocks = clocks
        self._log = log
        self._platform: dict[str, int] = {}
        self._told: dict[str, int] = {}
        self._last = float("-inf")

    def platform_dropped(self, records: int, size: int) -> None:
        """Note a `platform.logsDropped`: what the platform itself could not keep."""
        with self._buffer.changed:
            self._platform["platformDroppedRecords"] = (
                self._platform.get("platformDroppedRecords", 0) + records
            )
            self._platform["platformDroppedBytes"] = (
                self._platform.get("platformDroppedBytes", 0) + size
            )

    def report(self, *, urgent: bool = False) -> None:
        """
        Queue one record about everything that was lost since the last one, if anything was.

        There is one in some seconds at most: a destination that refuses these records as well
        would otherwise be sent one for each that it refused, without end.

        Args:
            urgent: There is no later.
        """
        with self._buffer.changed:
            now = self._clocks.monotonic()
            if now - self._last < _SECONDS_BETWEEN_REPORTS and not urgent:
                return
            total = {**self._buffer.account().lost, **self._platform}
            new = {
                reason: count - self._told.get(reason, 0)
                for reason, count in total.items()
                if count > self._told.get(reason, 0)
            }
            if not new:
                return
            self._last = now
            try:
                line = self._destination.encode(self._record(new))
            except Exception as error:  # noqa: BLE001 -- promise 1: it is told again later
                self._log.warn_once("intake", f"fault while writing a record: {where(error)}")
                return
            self._told = total
            self._buffer.add([line])

    def _record(self, lost: dict[str, int]) -> LogRecord:
        counts = ", ".join(f"{reason}={count}" for reason, count in sorted(lost.items()))
        return LogRecord(
            time=self._clocks.timestamp(),
            type="extension",
            record={"message": f"log records were lost: {counts}", "logsDropped": lost},
            request_id=None,
            level="WARN",
        )
