"""One invocation: what a scripted function does, and what was measured."""

import contextlib
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from testing.lambda_services import events
from testing.lambda_services.environment import Environment, Extension

Order = Literal["line-then-done", "done-then-line", "one-post"]
"""In which deliveries the last lines and `runtimeDone` come."""
Status = Literal["success", "failure", "error", "timeout"]
"""As `platform.runtimeDone` has it; a crash is a `failure`."""

_PACE_SECONDS = 0.005
# Allowed beyond the deadline, to measure how late an extension is on a slow machine.
_GRACE_SECONDS = 30.0


@dataclass(slots=True, eq=False)
class Invocation:
    """An invocation; times in monotonic seconds.

    Attributes:
        request_id: Its id.
        begun: When the extensions got INVOKE.
        deadline: When Lambda would end it.
        done_at: When the function ended, which is when `runtimeDone` is written.
        next_at: When the last of the extensions called `next`; None if one did not until half
            a minute after the deadline.
        response: What a function's process returned, or its error.
        failed: Whether that is an error.
    """

    request_id: str
    begun: float
    deadline: float
    done_at: float = 0.0
    next_at: float | None = None
    response: bytes | None = None
    failed: bool = False

    @property
    def added_seconds(self) -> float:
        """The time that the extensions add: from the function's end to their `next`.

        Raises:
            RuntimeError: An extension did not call `next`.
        """
        if self.next_at is None:
            raise RuntimeError(f"no GET /event/next after invocation {self.request_id}")
        return max(0.0, self.next_at - self.done_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What a function without a process does.

    Attributes:
        lines: Lines written at its end: strings, or any value of JSON.
        duration: Seconds that the function takes.
        order: How the last lines and `runtimeDone` are delivered.
        gap: Seconds between their deliveries.
        lose_runtime_done: Write no `runtimeDone`.
        status: How it ends. After `timeout` (which takes until the deadline) and `failure`
            the extensions are not waited for: `ExtensionProcess.shutdown` follows.
        bytes_per_second: How fast lines are written; None: at once, even if some are dropped.
    """

    lines: Iterable[Any] = ()
    duration: float = 0.0
    order: Order = "line-then-done"
    gap: float = 0.0
    lose_runtime_done: bool = False
    status: Status = "success"
    bytes_per_second: float | None = None


@dataclass(slots=True)
class Run:
    """An invocation in progress."""

    environment: Environment
    invocation: Invocation
    extensions: list[Extension] = field(default_factory=list)

    @classmethod
    def begin(cls, environment: Environment, seconds: float) -> Self:
        """Write `platform.start`, and give INVOKE to the extensions.

        Args:
            environment: Where it runs.
            seconds: Time until the deadline.
        """
        now = time.monotonic()
        invocation = Invocation(str(uuid.uuid4()), now, now + seconds)
        environment.thaw()
        function = environment.function
        managed = environment.managed_instances
        record = events.start(invocation.request_id, function, managed_instances=managed)
        environment.emit("platform.start", record)
        event = {
            "eventType": "INVOKE",
            "deadlineMs": int((time.time() + seconds) * 1000),
            "requestId": invocation.request_id,
            "invokedFunctionArn": function.arn,
            # Extensions API, "Next"; the emulator omits it.
            "tracing": {"type": "X-Amzn-Trace-Id", "value": _trace()},
        }
        return cls(environment, invocation, environment.push("INVOKE", event))

    def play(self, script: Script) -> None:
        """Do what the script says, until the function ends."""
        environment = self.environment
        timed_out = script.status == "timeout"
        left = self.invocation.deadline - time.monotonic()
        environment.sleep(left if timed_out else script.duration)
        if script.order == "done-then-line":
            self._end(script)
            self._cut(script.gap)
            self._write(script.lines, script)
        elif script.order == "one-post":
            # Nothing is delivered before both are written, however slow this thread is.
            with self._held():
                self._write(script.lines, script)
                self._end(script)
        else:
            self._write(script.lines, script)
            self._cut(script.gap)
            self._end(script)

    def done(self, status: Status, *, lose: bool = False) -> None:
        """Write `platform.runtimeDone`, unless it is to be lost; Managed Instances have none."""
        invocation = self.invocation
        invocation.done_at = time.monotonic()
        if lose or self.environment.managed_instances:
            return
        duration = invocation.done_at - invocation.begun
        record = events.runtime_done(invocation.request_id, status, duration)
        self.environment.emit("platform.runtimeDone", record)

    def finish(self, status: Status) -> None:
        """Wait until all extensions that got INVOKE have called `next`, and freeze.

        On-demand Lambda writes `platform.report` only then.
        """
        environment, extensions = self.environment, self.extensions
        until = self.invocation.deadline + _GRACE_SECONDS
        environment.wait_for(
            lambda: all(extension.idle or extension.gone for extension in extensions),
            max(0.0, until - time.monotonic()),
        )
        with environment.changed:
            if extensions and all(extension.idle for extension in extensions):
                self.invocation.next_at = max(extension.asked_at[-1] for extension in extensions)
        managed = environment.managed_instances
        if not managed:
            environment.freeze()
        duration = time.monotonic() - self.invocation.begun
        memory = None if managed else environment.function.memory_mb
        record = events.report(self.invocation.request_id, status, duration, memory)
        environment.emit("platform.report", record)

    def _end(self, script: Script) -> None:
        self.done(script.status, lose=script.lose_runtime_done)

    def _write(self, lines: Iterable[Any], script: Script) -> None:
        """Write function lines at the script's pace."""
        begun, size, pace = time.monotonic(), 0, script.bytes_per_second
        for line in lines:
            content = events.event_json("function", line)
            if pace is not None:
                ahead = size / pace - (time.monotonic() - begun)
                if ahead > _PACE_SECONDS:
                    self.environment.sleep(ahead)
            size += len(content)
            self.environment.emit_bytes("function", content)

    @contextlib.contextmanager
    def _held(self) -> Iterator[None]:
        """Start no delivery within the block."""
        streams = self.environment.current_streams()
        for stream in streams:
            stream.pause()
        try:
            yield
        finally:
            for stream in streams:
                stream.resume()

    def _cut(self, gap: float) -> None:
        """Begin another delivery with what follows."""
        for stream in self.environment.current_streams():
            stream.cut(gap)


def _trace() -> str:
    """Make a trace header that is not sampled."""
    numbers = uuid.uuid4().hex
    return f"Root=1-{int(time.time()):08x}-{numbers[:24]};Parent={numbers[16:]};Sampled=0"
