"""Stand-ins for what surrounds the extension's modules in unit tests.

A clock, a destination, a network and a log. None of them needs the network.
"""

import json
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from extension.buffer import Buffer, RecordAccount
from extension.clocks import Clocks
from extension.destinations.destination import Destination
from extension.destinations.responses import BatchResult, Meaning
from extension.http_client import HttpClient, Request, Response
from extension.own_log import OwnLog
from extension.records import LogRecord

LONG = 60.0
"""Seconds after which a test gives up waiting for what must happen."""
WALL = 1_725_012_000.125


class ShiftedTime:
    """A monotonic clock that can run slowly, and leap ahead.

    A busy machine that stands still for 2 s costs 0.2 s of a clock with a pace of 0.1.

    Args:
        pace: The clock's seconds in a second.
    """

    def __init__(self, pace: float = 1.0) -> None:
        self._pace = pace
        self._ahead = 0.0

    def __call__(self) -> float:
        """Return the seconds."""
        return time.monotonic() * self._pace + self._ahead

    def leap(self, seconds: float, *conditions: threading.Condition) -> None:
        """Leap ahead, and wake up the threads that wait for these conditions."""
        self._ahead += seconds
        for condition in conditions:
            with condition:
                condition.notify_all()


def clocks_with(monotonic: Callable[[], float] = time.monotonic) -> Clocks:
    """Return clocks whose wall clock stands still at `WALL`."""
    return Clocks(monotonic, lambda: WALL, time.sleep)


class Written:
    """A log that keeps its lines.

    Args:
        level: As `EXTENSION_LOG_LEVEL`.
    """

    def __init__(self, level: str = "warn") -> None:
        self.lines: list[str] = []
        self.log = OwnLog(self.lines.append, level)

    @property
    def text(self) -> str:
        """All lines."""
        return "".join(self.lines)


def function_line(text: str) -> LogRecord:
    """Return a record of a function's line."""
    return LogRecord("2024-08-30T10:00:00.123Z", "function", text, None, None)


def lines(first: int, last: int) -> list[bytes]:
    """Return numbered encoded records."""
    return [b'{"n":%d}' % number for number in range(first, last + 1)]


class LinesDestination(Destination):
    """Takes NDJSON and interprets only the status.

    Args:
        largest: `max_body_bytes`.
        renewals: What `renew` returns, one after the other; then False.
        renewable: Whether there may be a newer token at all.
    """

    name = "lines"
    types = frozenset({"function"})

    def __init__(
        self,
        largest: int = 1_000_000,
        renewals: Sequence[bool] = (),
        *,
        renewable: bool = False,
    ) -> None:
        self.max_body_bytes = largest
        self.renewable = renewable
        self._renewals = list(renewals)
        self.renewed = 0

    def encode(self, record: LogRecord) -> bytes:
        """Encode the type and the record."""
        return json.dumps({"type": record.type, "record": record.record}).encode()

    def request(self, encoded: Sequence[bytes]) -> Request:
        """Write one record in each line."""
        return Request(*self._addressed(""), b"\n".join(encoded))

    def _addressed(self, token: str) -> tuple[str, dict[str, str]]:
        del token
        return "http://lines.invalid/", {}

    def interpret(self, response: Response, count: int) -> BatchResult:
        """Interpret the status; the body of a 200 is the number of records that were refused."""
        del count
        if response.status == 200:
            return BatchResult(Meaning.SENT, int(response.body or b"0"), detail="some are bad")
        if response.status == 413:
            return BatchResult(Meaning.HALVE, detail="too large")
        if response.status == 401:
            return BatchResult(Meaning.STOP, detail="HTTP 401")
        if response.status in (429, 503):
            after = response.headers.get("retry-after")
            wait, detail = float(after) if after else None, f"HTTP {response.status}"
            return BatchResult(Meaning.RETRY, 0, wait, detail, too_fast=response.status == 429)
        return BatchResult(Meaning.REFUSED, detail=f"HTTP {response.status}")

    def renew(self) -> bool:
        """Return whether there is a newer token."""
        self.renewed += 1
        return self._renewals.pop(0) if self._renewals else False


OK = Response(200, {}, b"")


def status(code: int, body: bytes = b"", **headers: str) -> Response:
    """Return a response; underscores in the names of headers are hyphens."""
    return Response(code, {name.replace("_", "-"): value for name, value in headers.items()}, body)


class ScriptedClient(HttpClient):
    """A network with scripted responses; safe for several threads.

    Args:
        script: The result of each exchange in turn: a response, an error, or a function of the
            lines that were posted which returns one of both; after the last one it is `OK`.
        clock: For `times`.
    """

    def __init__(self, *script: Any, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self.script = list(script)
        self._changed = threading.Condition()
        self.abandoned = threading.Event()
        self.posts: list[list[bytes]] = []
        self.seconds: list[float] = []
        self.times: list[float] = []
        self.acknowledged: list[bytes] = []

    def send(self, request: Request, seconds: float) -> Response:
        """Play the next step of the script."""
        posted = request.body.split(b"\n")
        with self._changed:
            self.posts.append(posted)
            self.seconds.append(seconds)
            self.times.append(self._clock())
            step = self.script.pop(0) if self.script else OK
            self._changed.notify_all()
        result = step(posted) if callable(step) else step
        if isinstance(result, Exception):
            raise result
        assert isinstance(result, Response)
        if result.status == 200:
            with self._changed:
                self.acknowledged += posted
                self._changed.notify_all()
        return result

    def abandon(self, after: float = 0.0) -> None:
        """Set the event `abandoned` once nothing is left of the time of an exchange."""
        if after <= 0:
            self.abandoned.set()

    def wait_for_posts(self, count: int) -> None:
        """Wait until there were this many requests."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.posts) >= count, LONG), self.posts


def is_balanced(account: RecordAccount) -> bool:
    """Return whether every record is accounted for."""
    return account.received == account.sent + sum(account.dropped.values()) + account.pending


def wait_for_account(buffer: Buffer, holds: Callable[[RecordAccount], bool]) -> None:
    """Wait for a condition of an account; fail with the account if it does not come."""
    with buffer.changed:
        assert buffer.changed.wait_for(lambda: holds(buffer.account()), LONG), buffer.account()
