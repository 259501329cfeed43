"""The calls of extensions and functions, the log of them, and the replies of the services."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from testing.http_server import Reply, Request

JSON = {"Content-Type": "application/json"}
TEXT = {"Content-Type": "text/plain; charset=utf-8"}
RESET = Reply(0, reset="before_answer")


def json_reply(status: int, content: Any, headers: Mapping[str, str] | None = None) -> Reply:
    """Make a reply as Go's `json.Encoder` writes it: compact, and with a line end."""
    body = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
    return Reply(status, {**JSON, **(headers or {})}, body)


def error_reply(status: int, kind: str, message: str) -> Reply:
    """Make the reply that names an error (Extensions API, "API reference")."""
    return json_reply(status, {"errorMessage": message, "errorType": kind})


@dataclass(slots=True, eq=False)
class Call:
    """One call of an extension or a function.

    Attributes:
        request: The HTTP request.
        status: Status of the reply; 0 for a reset, None while the call waits.
    """

    request: Request
    status: int | None = None


class CallLog:
    """Every call so far, in order of arrival; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: dict[int, Call] = {}

    def add(self, request: Request) -> None:
        """Log a call that has just arrived."""
        with self._lock:
            self._calls[request.number] = Call(request)

    def answered(self, request: Request, status: int) -> None:
        """Log the status of the reply to a call."""
        with self._lock:
            self._calls[request.number].status = status

    def of(self, ending: str) -> list[Call]:
        """Return the calls whose path ends with `ending`, such as `/event/next`."""
        with self._lock:
            calls = list(self._calls.values())
        return [call for call in calls if call.request.path.endswith(ending)]

    def count(self, ending: str) -> int:
        """Count the calls whose path ends with `ending`."""
        return len(self.of(ending))
