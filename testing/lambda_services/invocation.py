"""One invocation: what is told to do, and what came of it."""

import contextlib
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from testing.lambda_services import events
from testing.lambda_services.environment import Environment, Extension

Order = Literal["line-then-done", "done-then-line", "one-post"]
"""In which deliveries the last lines and `runtimeDone` come."""
Status = Literal["success", "failure", "error", "timeout"]
"""As `platform.runtimeDone` has it; a crash is a `failure`."""

_PACE_SECONDS = 0.005
# What is allowed beyond the deadline, to see how late an extension is on a machine of any speed.
_GRACE_SECONDS = 30.0


@dataclass(slots=True, eq=False)
class Invocation:
    """An invocation; times in monotonic seconds.

    Attributes:
        request_id: Its id.
        begun: When it was given to the extensions.
        deadline: When Lambda would end it.
        done_at: When the function was through, which is when `runtimeDone` is written.
        done_acknowledged: When a subscriber had acknowledged `runtimeDone`; None if it never was.
        next_at: When the last of the extensions asked for the next event; None if one did not
            until half a minute after the deadline.
        response: What a function's process returned, or its error.
        failed: Whether that is an error.
    """

    request_id: str
    begun: float
    deadline: float
    done_at: float = 0.0
    done_acknowledged: float | None = None
    next_at: float | None = None
    response: bytes | None = None
    failed: bool = False

    @property
    def added_seconds(self) -> float:
        """Give what the extensions add: from the function's end to their `next`.

        Raises:
            RuntimeError: An extension did not ask for the next event.
        """
        if self.next_at is None:
            raise RuntimeError(f"no GET /event/next after invocation {self.request_id}")
        return max(0.0, self.next_at - self.done_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What a function without a process does; see `LambdaServices.invoke`."""

    lines: Iterable[Any] = ()
    early_lines: Iterable[Any] = ()
    duration: float = 0.0
    order: Order = "line-then-done"
    gap: float = 0.0
    lose_runtime_done: bool = False
    status: Status = "success"
    bytes_per_second: float | None = None


@dataclass(slots=True)
class Run:
    """An invocation that is under way in an environment."""

    environment: Environment
    invocation: Invocation
    extensions: list[Extension] = field(default_factory=list)

    @classmethod
    def begin(cls, environment: Environment, seconds: float) -> "Run":
        """Write `platform.start`, and give INVOKE to the extensions.

        Args:
            environment: Where.
            seconds: Until the deadline.
        """
        now = time.monotonic()
        invocation = Invocation(str(uuid.uuid4()), now, now + seconds)
        environment.thaw()
        about = environment.function
        managed = environment.managed_instances
        record = events.start(invocation.request_id, about, managed_instances=managed)
        environment.emit("platform.start", record)
        event = {
            "eventType": "INVOKE",
            "deadlineMs": int((time.time() + seconds) * 1000),
            "requestId": invocation.request_id,
            "invokedFunctionArn": about.arn,
            # Extensions API, "Next"; the emulator leaves it out.
            "tracing": {"type": "X-Amzn-Trace-Id", "value": _trace()},
        }
        return cls(environment, invocation, environment.push("INVOKE", event))

    def play(self, script: Script) -> None:
        """Do what a function would, until it is through."""
        self._write(script.early_lines, script.bytes_per_second)
        timed_out = script.status == "timeout"
        left = self.invocation.deadline - time.monotonic()
        self.environment.wait_for(lambda: False, max(0.0, left if timed_out else script.duration))
        if script.order == "done-then-line":
            self.done(script.status, lose=script.lose_runtime_done)
            self._cut(script.gap)
            self._write(script.lines, script.bytes_per_second)
        elif script.order == "one-post":
            # Nothing is delivered until both are there, however long this thread is held up.
            with self._held():
                self._write(script.lines, script.bytes_per_second)
                self.done(script.status, lose=script.lose_runtime_done)
        else:
            self._write(script.lines, script.bytes_per_second)
            self._cut(script.gap)
            self.done(script.status, lose=script.lose_runtime_done)

    def done(self, status: Status, *, lose: bool = False) -> None:
        """Write `platform.runtimeDone`, unless it is to be lost, or there is none here."""
        invocation = self.invocation
        invocation.done_at = time.monotonic()
        if lose or self.environment.managed_instances:
            return

        def acknowledged(at: float) -> None:
            invocation.done_acknowledged = at

        duration = invocation.done_at - invocation.begun
        record = events.runtime_done(invocation.request_id, status, duration)
        self.environment.emit("platform.runtimeDone", record, acknowledged=acknowledged)

    def await_extensions(self) -> None:
        """Wait until all extensions that were given INVOKE have asked for the next event."""
        until = self.invocation.deadline + _GRACE_SECONDS
        extensions = self.extensions

        def back() -> bool:
            return all(extension.idle or extension.gone for extension in extensions)

        self.environment.wait_for(back, max(0.0, until - time.monotonic()))
        with self.environment.changed:
            if extensions and all(extension.idle for extension in extensions):
                self.invocation.next_at = max(extension.asked_at[-1] for extension in extensions)

    def report(self, status: Status) -> None:
        """Write `platform.report`, which on-demand Lambda does after the extensions' `next`."""
        duration = time.monotonic() - self.invocation.begun
        managed = self.environment.managed_instances
        memory = None if managed else self.environment.function.memory_mb
        record = events.report(self.invocation.request_id, status, duration, memory)
        self.environment.emit("platform.report", record)

    def _write(self, lines: Iterable[Any], bytes_per_second: float | None) -> None:
        """Write function lines, as fast as is said."""
        if bytes_per_second is None:
            for line in lines:
                self.environment.emit("function", line)
            return
        begun, size = time.monotonic(), 0
        for content in _contents(lines):
            ahead = size / bytes_per_second - (time.monotonic() - begun)
            if ahead > _PACE_SECONDS:
                self.environment.wait_for(lambda: False, ahead)
            size += len(content)
            self.environment.emit_bytes("function", content)

    @contextlib.contextmanager
    def _held(self) -> Iterator[None]:
        """Begin no delivery for the time of the block."""
        streams = self.environment.current_streams()
        for stream in streams:
            stream.pause()
        try:
            yield
        finally:
            for stream in streams:
                stream.resume()

    def _cut(self, gap: float) -> None:
        """Let what follows go into another delivery."""
        for stream in self.environment.current_streams():
            stream.cut(gap)


def _contents(lines: Iterable[Any]) -> Iterator[bytes]:
    """Give the events of function lines."""
    for line in lines:
        yield events.event_json("function", line)


def _trace() -> str:
    """Make a trace header, not sampled."""
    numbers = uuid.uuid4().hex
    return f"Root=1-{int(time.time()):08x}-{numbers[:24]};Parent={numbers[16:]};Sampled=0"
