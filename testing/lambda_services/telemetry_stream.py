"""The platform's side of a telemetry subscription: buffers events and delivers them."""

import threading
import time
from collections import deque
from dataclasses import dataclass

from testing.lambda_services import events
from testing.lambda_services.listener_client import ListenerClient, TelemetryPost
from testing.lambda_services.subscription import Subscription

# The words of the event schema reference, "platform.logsDropped".
_REASON = "Consumer seems to have fallen behind as it has not acknowledged receipt of logs."


@dataclass(frozen=True, slots=True)
class Platform:
    """How the platform delivers, as far as AWS does not document it.

    Attributes:
        window_seconds: How long a record waits for others; None: the `timeoutMs` subscribed to.
        memory_bytes: Bytes of events that are kept, at most. Further function and extension
            lines are dropped and counted (event schema reference, "platform.logsDropped").
        backoff_seconds: Time before each further attempt; the last one is repeated for ever.
    """

    window_seconds: float | None = None
    memory_bytes: int = 16 * 1024 * 1024
    backoff_seconds: tuple[float, ...] = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class _Entry:
    """An event in the buffer; or, with an empty `kind`, a cut between two deliveries."""

    kind: str
    content: bytes
    since: float
    gap: float = 0.0


class TelemetryStream:
    """Delivers the events of one subscription, one POST at a time, until `close`.

    Args:
        subscription: What to deliver, and where.
        platform: How to deliver.

    Attributes:
        posts: Every POST so far, including the failed ones.
        dropped_records: Number of events that were dropped.
        dropped_bytes: Their size.
    """

    def __init__(self, subscription: Subscription, platform: Platform) -> None:
        self.subscription = subscription
        self.posts: list[TelemetryPost] = []
        self.dropped_records = self.dropped_bytes = 0
        self._platform = platform
        window = platform.window_seconds
        self._window = subscription.timeout_ms / 1000 if window is None else window
        self._changed = threading.Condition()
        self._entries: deque[_Entry] = deque()
        self._bytes = self._records = self._in_flight = self._batches = 0
        self._reported = (0, 0)
        self._paused = self._closing = False
        self._client = ListenerClient(subscription.port)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def put(self, kind: str, content: bytes) -> None:
        """Buffer an event, if its type is subscribed to.

        Args:
            kind: Its type.
            content: Its JSON; any bytes are delivered as they are.
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
            self._append(_Entry(kind, content, time.monotonic()))

    def cut(self, gap: float = 0.0) -> None:
        """Begin another delivery with what follows, `gap` seconds after the previous one."""
        with self._changed:
            self._entries.append(_Entry("", b"", time.monotonic(), gap))

    def pause(self) -> None:
        """Begin no further delivery: the environment is frozen."""
        with self._changed:
            self._paused = True

    def resume(self) -> None:
        """Deliver again."""
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    def drained(self, seconds: float) -> bool:
        """Wait until all that may be delivered is acknowledged; return whether it is in time.

        While the stream is paused, what is buffered does not count.
        """
        with self._changed:
            return self._changed.wait_for(
                lambda: (
                    not self._in_flight
                    and (self._paused or not (self._entries or self._unreported))
                ),
                seconds,
            )

    def close(self) -> None:
        """End, without delivering the rest; a second call does nothing."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._client.abort()
        self._thread.join()
        self._client.close()

    def _append(self, entry: _Entry) -> None:
        """Buffer an event, and wake the thread where that may make a delivery due."""
        self._entries.append(entry)
        self._bytes += len(entry.content)
        self._records += 1
        if self._records == 1 or self._full:
            self._changed.notify_all()

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

    @property
    def _full(self) -> bool:
        """Whether a delivery is due because of its size (Telemetry API, "buffering")."""
        asked = self.subscription
        return self._bytes >= asked.max_bytes or self._records >= asked.max_items

    @property
    def _unreported(self) -> int:
        """The number of dropped events that `platform.logsDropped` has not reported yet."""
        subscribed = self.subscription.wants("platform")
        return self.dropped_records - self._reported[0] if subscribed else 0

    def _due(self) -> bool:
        """Return whether a delivery may begin now."""
        if self._closing or self._paused:
            return self._closing
        if not self._entries:
            # What was dropped is also reported where nothing else follows.
            return bool(self._unreported)
        return self._full or time.monotonic() >= self._entries[0].since + self._window

    def _take(self) -> list[_Entry] | None:
        """Wait until a delivery is due; return its events, and the cut after them if there is one.

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
            self._report_dropped()
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

    def _report_dropped(self) -> None:
        """Append `platform.logsDropped` for what was dropped since the previous one."""
        records, size = self._unreported, self.dropped_bytes - self._reported[1]
        if records:
            self._reported = (self.dropped_records, self.dropped_bytes)
            kind = "platform.logsDropped"
            record = {"droppedRecords": records, "droppedBytes": size, "reason": _REASON}
            content = events.event_json(kind, record)
            self._append(_Entry(kind, content, time.monotonic()))

    def _deliver(self, entries: list[_Entry]) -> None:
        """Send a batch until it is acknowledged.

        "Lambda retries to send telemetry (with backoff) in the absence of a listener, or if the
        POST request encounters an error" (Telemetry API); how often is not documented.
        """
        self._batches += 1
        kinds = tuple(dict.fromkeys(entry.kind for entry in entries))
        body = b"[" + b",".join([entry.content for entry in entries]) + b"]"
        backoff = self._platform.backoff_seconds
        attempt = 0
        while True:
            post = self._client.post(body, number=self._batches, records=len(entries), types=kinds)
            self.posts.append(post)
            if post.acknowledged:
                return
            seconds = backoff[min(attempt, len(backoff) - 1)]
            attempt += 1
            with self._changed:
                self._changed.wait_for(lambda: self._closing, seconds)
                self._changed.wait_for(lambda: self._closing or not self._paused)
                if self._closing:
                    return
