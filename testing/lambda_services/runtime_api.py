"""The Runtime API, 2018-06-01: what a function's process polls."""

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from testing.lambda_services.environment import Environment
from testing.lambda_services.exchange import RESET, Answer, Call, error_answer, json_answer

_PREFIX = "/2018-06-01/runtime"
_ENDED = re.compile(rf"{_PREFIX}/invocation/([^/]+)/(response|error)")


@dataclass(slots=True, eq=False)
class Work:
    """One invocation for a function's process.

    Attributes:
        request_id: The invocation.
        event: JSON of the event.
        deadline_ms: Milliseconds since 1970.
        response: What the function gave, or its error; None so far.
        failed: Whether it is an error.
        done: Whether the process has asked for the next invocation since.
    """

    request_id: str
    event: bytes
    deadline_ms: int
    response: bytes | None = None
    failed: bool = False
    done: bool = False


class RuntimeApi:
    """Answers the calls of a function's process.

    Args:
        environment: Whose function it is.

    Attributes:
        polled: Whether a process has asked for an invocation yet.
        init_error: The body of an init/error; None where there was none.
    """

    def __init__(self, environment: Environment) -> None:
        self.polled = False
        self.init_error: bytes | None = None
        self._environment = environment
        self._queue: deque[Work] = deque()
        self._running: Work | None = None

    def give(self, work: Work) -> None:
        """Let the function's process do some work."""
        with self._environment.changed:
            self._queue.append(work)
            self._environment.changed.notify_all()

    def respond(self, call: Call) -> Answer | None:
        """Answer a call, after as long as it takes; None: it is no call of this API."""
        if call.path == f"{_PREFIX}/invocation/next":
            return self._only("GET", call, self._next)
        if call.path == f"{_PREFIX}/init/error":
            return self._only("POST", call, self._init_error)
        if _ENDED.fullmatch(call.path):
            return self._only("POST", call, self._end)
        return None

    def _only(self, method: str, call: Call, answer: Callable[[Call], Answer]) -> Answer:
        """Answer calls of one method, and refuse the others."""
        if call.method == method:
            return answer(call)
        managed = self._environment.managed_instances
        return Answer(405, headers={} if managed else {"Allow": method})

    def _next(self, _call: Call) -> Answer:
        """Give the next invocation when there is one."""
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
        return Answer(200, work.event, "application/json", headers)

    def _end(self, call: Call) -> Answer:
        """Take a response, or an error, of the invocation that runs."""
        found = _ENDED.fullmatch(call.path)
        with self._environment.changed:
            work = self._running
            if found is None or work is None or work.request_id != found[1]:
                return error_answer(400, "InvalidRequestID", "Invalid request ID")
            if work.response is not None:
                kind = "InvocationErrorResponse" if found[2] == "error" else "InvocationResponse"
                words = (
                    f"State transition from RuntimeResponseSentState to {kind} failed for runtime. "
                    "Error: State transition is not allowed"
                )
                return error_answer(403, "InvalidStateTransition", words)
            work.response, work.failed = call.body, found[2] == "error"
            self._environment.changed.notify_all()
        return json_answer(202, {"status": "OK"})

    def _init_error(self, call: Call) -> Answer:
        """Take the news that the function cannot start."""
        with self._environment.changed:
            self.init_error = call.body
            self._environment.changed.notify_all()
        return json_answer(202, {"status": "OK"})
