"""How a destination treats a request otherwise than by a good reply at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from testing.http_server import Reply
from testing.log_destinations.arrival import Arrival

# More bytes than anybody waits for, one by one.
_ENDLESS = 1_000_000


@dataclass(frozen=True, slots=True)
class Treatment:
    """What is done with one request; without arguments it gets the good reply.

    Attributes:
        reply: The reply, which may misbehave; None: what the destination makes of the request.
        stores: Whether the good records are accepted before that. If the exchange breaks then,
            the sender sends twice.
        reads: Whether the body is read; if not, a large one cannot even be sent.
        delay_seconds: Time between the end of the request and the good reply.
    """

    reply: Reply | None = None
    stores: bool = True
    reads: bool = True
    delay_seconds: float = 0.0


Chooser = Callable[[Arrival], Treatment | None]
"""Chooses by the headers how a request is treated; None: well. Called from several threads."""


def status(
    code: int,
    body: bytes = b"",
    *,
    headers: Mapping[str, str] | None = None,
    retry_after: int | None = None,
) -> Treatment:
    """Reply with a status and accept nothing.

    Args:
        code: HTTP status; with 2xx, too, the records count as not accepted.
        body: Body of the reply.
        headers: Further headers.
        retry_after: Seconds for the header `Retry-After`.
    """
    further = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Treatment(Reply(code, {**(headers or {}), **further}, body), stores=False)


def redirected(url: str, code: int = 307) -> Treatment:
    """Redirect the sender; 307 and 308 ask for the same body there."""
    return status(code, headers={"Location": url})


def delayed(seconds: float) -> Treatment:
    """Reply well, some time after the request: a longer way, or a busy destination."""
    return Treatment(delay_seconds=seconds)


def stalled(*, reads: bool = True) -> Treatment:
    """Never reply, with or without reading the body."""
    return Treatment(Reply(stall=True), stores=False, reads=reads)


def dripping(gap_seconds: float, *, head: bool = True) -> Treatment:
    """Reply a byte at a time, practically without an end, so that no single wait is ever long.

    Args:
        gap_seconds: Time between two bytes.
        head: Whether it is a header that never ends; else the body does not.
    """
    endless = "x" * _ENDLESS
    headers, body = ({"X-Endless": endless}, b"") if head else ({}, endless.encode())
    return Treatment(Reply(200, headers, body, drip_seconds=gap_seconds), stores=False)


def reset(*, stores: bool = False) -> Treatment:
    """Reset the connection (RST) once the request is read, with the records accepted or not."""
    return Treatment(Reply(reset="before_answer"), stores=stores)


def closed(*, stores: bool = False) -> Treatment:
    """Close the connection (FIN) once the request is read, with the records accepted or not."""
    return Treatment(Reply(hang_up=True), stores=stores)
