"""How a destination treats a request otherwise than by answering it well at once."""

import enum
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from testing.log_destinations.arrival import Arrival, Reply


class Manner(enum.Enum):
    """How a request ends."""

    ANSWER = "answer"
    """With a whole answer."""
    STALL = "stall"
    """The request is read, and never answered."""
    STALL_UNREAD = "stall unread"
    """The head is read and nothing after it, so a large body cannot even be sent."""
    DRIP_HEAD = "drip head"
    """A header that never ends, byte by byte."""
    DRIP_BODY = "drip body"
    """A whole head that says 200, and a body that never ends, byte by byte."""
    RESET = "reset"
    """The connection is reset (RST) once the request is read."""
    CLOSE = "close"
    """The connection is closed (FIN) once the request is read, without an answer."""


@dataclass(frozen=True, slots=True)
class Treatment:
    """What is done with one request; without arguments: it is answered well.

    Attributes:
        manner: How it ends.
        reply: What is answered; None: what the destination says of the request.
        stores: Whether the good records are taken before that. An exchange that breaks after
            it makes the sender send twice.
        delay_seconds: Time between the end of the request and what `manner` says.
        drip_seconds: Time between two bytes of an answer that drips.
    """

    manner: Manner = Manner.ANSWER
    reply: Reply | None = None
    stores: bool = True
    delay_seconds: float = 0.0
    drip_seconds: float = 0.01


Chooser = Callable[[Arrival], Treatment | None]
"""Chooses by the head how a request is treated; None: well. Called from several threads."""


def status(
    code: int,
    body: bytes = b"",
    *,
    headers: Mapping[str, str] | None = None,
    retry_after: int | None = None,
) -> Treatment:
    """Answer with a status of one's own and take nothing.

    Args:
        code: HTTP status; with 2xx the records count as not taken all the same.
        body: Body of the answer.
        headers: Further headers.
        retry_after: Seconds for the header `Retry-After`.
    """
    further = dict(headers or {})
    if retry_after is not None:
        further["Retry-After"] = str(retry_after)
    return Treatment(reply=Reply(code, body, further), stores=False)


def redirected(url: str, code: int = 307) -> Treatment:
    """Send the sender elsewhere; 307 and 308 ask for the same body there."""
    return status(code, headers={"Location": url})


def delayed(seconds: float) -> Treatment:
    """Answer well, some time after the request: a longer way, or a busy destination."""
    return Treatment(delay_seconds=seconds)


def stalled(*, reads: bool = True) -> Treatment:
    """Never answer.

    Args:
        reads: Whether the body is read.
    """
    return Treatment(Manner.STALL if reads else Manner.STALL_UNREAD, stores=False)


def dripping(gap_seconds: float, *, head: bool = True) -> Treatment:
    """Answer a byte at a time, without an end, so that no single wait is ever long.

    Args:
        gap_seconds: Time between two bytes.
        head: Whether it is a header that never ends; else the body does not.
    """
    manner = Manner.DRIP_HEAD if head else Manner.DRIP_BODY
    return Treatment(manner, stores=False, drip_seconds=gap_seconds)


def reset(*, stores: bool = False) -> Treatment:
    """Reset the connection once the request is read.

    Args:
        stores: Whether the records are taken all the same.
    """
    return Treatment(Manner.RESET, stores=stores)


def closed(*, stores: bool = False) -> Treatment:
    """Close the connection without an answer once the request is read.

    Args:
        stores: Whether the records are taken all the same.
    """
    return Treatment(Manner.CLOSE, stores=stores)


class RateLimit:
    """A healthy destination that takes so many bytes a second and answers 429 to more.

    Args:
        bytes_per_second: Rate, in bytes of the bodies as they are sent.
        burst_bytes: How much is taken at once after a rest; a larger body never is.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        bytes_per_second: float,
        burst_bytes: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate = bytes_per_second
        self._burst = burst_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._left = burst_bytes
        self._filled_at = clock()

    def __call__(self, arrival: Arrival) -> Treatment | None:
        """Choose for one request; `Retry-After` says when it would be taken."""
        size = int(arrival.head.headers.get("content-length", "0"))
        with self._lock:
            now = self._clock()
            self._left = min(self._burst, self._left + (now - self._filled_at) * self._rate)
            self._filled_at = now
            if size <= self._left:
                self._left -= size
                return None
            wait = (size - self._left) / self._rate
        return status(429, b"rate limit exceeded", retry_after=max(1, math.ceil(wait)))
