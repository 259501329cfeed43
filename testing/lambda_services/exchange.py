"""What is asked of the services and what they answer, and the record of both."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the services.

    Attributes:
        status: HTTP status.
        body: Bytes of the body.
        content_type: Its media type; empty where there is no body.
        headers: Further headers.
        reset: Break the connection with RST instead of answering.
    """

    status: int
    body: bytes = b""
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    reset: bool = False


RESET = Answer(0, reset=True)


def json_answer(status: int, content: Any, headers: Mapping[str, str] | None = None) -> Answer:
    """Make an answer as Go's `json.Encoder` writes it: compact, and with a line end."""
    body = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
    return Answer(status, body, JSON, headers or {})


def error_answer(status: int, kind: str, message: str) -> Answer:
    """Make the answer that names an error (Extensions API, "API reference")."""
    return json_answer(status, {"errorMessage": message, "errorType": kind})


@dataclass(slots=True, eq=False)
class Call:
    """One call of an extension or a function.

    Attributes:
        at: When the request was there with its body, monotonic seconds.
        method: HTTP method.
        path: Path, without a query.
        headers: Headers; the names in lower case.
        body: Bytes of the body.
        status: What was answered; 0 for a reset, None while it waits.
        answered: When; monotonic seconds.
    """

    at: float
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    status: int | None = None
    answered: float | None = None


class CallLog:
    """Every call so far, in order of arrival; safe to use from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._calls: list[Call] = []

    def add(self, call: Call) -> None:
        """Note a call that has just arrived."""
        with self._changed:
            self._calls.append(call)
            self._changed.notify_all()

    def answered(self, call: Call, status: int, at: float) -> None:
        """Note what a call was answered with."""
        with self._changed:
            call.status, call.answered = status, at
            self._changed.notify_all()

    def of(self, ending: str) -> list[Call]:
        """Give the calls whose path ends so, `/event/next` for instance; all for an empty end."""
        with self._changed:
            return [call for call in self._calls if call.path.endswith(ending)]

    def count(self, ending: str) -> int:
        """Count the calls whose path ends so."""
        return len(self.of(ending))

    def wait_for(self, holds: Callable[[list[Call]], bool], seconds: float = 60.0) -> bool:
        """Wait until something holds for all calls so far; False where it did not in time."""
        with self._changed:
            return self._changed.wait_for(lambda: holds(list(self._calls)), seconds)
