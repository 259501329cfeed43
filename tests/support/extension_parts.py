"""What stands around the extension's modules in unit tests: time, a destination, a network, a log.

Each really behaves as the part that it stands for; none needs the network.
"""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

from extension.clocks import Clocks
from extension.destinations.destination import BatchResult, Destination, Meaning
from extension.messages import Request, Response
from extension.own_log import OwnLog
from extension.records import LogRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from extension.account import Account
    from extension.buffer import Buffer
    from extension.destinations.destination import RetrySettings

LONG = 60.0
"""Seconds after which a test gives up waiting for what must happen."""
WALL = 1_725_012_000.125


class ShiftedTime:
    """
    A monotonic clock that goes slower than time does, and leaps where a test does not want to wait.

    A machine that stands still for two seconds costs 0.2 of a clock that goes a tenth as fast.

    Args:
        pace: Its seconds in a second.
    """

    def __init__(self, pace: float = 1.0) -> None:
        self._pace = pace
        self._ahead = 0.0

    def __call__(self) -> float:
        """Return the seconds."""
        return time.monotonic() * self._pace + self._ahead

    def leap(self, seconds: float, *told: threading.Condition) -> None:
        """Go on at once, and wake up who waits."""
        self._ahead += seconds
        for condition in told:
            with condition:
                condition.notify_all()


def clocks_with(monotonic: Callable[[], float] = time.monotonic) -> Clocks:
    """Return clocks whose wall stands still at `WALL`."""
    return Clocks(monotonic, lambda: WALL, time.sleep)


class Written:
    """What the extension said.

    Args:
        level: As `EXTENSION_LOG_LEVEL`.
    """

    def __init__(self, level: str = "warn") -> None:
        self.lines: list[str] = []
        self.log = OwnLog(self.lines.append, level)

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self.lines)


def function_line(text: str) -> LogRecord:
    """Return a record as a function's line makes it."""
    return LogRecord("2024-08-30T10:00:00.123Z", "function", text, None, None)


def lines(first: int, last: int) -> list[bytes]:
    """Return encoded records with numbers in their order."""
    return [b'{"n":%d}' % number for number in range(first, last + 1)]


class LinesDestination(Destination):
    """Takes NDJSON and judges by the status alone.

    Args:
        largest: `max_body_bytes`.
        renewals: What `renew` tells, one after the other; then False.
        renewable: Whether there may be a newer token at all.
    """

    name = "lines"
    default_types = frozenset({"function"})
    retry_settings: RetrySettings | None = None

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
        """Write what a test looks for."""
        return json.dumps({"type": record.type, "record": record.record}).encode()

    def request(self, encoded: Sequence[bytes]) -> Request:
        """Write one record in each line."""
        return Request("http://lines.invalid/", {}, b"\n".join(encoded))

    def interpret(self, answer: Response, count: int) -> BatchResult:
        """Judge; the body of a 200 is the number of records that were not taken."""
        del count
        if answer.status == 200:
            return BatchResult(Meaning.SENT, int(answer.body or b"0"), detail="some are bad")
        if answer.status == 413:
            return BatchResult(Meaning.HALVE, detail="too large")
        if answer.status == 401:
            return BatchResult(Meaning.STOP, detail="HTTP 401")
        if answer.status == 503:
            after = answer.headers.get("retry-after")
            return BatchResult(Meaning.RETRY, 0, float(after) if after else None, "HTTP 503")
        return BatchResult(Meaning.REFUSED, detail=f"HTTP {answer.status}")

    def renew(self) -> bool:
        """Tell what the test has said."""
        self.renewed += 1
        return self._renewals.pop(0) if self._renewals else False


OK = Response(200, {}, b"")


def status(code: int, body: bytes = b"", **headers: str) -> Response:
    """Return an answer; underscores in the names of headers are hyphens."""
    return Response(code, {name.replace("_", "-"): value for name, value in headers.items()}, body)


class ScriptedExchanges:
    """A network that answers as it is told; safe for several threads.

    Args:
        script: What comes of each exchange in turn: an answer, an error, or a function of
            the lines that were posted which gives one of both; afterwards everything is `OK`.
        clock: For `times`.
    """

    def __init__(self, *script: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self._script = list(script)
        self._clock = clock
        self._changed = threading.Condition()
        self._abandoned = threading.Event()
        self.posts: list[list[bytes]] = []
        self.seconds: list[float] = []
        self.times: list[float] = []
        self.acknowledged: list[bytes] = []

    def post(self, request: Request, seconds: float) -> Response:
        """Do what the script says."""
        posted = request.body.split(b"\n")
        with self._changed:
            self.posts.append(posted)
            self.seconds.append(seconds)
            self.times.append(self._clock())
            step = self._script.pop(0) if self._script else OK
            self._changed.notify_all()
        outcome = step(posted) if callable(step) else step
        if isinstance(outcome, Exception):
            raise outcome
        assert isinstance(outcome, Response)
        if outcome.status == 200:
            with self._changed:
                self.acknowledged += posted
                self._changed.notify_all()
        return outcome

    def abandon(self) -> None:
        """Release who waits in `until_abandoned`."""
        self._abandoned.set()

    def until_abandoned(self, error: Exception) -> Callable[[list[bytes]], Exception]:
        """Return a step that lasts until the exchange is abandoned, and fails then."""

        def step(_posted: list[bytes]) -> Exception:
            assert self._abandoned.wait(LONG)
            self._abandoned.clear()
            return error

        return step

    def wait_for_posts(self, count: int) -> None:
        """Wait until there were so many."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.posts) >= count, LONG), self.posts


def wait_for_account(buffer: Buffer, holds: Callable[[Account], bool]) -> None:
    """Wait until an account is as it should be; fail with the account otherwise."""
    with buffer.changed:
        assert buffer.changed.wait_for(lambda: holds(buffer.account()), LONG), buffer.account()
