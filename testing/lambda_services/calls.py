"""The calls of extensions and functions, the log of them, and the replies of the services."""

import json
import threading
from collections.abc import Mapping
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


class CallLog:
    """Every call so far, in order of arrival; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: dict[int, tuple[str, int | None]] = {}

    def note(self, request: Request, status: int | None = None) -> None:
        """Log a call, or its reply; a status of 0 is a reset, None that the call waits."""
        with self._lock:
            self._calls[request.number] = (request.path, status)

    def statuses(self, ending: str) -> list[int | None]:
        """Return the status of each call whose path ends with `ending`, such as `/event/next`."""
        with self._lock:
            return [status for path, status in self._calls.values() if path.endswith(ending)]

    def count(self, ending: str) -> int:
        """Count the calls whose path ends with `ending`."""
        return len(self.statuses(ending))
