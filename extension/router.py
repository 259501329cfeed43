"""From the platform's bodies to the buffers: records are parsed, selected, encoded, queued."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from typing import Any

from extension.clocks import Clocks
from extension.destinations.timestamps import nanoseconds
from extension.invocations import Invocations
from extension.line_formats import context_of
from extension.own_log import PREFIX, OwnLog, location
from extension.records import LogRecord, parse_events
from extension.selection import Selection
from extension.shipper import Shipper

# The platform's clock is this machine's: an event that seems older than this was held back by a
# freeze, or carries the time of another clock.
_OLDEST_END_SECONDS = 1.0
_OLDEST_RECORD_SECONDS = 60.0
# Beside the one that is being parsed.
_MOST_BODIES = 1


class Router:
    """Gives the records of each body to the shippers, in a thread of its own."""

    def __init__(
        self,
        shippers: Sequence[Shipper],
        invocations: Invocations,
        selection: Selection,
        *,
        clocks: Clocks,
        log: OwnLog,
    ) -> None:
        self.shippers = tuple(shippers)
        self.invocations = invocations
        self._selection = selection
        self._clocks = clocks
        self._log = log
        self._bodies: queue.Queue[bytes] = queue.Queue(_MOST_BODIES)

    def start(self) -> None:
        """Start the threads, also those of the shippers."""
        for shipper in self.shippers:
            shipper.start()
        threading.Thread(target=self._run, name="router", daemon=True).start()

    def receive(self, body: bytes) -> None:
        """Accept a body, which is parsed later; wait while too many have not been parsed.

        The wait ends: `route` never waits for a destination that is down, and for one that works
        only as long as that accepts records.
        """
        self._bodies.put(body)

    @property
    def unparsed(self) -> int:
        """The number of bodies that have not been parsed."""
        return self._bodies.unfinished_tasks

    def wait_until_parsed(self, timeout: float) -> bool:
        """Wait until every body has been parsed, at most `timeout` seconds; return whether."""
        parsed = self._bodies.all_tasks_done
        with parsed:
            return parsed.wait_for(lambda: not self.unparsed, timeout)

    def _run(self) -> None:
        while True:
            body = self._bodies.get()
            try:
                self.route(body)
            except Exception as error:  # noqa: BLE001 -- promise 1: no error ends the thread
                self._log.warn_once("parse", f"error while parsing telemetry: {location(error)}")
                self.drop_body("fault")
            finally:
                self._bodies.task_done()

    @property
    def types(self) -> list[str]:
        """The types to subscribe to; always `platform`, which reports the end of invocations."""
        return sorted({"platform"}.union(*(it.destination.types for it in self.shippers)))

    def route(self, body: bytes) -> None:
        """Queue the records of one body; wait for space if the destination works."""
        self.invocations.last_record = self._clocks.monotonic()
        encoded: list[list[bytes]] = [[] for _ in self.shippers]
        time = ""
        try:
            for event in parse_events(body):
                record, kind, reason = self._record(event)
                time = record.time
                for shipper, lines in zip(self.shippers, encoded):
                    if kind not in shipper.destination.types:
                        continue
                    if reason:
                        shipper.buffer.leave_out(reason, 1)
                    else:
                        self._encode(shipper, record, lines)
        finally:
            # An error does not cost the records before it.
            for shipper, lines in zip(self.shippers, encoded):
                late = _age(time, self._clocks, _OLDEST_RECORD_SECONDS)
                shipper.add_with_space(lines, late)

    def _encode(self, shipper: Shipper, record: LogRecord, lines: list[bytes]) -> None:
        try:
            lines.append(shipper.destination.encode(record))
        except Exception as error:  # noqa: BLE001 -- promise 1: an error costs one record
            self._log.warn_once("encode", f"cannot encode a record: {location(error)}")
            shipper.buffer.leave_out("fault", 1)

    def queue(self, record: LogRecord) -> None:
        """Queue a record of the extension's own for every destination."""
        for shipper in self.shippers:
            shipper.add([shipper.destination.encode(record)])

    def drop_body(self, reason: str) -> None:
        """Account for a body whose records cannot be counted: as one for each destination."""
        for shipper in self.shippers:
            shipper.buffer.leave_out(reason, 1)

    def _record(self, event: Any) -> tuple[LogRecord, str, str]:
        """Return an event as a record, its kind, and why it is not shipped; empty if it is.

        The kind is `function`, `extension` or `platform`.
        """
        if not isinstance(event, dict):
            event = {"record": event}
        type_, time, content = event.get("type"), event.get("time"), event.get("record")
        if not isinstance(type_, str):
            type_ = "function"
        if not isinstance(time, str):
            time = self._clocks.timestamp()
        if type_ in ("function", "extension"):
            kind, context = type_, self._selection.context_of(content)
        else:
            kind, context = "platform", context_of(content)
            self._platform_event(type_, time, content)
        request_id = context.request_id
        if kind != "platform" and not context.by_runtime:
            request_id = self.invocations.of_line(request_id, time, by_time=kind == "function")
        reason = self._reason_to_drop(content, context.level, kind)
        redacted = content if reason else self._selection.redacted(content)
        return LogRecord(time, type_, redacted, request_id, context.level), kind, reason

    def _reason_to_drop(self, content: Any, level: str | None, kind: str) -> str:
        if kind == "function":
            return self._selection.reason_to_drop(level, content)
        if isinstance(content, dict):
            # The JSON log format wraps what an extension prints.
            content = content.get("message")
        if kind == "extension" and isinstance(content, str) and content.startswith(PREFIX):
            # A line about a request that caused another request would never end.
            return "own_line"
        return ""

    def _platform_event(self, type_: str, time: str, content: Any) -> None:
        if not isinstance(content, dict):
            return
        request_id = content.get("requestId")
        if type_ == "platform.start" and isinstance(request_id, str):
            self.invocations.started(request_id, time)
        elif type_ == "platform.runtimeDone" and isinstance(request_id, str):
            age = _age(time, self._clocks, _OLDEST_END_SECONDS)
            self.invocations.done(request_id, self._clocks.monotonic() - age)
        elif type_ == "platform.logsDropped":
            counts = (content.get("droppedRecords"), content.get("droppedBytes"))
            records, size = (count if isinstance(count, int) else 0 for count in counts)
            for shipper in self.shippers:
                shipper.results.platform_dropped(records, size)


def _age(time: str, clocks: Clocks, most: float) -> float:
    """Return how many seconds ago a time of the platform was; 0 if that is not from 0 to `most`."""
    at = nanoseconds(time)
    age = clocks.wall() - at / 1e9 if at else 0.0
    return age if 0 <= age <= most else 0.0
