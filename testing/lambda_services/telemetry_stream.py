"""The platform's side of a telemetry subscription: buffers events and delivers them."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from testing.lambda_services import events
from testing.lambda_services.listener_client import Batch, Delivery, ListenerClient
from testing.lambda_services.subscription import Subscription


@dataclass(frozen=True, slots=True)
class Platform:
    """How the platform delivers; what AWS does not document can be chosen.

    Attributes:
        window_seconds: How long a record waits for others; None: the `timeoutMs` subscribed to.
        memory_bytes: Events kept at most. More function and extension lines are dropped, and
            counted (event schema reference, "platform.logsDropped").
        backoff_seconds: Before each further attempt; the last one is repeated without end.
        answer_seconds: How long an answer may take before the attempt counts as failed.
    """

    window_seconds: float | None = None
    memory_bytes: int = 16 * 1024 * 1024
    backoff_seconds: tuple[float, ...] = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
    answer_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class _Entry:
    """An event in the buffer; or, without content, a cut between two deliveries."""

    kind: str
    content: bytes
    since: float
    gap: float = 0.0
    acknowledged: Callable[[float], None] | None = None


class TelemetryStream:
    """Delivers the events of one subscription, one POST at a time, until `close`.

    Args:
        subscription: What was asked for.
        platform: How to deliver.

    Attributes:
        deliveries: Every POST so far, the failed ones too.
        dropped_records: Events that found no memory.
        dropped_bytes: Their size.
    """

    def __init__(self, subscription: Subscription, platform: Platform) -> None:
        self.subscription = subscription
        self.deliveries: list[Delivery] = []
        self.dropped_records = self.dropped_bytes = 0
        self._platform = platform
        window = platform.window_seconds
        self._window = subscription.timeout_ms / 1000 if window is None else window
        self._changed = threading.Condition()
        self._entries: deque[_Entry] = deque()
        self._bytes = self._records = 0
        self._in_flight = 0
        self._told = (0, 0)
        self._batches = 0
        self._paused = self._closing = False
        self._client = ListenerClient(subscription.port, platform.answer_seconds)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def put(
        self, kind: str, content: bytes, acknowledged: Callable[[float], None] | None = None
    ) -> None:
        """Take an event of a type that is subscribed to; others are passed over.

        Args:
            kind: Its type.
            content: Its JSON; any bytes are delivered as they are.
            acknowledged: Called with the time at which its delivery was answered with 2xx.
        """
        if not self.subscription.wants(kind):
            return
        with self._changed:
            full = self._bytes + self._in_flight + len(content) > self._platform.memory_bytes
            if full and not kind.startswith("platform"):
                self.dropped_records += 1
                self.dropped_bytes += len(content)
                self._changed.notify_all()
                return
            self._append(_Entry(kind, content, time.monotonic(), acknowledged=acknowledged))

    def _append(self, entry: _Entry) -> None:
        """Put an event into the buffer, and wake the thread where that may change something."""
        self._entries.append(entry)
        self._bytes += len(entry.content)
        self._records += 1
        if self._records == 1 or self._full():
            self._changed.notify_all()

    def cut(self, gap: float = 0.0) -> None:
        """Let what follows go into another delivery, so many seconds after the one before."""
        with self._changed:
            self._entries.append(_Entry("", b"", time.monotonic(), gap))

    def pause(self) -> None:
        """Begin no delivery any more: the environment is frozen."""
        with self._changed:
            self._paused = True

    def resume(self) -> None:
        """Deliver again."""
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    def drained(self, seconds: float) -> bool:
        """Wait until all that may be delivered is acknowledged; tell whether it was in time.

        While nothing is delivered because of `pause`, what waits does not count.
        """
        with self._changed:
            return self._changed.wait_for(
                lambda: (
                    not self._in_flight
                    and (self._paused or not (self._entries or self._untold_records))
                ),
                seconds,
            )

    def close(self) -> None:
        """End, with what is not delivered; a second call does nothing."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._client.abort()
        self._thread.join()
        self._client.close()

    def _run(self) -> None:
        """Deliver one batch after the other."""
        while (entries := self._take()) is not None:
            gap = entries.pop().gap if entries and not entries[-1].kind else 0.0
            if entries:
                self._deliver(entries)
            with self._changed:
                self._in_flight = 0
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._closing, gap)

    def _full(self) -> bool:
        """Tell whether a delivery is due by size (Telemetry API, "buffering")."""
        asked = self.subscription
        return self._bytes >= asked.max_bytes or self._records >= asked.max_items

    def _due(self) -> bool:
        """Tell whether a delivery may begin at this moment."""
        if self._closing:
            return True
        if self._paused or not self._entries:
            # What was dropped is told also where nothing else follows.
            return not self._paused and bool(self._untold_records)
        return self._full() or time.monotonic() >= self._entries[0].since + self._window

    def _take(self) -> list[_Entry] | None:
        """Wait for a delivery that is due; give its events and the cut after them, if any.

        The event that reaches `maxBytes` is still part of it, so a body may be nearly twice as
        large (Telemetry API, "Buffering": `2*maxBytes + metadataBytes`).
        """
        with self._changed:
            while not self._due():
                waiting = bool(self._entries) and not self._paused
                end = self._entries[0].since + self._window if waiting else None
                self._changed.wait(None if end is None else max(0.0, end - time.monotonic()))
            if self._closing:
                return None
            self._tell_dropped()
            asked, taken, size = self.subscription, list[_Entry](), 0
            while self._entries and size < asked.max_bytes and len(taken) < asked.max_items:
                entry = self._entries.popleft()
                taken.append(entry)
                if not entry.kind:
                    break
                size += len(entry.content)
                self._records -= 1
            self._bytes -= size
            self._in_flight = size
            return taken

    @property
    def _untold_records(self) -> int:
        """How many were dropped since that was last told, where it is told at all."""
        told = self.subscription.wants("platform")
        return self.dropped_records - self._told[0] if told else 0

    def _tell_dropped(self) -> None:
        """Append how much was dropped since that was last told."""
        records, size = self._untold_records, self.dropped_bytes - self._told[1]
        if records:
            self._told = (self.dropped_records, self.dropped_bytes)
            kind = "platform.logsDropped"
            content = events.event_json(kind, events.logs_dropped(records, size))
            self._append(_Entry(kind, content, time.monotonic()))

    def _deliver(self, entries: list[_Entry]) -> None:
        """Send a batch until it is acknowledged.

        "Lambda retries to send telemetry (with backoff) in the absence of a listener, or if the
        POST request encounters an error" (Telemetry API); how often is not documented.
        """
        self._batches += 1
        kinds = tuple(dict.fromkeys(entry.kind for entry in entries))
        body = b"[" + b",".join([entry.content for entry in entries]) + b"]"
        batch = Batch(self._batches, body, len(entries), kinds)
        attempt = 0
        while True:
            delivery = self._client.deliver(batch)
            self.deliveries.append(delivery)
            if delivery.acknowledged:
                break
            backoff = self._platform.backoff_seconds
            pause = backoff[min(attempt, len(backoff) - 1)]
            attempt += 1
            with self._changed:
                self._changed.wait_for(lambda: self._closing, pause)
                self._changed.wait_for(lambda: self._closing or not self._paused)
                if self._closing:
                    return
        for entry in entries:
            if entry.acknowledged is not None:
                entry.acknowledged(delivery.ended)
