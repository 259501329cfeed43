"""The services of one execution environment: start here, see the package's example."""

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from testing.lambda_services.api_server import ApiServer
from testing.lambda_services.environment import Environment, Extension
from testing.lambda_services.exchange import TEXT, Answer, Call, CallLog
from testing.lambda_services.extensions_api import ExtensionsApi
from testing.lambda_services.faults import Faults, FunctionAbout
from testing.lambda_services.invocation import Invocation, Order, Run, Script, Status
from testing.lambda_services.listener_client import Batch, Delivery, Transfer, post_once
from testing.lambda_services.runtime_api import RuntimeApi, Work
from testing.lambda_services.telemetry_stream import Platform
from testing.until_closed import UntilClosed

# Extensions API, "Shutdown phase": 2,000 ms with an external extension, then SIGKILL.
_SHUTDOWN_SECONDS = 2.0


class LambdaServices(UntilClosed):
    """The services, listening from their construction until `close` or the end of `with`.

    Args:
        faults: What they do wrong; may be changed at any time.
        platform: How telemetry is delivered.
        function: What they say about the function.
        managed_instances: Behave as Lambda Managed Instances: INVOKE is refused, only schema
            2025-01-29 is taken, there is no `runtimeDone`, and nothing is ever frozen.
        freeze_between: Stop all processes with SIGSTOP whenever the function and all extensions
            wait for work. Whether or not, nothing is delivered meanwhile.
        shutdown_seconds: What extensions have from SHUTDOWN on before they are killed: 2 as in
            Lambda, or more, so that a busy machine kills none that would have ended.

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
        function: FunctionAbout | None = None,
        managed_instances: bool = False,
        freeze_between: bool = False,
        shutdown_seconds: float = _SHUTDOWN_SECONDS,
    ) -> None:
        self.faults = faults or Faults()
        self.calls = CallLog()
        self.environment = Environment(
            self.faults,
            function or FunctionAbout(),
            platform or Platform(),
            managed_instances=managed_instances,
        )
        self.runtime = RuntimeApi(self.environment)
        self._extensions = ExtensionsApi(self.environment)
        self._freeze_between = freeze_between
        self._shutdown_seconds = shutdown_seconds
        self._server = ApiServer(self._respond, self.calls)
        self.address = self._server.address

    @property
    def failures(self) -> list[Exception]:
        """Errors of the services themselves."""
        return self._server.failures

    def close(self) -> None:
        """End all long polls, deliveries and threads."""
        self.environment.close()
        self._server.close()

    def _respond(self, call: Call) -> Answer:
        """Answer a call with whoever knows its path."""
        answer = self._extensions.respond(call) or self.runtime.respond(call)
        if answer is not None:
            return answer
        return Answer(404, b"404 page not found\n", TEXT, {"X-Content-Type-Options": "nosniff"})

    def environ(self) -> dict[str, str]:
        """Give the variables that Lambda sets for an extension.

        They are the "Defined runtime environment variables" of the developer guide, without those
        that its page on the Extensions API says are kept from extensions.
        """
        about = self.environment.function
        return {
            "AWS_LAMBDA_RUNTIME_API": self.address,
            "AWS_LAMBDA_FUNCTION_NAME": about.name,
            "AWS_LAMBDA_FUNCTION_VERSION": about.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(about.memory_mb),
            "AWS_LAMBDA_INITIALIZATION_TYPE": self.environment.kind,
            "AWS_REGION": about.region,
            "AWS_DEFAULT_REGION": about.region,
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
    def deliveries(self) -> list[Delivery]:
        """Every POST to a listener in this environment, the failed ones too."""
        return [
            delivery
            for stream in self.environment.current_streams()
            for delivery in list(stream.deliveries)
        ]

    @property
    def dropped_records(self) -> int:
        """How many events the platform has dropped, as `platform.logsDropped` says."""
        return sum(stream.dropped_records for stream in self.environment.current_streams())

    def next_times(self) -> list[float]:
        """Give when each served `GET /event/next` came, of all extensions, in order."""
        return sorted(at for extension in self.extensions for at in extension.asked_at)

    def wait_ready(self, seconds: float = 60.0) -> bool:
        """Wait until the init phase is over: all extensions have called `next`.

        Args:
            seconds: How long.

        Returns:
            Whether it is over. Once it is, it stays so until `new_environment`.
        """
        with self.environment.changed:
            if self.environment.initialised:
                return True
        if self.environment.wait_for(self.environment.all_ready, seconds):
            self.environment.end_init()
            return True
        return False

    def wait_delivered(self, seconds: float = 60.0) -> bool:
        """Wait until what was written is acknowledged; tell whether it is.

        What is written between two invocations, as `platform.report` is, waits for the next one
        or SHUTDOWN, and is not waited for.
        """
        until = time.monotonic() + seconds
        return all(
            stream.drained(max(0.0, until - time.monotonic()))
            for stream in self.environment.current_streams()
        )

    def emit(self, kind: str, record: Any, at: float | None = None) -> None:
        """Write an event of any type with any record, outside of an invocation too.

        Args:
            kind: Its `type`.
            record: Any value of JSON.
            at: Its time, seconds since 1970; None: now.
        """
        self.environment.emit(kind, record, at=at)

    def emit_bytes(self, kind: str, content: bytes) -> None:
        """Write an event whose JSON, or what pretends to be, is given."""
        self.environment.emit_bytes(kind, content)

    def post(self, body: bytes, transfer: Transfer = "length", seconds: float = 60.0) -> Delivery:
        """Send bytes to the first subscriber's listener, once, over a connection of their own."""
        port = self.environment.current_streams()[0].subscription.port
        return post_once(port, Batch(0, body), transfer, seconds)

    def invoke(  # noqa: PLR0913 -- one for each thing that the platform leaves open
        self,
        lines: Iterable[Any] = (),
        *,
        duration: float = 0.0,
        deadline: float = 60.0,
        order: Order = "line-then-done",
        gap: float = 0.0,
        lose_runtime_done: bool = False,
        status: Status = "success",
        early_lines: Iterable[Any] = (),
        bytes_per_second: float | None = None,
    ) -> Invocation:
        """Play an invocation, and wait until the extensions ask for the next event.

        Args:
            lines: Written at its end: strings, or any value of JSON.
            duration: Seconds that the function takes.
            deadline: The function's timeout in seconds.
            order: How the last lines and `runtimeDone` are delivered.
            gap: Seconds between their deliveries.
            lose_runtime_done: Write no `runtimeDone`.
            status: How it ends. After `timeout` (which takes until the deadline) and `failure`
                nobody is waited for: `ExtensionProcess.shutdown` is what follows.
            early_lines: Written at its beginning.
            bytes_per_second: How fast lines are written; None: at once, whatever is dropped.

        Returns:
            What came of it; also when an extension never asked.

        Raises:
            TimeoutError: An extension has not called `next` in the init phase.
        """
        script = Script(
            lines=lines,
            early_lines=early_lines,
            duration=duration,
            order=order,
            gap=gap,
            lose_runtime_done=lose_runtime_done,
            status=status,
            bytes_per_second=bytes_per_second,
        )
        run = self._begin(deadline)
        run.play(script)
        self._end(run, status)
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
        self._end(run, status)
        return run.invocation

    def _begin(self, deadline: float) -> Run:
        """Begin an invocation; the first one waits for the init phase to end.

        Raises:
            TimeoutError: It does not.
        """
        if not self.wait_ready():
            raise TimeoutError("not every extension has called next: there is no invocation yet")
        return Run.begin(self.environment, deadline)

    def _end(self, run: Run, status: Status) -> None:
        """Wait for the extensions, and let the environment freeze."""
        if status in ("timeout", "failure"):
            return
        run.await_extensions()
        if not self.environment.managed_instances:
            self.environment.freeze(stop=self._freeze_between)
        run.report(status)

    def shutdown(self, reason: str = "spindown") -> float:
        """Give SHUTDOWN to the extensions that registered for it; nothing is killed here.

        Args:
            reason: `spindown`, `timeout` or `failure`, in any case of letters.

        Returns:
            When the time ends that they have, monotonic seconds.
        """
        self.environment.thaw()
        until = time.monotonic() + self._shutdown_seconds
        deadline_ms = int((time.time() + self._shutdown_seconds) * 1000)
        event = {"eventType": "SHUTDOWN", "deadlineMs": deadline_ms, "shutdownReason": reason}
        self.environment.push("SHUTDOWN", event)
        return until

    def new_environment(self) -> None:
        """Forget all registrations and subscriptions, as Lambda does after a reset."""
        self.environment.reset()

    def expect(self, executable: Path) -> str:
        """Name a file that is an external extension; give the name that it must register with."""
        with self.environment.changed:
            self.environment.external.add(executable.name)
        return executable.name
