"""What arrives at a log destination, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from testing.http_server import Reply, Request


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a destination that behaves makes of a request.

    Attributes:
        reply: How it replies.
        records: The records that it accepts, in the order of the body.
        refused: How many records it does not accept.
        violations: Mistakes of the sender, in words.
        invalid: What is accepted, but cannot be indexed as it is, in words.
    """

    reply: Reply
    records: tuple[Any, ...] = ()
    refused: int = 0
    violations: tuple[str, ...] = ()
    invalid: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request, as far as it has arrived.

    Attributes:
        request: The request; its body only where `records` are kept as they are.
        content_bytes: Size of the body before compression; 0 if it cannot be read.
        records: The good records in it, as `keep` made them; none if only counts are kept.
        count: How many good records are in it.
        refused: How many records the destination does not accept.
        violations: Mistakes of the sender, in words.
        invalid: What is accepted, but cannot be indexed as it is, in words.
        stored: Whether the good records were accepted.
        status: The HTTP status of the reply; 0 if there was no whole reply (yet).
        answered: Monotonic seconds just before the first byte of the reply; None without one.
    """

    request: Request
    content_bytes: int = 0
    records: tuple[Any, ...] = field(default=(), repr=False)
    count: int = 0
    refused: int = 0
    violations: tuple[str, ...] = ()
    invalid: tuple[str, ...] = ()
    stored: bool = False
    status: int = 0
    answered: float | None = None

    @property
    def number(self) -> int:
        """Order of arrival at the destination, from 1."""
        return self.request.number

    @property
    def connection(self) -> int:
        """Number of the connection it came over, from 1."""
        return self.request.connection

    @property
    def begun(self) -> float:
        """Monotonic seconds when the headers were read; the same clock for all processes."""
        return self.request.begun

    @property
    def acknowledged(self) -> bool:
        """Whether the good records were accepted and the reply was no error.

        A reply that counts refused records (Logz.io's 400) acknowledges the other ones.
        """
        return self.stored and self.status != 0


def query_of(request: Request) -> Mapping[str, str]:
    """Return the decoded query of a request; of a repeated name the last value."""
    return dict(parse_qsl(urlsplit(request.target).query, keep_blank_values=True))
