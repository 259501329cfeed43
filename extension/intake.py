"""From the platform's bodies to the buffers: records read, selected, written and queued."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from extension.destinations import timestamps
from extension.own_log import PREFIX, where
from extension.records import LogRecord
from extension.selection import said
from extension.telemetry import Malformed, events

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from extension.clocks import Clocks
    from extension.delivery import Delivery
    from extension.inbox import Inbox
    from extension.invocations import Invocations
    from extension.own_log import OwnLog
    from extension.selection import Selection

_OWN_LINE = "own_line"
_OLDEST_SECONDS = 1.0
_LATEST_SECONDS = 60.0


class Route(NamedTuple):
    """A delivery and the kinds of records that it is given."""

    delivery: Delivery
    types: frozenset[str]


class _Outlet:
    """Where the records of one body are collected for one route."""

    __slots__ = ("_age", "_enough", "_lines", "_size", "_time", "delivery", "encode", "types")

    def __init__(self, route: Route, age: Callable[[str], float]) -> None:
        self._age = age
        self._time = ""
        self.delivery = route.delivery
        self.encode = route.delivery.destination.encode
        self.types = route.types
        self._lines: list[bytes] = []
        self._size = 0
        # A body may be larger than the buffer; no part of it that is queued at once is.
        self._enough = route.delivery.buffer.max_bytes // 8

    def put(self, line: bytes, time: str) -> None:
        """Take an encoded record, and the time of its event."""
        self._time = time
        self._lines.append(line)
        self._size += len(line)
        if self._size > self._enough:
            self.queue()

    def queue(self) -> None:
        """Queue what has been taken, once it has room."""
        if self._lines:
            self.delivery.wait_for_room(self._age(self._time))
            self.delivery.add(self._lines)
            self._lines = []
            self._size = 0


class Intake:
    """
    Reads bodies in a thread of its own.

    Args:
        inbox: Gives the bodies.
        routes: Where records go.
        invocations: Knows which invocation ran when; is told what the platform says of them.
        selection: What the operator wants to be shipped.
        clocks: The time, for what has none.
        log: Is told about bodies that cannot be read.
    """

    def __init__(
        self,
        inbox: Inbox,
        routes: Sequence[Route],
        invocations: Invocations,
        selection: Selection,
        *,
        clocks: Clocks,
        log: OwnLog,
    ) -> None:
        self._inbox = inbox
        self._routes = tuple(routes)
        self._invocations = invocations
        self._selection = selection
        self._clocks = clocks
        self._log = log

    def start(self) -> None:
        """Start the thread."""
        threading.Thread(target=self._run, name="intake", daemon=True).start()

    def _run(self) -> None:
        while True:
            body = self._inbox.take()
            if body is None:
                continue
            try:
                self.read(body)
            except Exception as error:  # noqa: BLE001 -- promise 1: a fault of ours ends nothing
                self._log.warn_once("intake", f"fault while reading telemetry: {where(error)}")
                self.left_out("fault")
            finally:
                self._inbox.done()

    @property
    def types(self) -> list[str]:
        """The types to subscribe to; `platform` always, for it says when an invocation ends."""
        wanted = frozenset({"platform"}).union(*(route.types for route in self._routes))
        return sorted(wanted)

    def read(self, body: bytes) -> None:
        """Queue the records of one body, waiting for room where the destination works."""
        self._invocations.last_record = self._clocks.monotonic()
        outlets = [_Outlet(route, self._age) for route in self._routes]
        try:
            for event in events(body):
                record, kind = self._record(event)
                reason = self._reason_to_leave_out(record, kind)
                for outlet in outlets:
                    if kind in outlet.types:
                        if reason:
                            outlet.delivery.buffer.leave_out(reason, 1)
                        else:
                            self._write(outlet, record)
        finally:
            # Whatever a fault costs, it is not the records before it.
            for outlet in outlets:
                outlet.queue()

    def _write(self, outlet: _Outlet, record: LogRecord) -> None:
        try:
            line = outlet.encode(record)
        except Exception as error:  # noqa: BLE001 -- promise 1: a fault of ours costs one record
            self._log.warn_once("intake", f"fault while writing a record: {where(error)}")
            outlet.delivery.buffer.leave_out("fault", 1)
        else:
            outlet.put(line, record.time)

    def queue(self, record: LogRecord) -> None:
        """Queue a record of the extension's own for every destination."""
        for route in self._routes:
            route.delivery.add([route.delivery.destination.encode(record)])

    def left_out(self, reason: str) -> None:
        """Account for a body whose records nobody could count: as one for each destination."""
        for route in self._routes:
            route.delivery.buffer.leave_out(reason, 1)

    def _record(self, event: Any) -> tuple[LogRecord, str]:
        """Return an event as a record, and its kind: `function`, `extension` or `platform`."""
        # Most records by far are plain lines of the function; they take the short way.
        if type(event) is dict and event.get("type") == "function":
            time, content = event.get("time"), event.get("record")
            if type(time) is str and type(content) is str and content[:1] not in ("[", "{"):
                request_id = self._invocations.at(time)
                if self._selection.redacts:
                    content = self._selection.redacted(content)
                return LogRecord(time, "function", content, request_id, None), "function"
        return self._record_of_any(event)

    def _record_of_any(self, event: Any) -> tuple[LogRecord, str]:
        if not isinstance(event, dict):
            text = event.text if isinstance(event, Malformed) else event
            return LogRecord(
                self._clocks.timestamp(), "function", self._selection.redacted(text), None, None
            ), ("function")
        type_ = event.get("type")
        if not isinstance(type_, str):
            type_ = "function"
        time = event.get("time")
        if not isinstance(time, str):
            time = self._clocks.timestamp()
        content = event.get("record")
        kind = type_ if type_ in ("function", "extension") else "platform"
        if kind == "platform":
            self._note(type_, time, content)
        level, named, by_runtime = (
            said(content) if kind == "platform" else self._selection.said(content)
        )
        if kind == "platform" or by_runtime:
            request_id = named
        else:
            request_id = self._invocations.of_line(named, time, guess=kind == "function")
        return LogRecord(time, type_, self._selection.redacted(content), request_id, level), kind

    def _reason_to_leave_out(self, record: LogRecord, kind: str) -> str:
        if kind == "function":
            if not self._selection.leaves_out:
                return ""
            return self._selection.reason_to_leave_out(record.level)
        content = record.record
        if isinstance(content, dict):
            # The JSON log format wraps what an extension prints.
            content = content.get("message")
        if kind == "extension" and isinstance(content, str) and content.startswith(PREFIX):
            # A line about a delivery that caused a delivery would never end.
            return _OWN_LINE
        return ""

    def _note(self, type_: str, time: str, content: Any) -> None:
        if not isinstance(content, dict):
            return
        request_id = content.get("requestId")
        if type_ == "platform.start" and isinstance(request_id, str):
            self._invocations.started(request_id, time)
        elif type_ == "platform.runtimeDone" and isinstance(request_id, str):
            self._invocations.done(request_id, self._made(time))
        elif type_ == "platform.logsDropped":
            for route in self._routes:
                route.delivery.losses.platform_dropped(
                    _count(content.get("droppedRecords")), _count(content.get("droppedBytes"))
                )

    def _age(self, time: str) -> float:
        """Return how many seconds ago an event was made; 0 where its time tells nothing."""
        nanoseconds = timestamps.nanoseconds(time)
        if nanoseconds is None:
            return 0.0
        age = self._clocks.wall() - nanoseconds / 1e9
        # What is older has been frozen, or its clock is another one.
        return age if age < _LATEST_SECONDS else 0.0

    def _made(self, time: str) -> float:
        """Return when an event that has just come was made, on the monotonic clock."""
        now, nanoseconds = self._clocks.monotonic(), timestamps.nanoseconds(time)
        if nanoseconds is None:
            return now
        age = self._clocks.wall() - nanoseconds / 1e9
        # The platform's clock is this machine's; an age beyond that is another clock's.
        return now - age if 0 <= age <= _OLDEST_SECONDS else now


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0
