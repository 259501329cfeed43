"""The services of one execution environment: start here, see the package's example."""

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from testing.http_server import HttpServer, Reply, Request
from testing.lambda_services.calls import TEXT, CallLog
from testing.lambda_services.environment import Environment, Extension
from testing.lambda_services.extensions_api import ExtensionsApi
from testing.lambda_services.faults import Faults, FunctionInfo
from testing.lambda_services.invocation import Invocation, Run, Script, Status
from testing.lambda_services.listener_client import ListenerClient, TelemetryPost
from testing.lambda_services.runtime_api import RuntimeApi, Work
from testing.lambda_services.telemetry_stream import Platform

# Extensions API, "Shutdown phase": 2,000 ms with an external extension, then SIGKILL.
_SHUTDOWN_SECONDS = 2.0


class LambdaServices(HttpServer):
    """The services, listening from their construction until `close` or the end of `with`.

    Args:
        faults: What they do wrong; may be changed at any time.
        platform: How telemetry is delivered.
        function: What they report about the function.
        managed_instances: Behave as Lambda Managed Instances: INVOKE is refused, only schema
            2025-01-29 is accepted, there is no `runtimeDone`, and deliveries are never paused.
        shutdown_seconds: How long extensions have after SHUTDOWN before they are killed: 2 as
            in Lambda, or more, so that a busy machine kills none that would have ended.

    Attributes:
        faults: As given.
        calls: Every call, in order of arrival.
        environment: The state, with the registered extensions.
        runtime: The Runtime API.
        address: `127.0.0.1:port`.
    """

    def __init__(
        self,
        *,
        faults: Faults | None = None,
        platform: Platform | None = None,
        function: FunctionInfo | None = None,
        managed_instances: bool = False,
        shutdown_seconds: float = _SHUTDOWN_SECONDS,
    ) -> None:
        self.faults = faults or Faults()
        self.calls = CallLog()
        self.environment = Environment(
            self.faults,
            function or FunctionInfo(),
            platform or Platform(),
            managed_instances=managed_instances,
        )
        self.runtime = RuntimeApi(self.environment)
        self._extensions = ExtensionsApi(self.environment)
        self._shutdown_seconds = shutdown_seconds
        super().__init__()
        self.address = f"127.0.0.1:{self.port}"

    def close(self) -> None:
        """End all long polls, deliveries and threads."""
        self.environment.close()
        super().close()

    def respond(self, request: Request) -> Reply:
        """Log a call, and let the API that knows its path reply."""
        self.calls.note(request)
        reply = self._extensions.respond(request) or self.runtime.respond(request)
        if reply is not None:
            return reply
        return Reply(404, {**TEXT, "X-Content-Type-Options": "nosniff"}, b"404 page not found\n")

    def replied(self, request: Request, status: int) -> None:
        """Log the reply to a call."""
        self.calls.note(request, status)

    def environ(self) -> dict[str, str]:
        """Return the variables that Lambda sets for an extension.

        They are the "Defined runtime environment variables" of the developer guide, without those
        that its page on the Extensions API excludes for extensions.
        """
        function = self.environment.function
        return {
            "AWS_LAMBDA_RUNTIME_API": self.address,
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": function.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "AWS_LAMBDA_INITIALIZATION_TYPE": self.environment.kind,
            "AWS_REGION": function.region,
            "AWS_DEFAULT_REGION": function.region,
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        }

    @property
    def extensions(self) -> list[Extension]:
        """Every extension that has registered in this environment."""
        with self.environment.changed:
            return list(self.environment.extensions.values())

    @property
    def deliveries(self) -> list[TelemetryPost]:
        """Every POST to a listener in this environment, including the failed ones."""
        streams = self.environment.current_streams()
        return [post for stream in streams for post in list(stream.posts)]

    @property
    def dropped_records(self) -> int:
        """How many events the platform has dropped, as `platform.logsDropped` reports."""
        return sum(stream.dropped_records for stream in self.environment.current_streams())

    def wait_ready(self, seconds: float = 60.0) -> bool:
        """Wait until the init phase is over: all extensions have called `next`.

        Returns:
            Whether it is over.
        """
        with self.environment.changed:
            if self.environment.initialised:
                return True
        if self.environment.wait_for(self.environment.all_ready, seconds):
            self.environment.end_init()
            return True
        return False

    def wait_delivered(self, seconds: float = 60.0) -> bool:
        """Wait until what was written is acknowledged; return whether it is.

        What is written between two invocations, as `platform.report`, is delivered with the next
        one or SHUTDOWN, and does not count.
        """
        until = time.monotonic() + seconds
        return all(
            stream.drained(max(0.0, until - time.monotonic()))
            for stream in self.environment.current_streams()
        )

    def emit(self, kind: str, record: Any, at: float | None = None) -> None:
        """Write an event of any type, also outside of an invocation; see `Environment.emit`."""
        self.environment.emit(kind, record, at=at)

    def post(self, body: bytes) -> TelemetryPost:
        """Send bytes to the first subscriber's listener, once, over a connection of their own."""
        client = ListenerClient(self.environment.current_streams()[0].subscription.port)
        try:
            return client.post(body)
        finally:
            client.close()

    def invoke(
        self, lines: Iterable[Any] = (), *, deadline: float = 60.0, **script: Any
    ) -> Invocation:
        """Play an invocation, and wait until the extensions call `next`.

        Args:
            lines: Lines written at its end: strings, or any value of JSON.
            deadline: The function's timeout in seconds.
            script: Further attributes of `Script`.

        Returns:
            What was measured, also when an extension never called `next`.

        Raises:
            TimeoutError: An extension has not called `next` in the init phase.
        """
        played = Script(lines=lines, **script)
        run = self._begin(deadline)
        run.play(played)
        if played.status not in ("timeout", "failure"):
            run.finish(played.status)
        return run.invocation

    def invoke_function(self, event: Any, deadline: float = 60.0) -> Invocation:
        """Let the function's process handle an event, and wait for it and the extensions.

        Args:
            event: What the function gets, any value of JSON.
            deadline: The function's timeout in seconds.

        Raises:
            TimeoutError: The function has not returned by then, or an extension has not called
                `next` in the init phase.
        """
        run = self._begin(deadline)
        deadline_ms = int((time.time() + deadline) * 1000)
        work = Work(run.invocation.request_id, json.dumps(event).encode(), deadline_ms)
        self.runtime.give(work)
        if not self.environment.wait_for(lambda: work.done, deadline):
            raise TimeoutError(f"the function has not returned within {deadline} s")
        run.invocation.response, run.invocation.failed = work.response, work.failed
        status: Status = "error" if work.failed else "success"
        run.done(status)
        run.finish(status)
        return run.invocation

    def _begin(self, deadline: float) -> Run:
        """Begin an invocation; the first one waits for the init phase to end."""
        if not self.wait_ready():
            raise TimeoutError("not every extension has called next: there is no invocation yet")
        return Run.begin(self.environment, deadline)

    def shutdown(self, reason: str = "spindown") -> float:
        """Give SHUTDOWN to the extensions that registered for it, without killing any.

        Args:
            reason: `spindown`, `timeout` or `failure`, in upper or lower case.

        Returns:
            When the time of the extensions ends, monotonic seconds.
        """
        self.environment.thaw()
        until = time.monotonic() + self._shutdown_seconds
        deadline_ms = int((time.time() + self._shutdown_seconds) * 1000)
        event = {"eventType": "SHUTDOWN", "deadlineMs": deadline_ms, "shutdownReason": reason}
        self.environment.push("SHUTDOWN", event)
        return until

    def expect(self, executable: Path) -> str:
        """Declare a file an external extension; return the name that it must register with."""
        with self.environment.changed:
            self.environment.external.add(executable.name)
        return executable.name
