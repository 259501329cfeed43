"""What comes to a log destination and what is answered, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a request.

    Attributes:
        raw: The bytes as they came, to the empty line that ends them.
        method: HTTP method.
        path: Path without the query, as it was sent.
        query: Decoded names to values; of a repeated name the last one.
        headers: Header names in lower case to values; repeated ones joined with ", ".
    """

    raw: bytes = field(repr=False)
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]

    @property
    def media_type(self) -> str:
        """The content type without its parameters, in lower case; empty where there is none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole HTTP answer.

    Attributes:
        status: HTTP status.
        body: Body; none with 204 and 304.
        headers: Further headers.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a destination that behaves makes of a request.

    Attributes:
        reply: What it answers.
        records: What it takes, in the order of the body.
        refused: How many records it does not take.
        violations: What the sender has got wrong, in words.
        invalid: What is taken, but cannot be indexed as it is, in words.
    """

    reply: Reply
    records: tuple[Any, ...] = ()
    refused: int = 0
    violations: tuple[str, ...] = ()
    invalid: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request, as far as it has come.

    Attributes:
        number: Order of arrival at the destination, from 1.
        connection: Number of the connection it came over, from 1.
        head: Its head.
        begun: Monotonic seconds when the head was in; the clock is the same for all processes.
        body_bytes: Size of the body as it was sent, compressed perhaps.
        content_bytes: Size of the body before compression; 0 where it cannot be read.
        records: The good records in it, as `keep` made them; none where only counts are kept.
        count: How many good records are in it.
        refused: How many records the destination does not take.
        violations: What the sender has got wrong, in words.
        invalid: What would be taken, but not indexed as it is, in words.
        stored: Whether the good records were taken.
        status: The HTTP status that was answered; 0 where there was no whole answer (yet).
        answered: Monotonic seconds just before the first byte of the answer; None without one.
    """

    number: int
    connection: int
    head: Head
    begun: float
    body_bytes: int = 0
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
    def acknowledged(self) -> bool:
        """Whether the good records were taken and an answer was on its way that is no error.

        An answer that counts refused records (Logz.io's 400) acknowledges the other ones.
        """
        return self.stored and self.status != 0
