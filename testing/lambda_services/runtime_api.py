"""The Runtime API, 2018-06-01, which a function's process polls."""

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from testing.http_server import Reply, Request
from testing.lambda_services.calls import JSON, RESET, error_reply, json_reply
from testing.lambda_services.environment import Environment

_PREFIX = "/2018-06-01/runtime"
_ENDED = re.compile(rf"{_PREFIX}/invocation/([^/]+)/(response|error)")


@dataclass(slots=True, eq=False)
class Work:
    """One invocation for a function's process.

    Attributes:
        request_id: The invocation.
        event: JSON of the event.
        deadline_ms: Milliseconds since 1970.
        response: What the function returned, or its error; None: nothing yet.
        failed: Whether it is an error.
        done: Whether the process has since polled for the next invocation.
    """

    request_id: str
    event: bytes
    deadline_ms: int
    response: bytes | None = None
    failed: bool = False
    done: bool = False


class RuntimeApi:
    """Replies to the calls of a function's process.

    Args:
        environment: The environment of the function.

    Attributes:
        polled: Whether a process has polled for an invocation yet.
        init_error: The body of an init/error; None: there was none.
    """

    def __init__(self, environment: Environment) -> None:
        self.polled = False
        self.init_error: bytes | None = None
        self._environment = environment
        self._queue: deque[Work] = deque()
        self._running: Work | None = None

    def give(self, work: Work) -> None:
        """Queue an invocation for the function's process."""
        with self._environment.changed:
            self._queue.append(work)
            self._environment.changed.notify_all()

    def respond(self, request: Request) -> Reply | None:
        """Reply to a call, possibly after a long poll; None: it is no call of this API."""
        method, reply = self._route(request.path)
        if reply is None or request.method == method:
            return reply(request) if reply else None
        managed = self._environment.managed_instances
        return Reply(405, {} if managed else {"Allow": method})

    def _route(self, path: str) -> tuple[str, Callable[[Request], Reply] | None]:
        """Return the method of a path, and what replies to it."""
        if path == f"{_PREFIX}/invocation/next":
            return "GET", self._next
        if path == f"{_PREFIX}/init/error":
            return "POST", self._init_error
        return "POST", self._end if _ENDED.fullmatch(path) else None

    def _next(self, _request: Request) -> Reply:
        """Return the next invocation, as soon as there is one."""
        environment = self._environment
        with environment.changed:
            self.polled = True
            if self._running is not None:
                self._running.done = True
            self._running = None
            environment.changed.notify_all()
            if not environment.wait_for(lambda: bool(self._queue)):
                return RESET
            work = self._running = self._queue.popleft()
        headers = {
            "Lambda-Runtime-Aws-Request-Id": work.request_id,
            "Lambda-Runtime-Deadline-Ms": str(work.deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": environment.function.arn,
        }
        return Reply(200, {**JSON, **headers}, work.event)

    def _end(self, request: Request) -> Reply:
        """Accept the response, or the error, of the invocation in progress."""
        found = _ENDED.fullmatch(request.path)
        with self._environment.changed:
            work = self._running
            if found is None or work is None or work.request_id != found[1]:
                return error_reply(400, "InvalidRequestID", "Invalid request ID")
            if work.response is not None:
                kind = "InvocationErrorResponse" if found[2] == "error" else "InvocationResponse"
                message = (
                    f"State transition from RuntimeResponseSentState to {kind} failed for runtime. "
                    "Error: State transition is not allowed"
                )
                return error_reply(403, "InvalidStateTransition", message)
            work.response, work.failed = request.body, found[2] == "error"
            self._environment.changed.notify_all()
        return json_reply(202, {"status": "OK"})

    def _init_error(self, request: Request) -> Reply:
        """Accept the error of a function that cannot start."""
        with self._environment.changed:
            self.init_error = request.body
            self._environment.changed.notify_all()
        return json_reply(202, {"status": "OK"})
