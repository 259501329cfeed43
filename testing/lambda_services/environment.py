"""One execution environment: who is registered, who waits, and what the platform writes."""

import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from testing.lambda_services import events
from testing.lambda_services.faults import Faults, FunctionAbout
from testing.lambda_services.subscription import Subscription
from testing.lambda_services.telemetry_stream import Platform, TelemetryStream


class Freezable(Protocol):
    """A process of the environment."""

    def freeze(self) -> None:
        """Stop it until `thaw`."""

    def thaw(self) -> None:
        """Let it run."""


@dataclass(slots=True, eq=False)
class Extension:
    """A registered extension.

    Attributes:
        name: The file name that it registered with.
        events: `INVOKE`, `SHUTDOWN`, both or none.
        identifier: What it names itself with in each call.
        asked_at: When each of its `next` that was served came, monotonic seconds.
        pending: Events that it has not fetched yet.
        waiting: Whether it is in `next`.
        gone: Whether its process has ended, or its environment.
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
        """Tell whether it waits for an event and has none to fetch."""
        return self.waiting and not self.pending


class Environment:
    """The state that the three APIs share; who reads or changes it holds `changed`.

    Args:
        faults: What to do wrong.
        function: What is said about the function.
        platform: How telemetry is delivered.
        managed_instances: Behave as Lambda Managed Instances do.

    Attributes:
        changed: Notified with every change.
        external: Names of the files that are external extensions. As long as there are none,
            every name is taken for one.
        extensions: By identifier.
        streams: The subscription of each extension, by identifier.
        processes: What is frozen between invocations.
        initialised: Whether the init phase is over.
        closing: Whether everything ends.
    """

    def __init__(
        self,
        faults: Faults,
        function: FunctionAbout,
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
        self.processes: list[Freezable] = []
        self.initialised = False
        self.closing = False
        self._begun = time.monotonic()

    @property
    def kind(self) -> str:
        """Give the `initializationType`."""
        return "lambda-managed-instances" if self.managed_instances else "on-demand"

    def wait_for(self, holds: Callable[[], object], seconds: float | None = None) -> bool:
        """Wait until something holds, or everything ends; tell whether it holds."""
        with self.changed:
            self.changed.wait_for(lambda: self.closing or holds(), seconds)
            return bool(holds())

    def emit(
        self,
        kind: str,
        record: Any,
        *,
        at: float | None = None,
        acknowledged: Callable[[float], None] | None = None,
    ) -> None:
        """Write an event to every subscription.

        Args:
            kind: Its type.
            record: Its record, any value of JSON.
            at: Its time in seconds since 1970; None: now.
            acknowledged: Called with the time at which a subscriber acknowledged it.
        """
        self.emit_bytes(kind, events.event_json(kind, record, at), acknowledged)

    def emit_bytes(
        self, kind: str, content: bytes, acknowledged: Callable[[float], None] | None = None
    ) -> None:
        """Write an event whose JSON is given; see `emit`."""
        for stream in self.current_streams():
            stream.put(kind, content, acknowledged)

    def current_streams(self) -> list[TelemetryStream]:
        """Give the subscriptions there are."""
        with self.changed:
            return list(self.streams.values())

    def subscribe(self, extension: Extension, subscription: Subscription) -> None:
        """Begin to deliver, with what the init phase has written so far."""
        stream = TelemetryStream(subscription, self.platform)
        with self.changed:
            self.streams[extension.identifier] = stream
            self.changed.notify_all()
        record = events.init_start(self.function, self.kind)
        stream.put("platform.initStart", events.event_json("platform.initStart", record))
        kind = "platform.telemetrySubscription"
        self.emit(kind, events.subscribed(extension.name, subscription.types))

    def end_init(self) -> None:
        """End the init phase, once: every extension, and the function, have asked for work."""
        with self.changed:
            if self.initialised:
                return
            self.initialised = True
            registered = list(self.extensions.values())
        for extension in registered:
            about = events.extension_ready(extension.name, sorted(extension.events))
            self.emit("platform.extension", about)
        for kind, record in events.init_ends(time.monotonic() - self._begun, self.kind).items():
            self.emit(kind, record)

    def all_ready(self) -> bool:
        """Tell whether all extensions have called `next`, the ones that are only begun too."""
        present = [extension for extension in self.extensions.values() if not extension.gone]
        names = {extension.name for extension in present if extension.asked_at}
        return self.external <= names and all(extension.asked_at for extension in present)

    def push(self, kind: str, event: Any) -> list[Extension]:
        """Give an event to all extensions that registered for it, and tell which these are."""
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

    def forget(self, name: str) -> None:
        """Note that the process of an extension has ended."""
        with self.changed:
            for extension in self.extensions.values():
                if extension.name == name:
                    extension.gone = True
            self.changed.notify_all()

    def freeze(self, *, stop: bool) -> None:
        """Deliver nothing from now on; `stop`: and stop all processes."""
        for stream in self.current_streams():
            stream.pause()
        if stop:
            for process in list(self.processes):
                process.freeze()

    def thaw(self) -> None:
        """Let all processes run, and deliver again."""
        for process in list(self.processes):
            process.thaw()
        for stream in self.current_streams():
            stream.resume()

    def reset(self) -> None:
        """Begin a new environment: nobody is registered, or subscribed, and init begins."""
        with self.changed:
            streams = list(self.streams.values())
            self.streams.clear()
            for extension in self.extensions.values():
                extension.gone = True
            self.extensions.clear()
            self.external.clear()
            self.initialised = False
            self._begun = time.monotonic()
            self.changed.notify_all()
        for stream in streams:
            stream.close()

    def close(self) -> None:
        """End every long poll and every delivery."""
        with self.changed:
            self.closing = True
            self.changed.notify_all()
        for stream in self.current_streams():
            stream.close()
