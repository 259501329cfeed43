"""One execution environment: its extensions, subscriptions and processes."""

import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from testing.lambda_services import events
from testing.lambda_services.faults import Faults, FunctionInfo
from testing.lambda_services.subscription import Subscription
from testing.lambda_services.telemetry_stream import Platform, TelemetryStream


@dataclass(slots=True, eq=False)
class Extension:
    """A registered extension.

    Attributes:
        name: The file name that it registered with.
        events: `INVOKE`, `SHUTDOWN`, both or none.
        identifier: Its id in each call.
        asked_at: When each of its successful calls of `next` arrived, monotonic seconds.
        pending: Events that it has not fetched yet.
        waiting: Whether it is in `next`.
        gone: Whether its process has ended.
    """

    name: str
    events: frozenset[str]
    identifier: str = field(default_factory=lambda: str(uuid.uuid4()))
    asked_at: list[float] = field(default_factory=list)
    pending: deque[Any] = field(default_factory=deque)
    waiting: bool = False
    gone: bool = False

    @property
    def idle(self) -> bool:
        """Whether it waits for an event, and there is none to fetch."""
        return self.waiting and not self.pending


class Environment:
    """The state that the three APIs share; reading or changing it requires `changed`.

    Args:
        faults: What the services do wrong.
        function: What they report about the function.
        platform: How telemetry is delivered.
        managed_instances: Behave as Lambda Managed Instances do.

    Attributes:
        changed: Notified of every change.
        external: File names of the external extensions. While it is empty, every extension
            counts as external.
        extensions: By identifier.
        streams: The subscription of each extension, by identifier.
        initialised: Whether the init phase is over.
        closing: Whether the services are being closed.
    """

    def __init__(
        self,
        faults: Faults,
        function: FunctionInfo,
        platform: Platform,
        *,
        managed_instances: bool,
    ) -> None:
        self.faults, self.function, self.platform = faults, function, platform
        self.managed_instances = managed_instances
        self.changed = threading.Condition(threading.RLock())
        self.external: set[str] = set()
        self.extensions: dict[str, Extension] = {}
        self.streams: dict[str, TelemetryStream] = {}
        self.initialised = False
        self.closing = False
        self._begun = time.monotonic()

    @property
    def kind(self) -> str:
        """The `initializationType`."""
        return "lambda-managed-instances" if self.managed_instances else "on-demand"

    def wait_for(self, holds: Callable[[], object], seconds: float | None = None) -> bool:
        """Wait until `holds` is true, or the services are closed; return whether it is."""
        with self.changed:
            self.changed.wait_for(lambda: self.closing or holds(), seconds)
            return bool(holds())

    def sleep(self, seconds: float) -> None:
        """Wait, but not longer than until the services are closed."""
        self.wait_for(lambda: False, max(0.0, seconds))

    def emit(self, kind: str, record: Any, *, at: float | None = None) -> None:
        """Write an event to every subscription.

        Args:
            kind: Its type.
            record: Its record, any value of JSON.
            at: Its time in seconds since 1970; None: now.
        """
        self.emit_bytes(kind, events.event_json(kind, record, at))

    def emit_bytes(self, kind: str, content: bytes) -> None:
        """Write an event whose JSON is given; see `emit`."""
        for stream in self.current_streams():
            stream.put(kind, content)

    def current_streams(self) -> list[TelemetryStream]:
        """Return the subscriptions."""
        with self.changed:
            return list(self.streams.values())

    def subscribe(self, extension: Extension, subscription: Subscription) -> None:
        """Begin to deliver, first what the init phase has written so far."""
        stream = TelemetryStream(subscription, self.platform)
        with self.changed:
            self.streams[extension.identifier] = stream
            self.changed.notify_all()
        start = events.event_json("platform.initStart", events.init_start(self.function, self.kind))
        stream.put("platform.initStart", start)
        record = {"name": extension.name, "state": "Subscribed", "types": subscription.types}
        self.emit("platform.telemetrySubscription", record)

    def end_init(self) -> None:
        """End the init phase, if it is not over: all extensions and the function are ready."""
        with self.changed:
            if self.initialised:
                return
            self.initialised = True
            registered = list(self.extensions.values())
        for extension in registered:
            ready = {"name": extension.name, "state": "Ready", "events": sorted(extension.events)}
            self.emit("platform.extension", ready)
        for kind, record in events.init_ends(time.monotonic() - self._begun, self.kind).items():
            self.emit(kind, record)

    def all_ready(self) -> bool:
        """Return whether all extensions, registered or expected, have called `next`."""
        present = [extension for extension in self.extensions.values() if not extension.gone]
        names = {extension.name for extension in present if extension.asked_at}
        return self.external <= names and all(extension.asked_at for extension in present)

    def push(self, kind: str, event: Any) -> list[Extension]:
        """Give an event to all extensions that registered for it; return these."""
        with self.changed:
            found = [
                extension
                for extension in self.extensions.values()
                if kind in extension.events and not extension.gone
            ]
            for extension in found:
                extension.pending.append(event)
            self.changed.notify_all()
            return found

    def mark_gone(self, name: str) -> None:
        """Note that the process of an extension has ended."""
        with self.changed:
            for extension in self.extensions.values():
                extension.gone |= extension.name == name
            self.changed.notify_all()

    def freeze(self) -> None:
        """Start no delivery from now on."""
        for stream in self.current_streams():
            stream.pause()

    def thaw(self) -> None:
        """Deliver again."""
        for stream in self.current_streams():
            stream.resume()

    def close(self) -> None:
        """End every long poll and every delivery."""
        with self.changed:
            self.closing = True
            self.changed.notify_all()
        for stream in self.current_streams():
            stream.close()
