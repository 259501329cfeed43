"""What a destination is to the delivery: how it writes records, and how it reads answers."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from extension.records import LogRecord


class Request(NamedTuple):
    """One request, usually a POST; `body` is compressed already where `headers` say so."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"


class Response(NamedTuple):
    """What a destination answered; the names of `headers` are in lower case, `body` may be cut."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Meaning(Enum):
    """What an answer means for the batch that was sent."""

    SENT = "sent"
    """The batch is there, except for the records that `BatchResult.refused` counts."""
    HALVE = "halve"
    """The batch is too large: both halves are sent instead; one record alone is dropped."""
    STOP = "stop"
    """The token is refused: nothing more is sent to this destination."""
    RETRY = "retry"
    """The batch stays queued and is sent again later."""
    REFUSED = "refused"
    """The batch will never be accepted; it is dropped, and counted."""


class BatchResult(NamedTuple):
    """
    What an answer means, and what it says beside that.

    Attributes:
        meaning: What to do with the batch.
        refused: How many records of a batch that is `SENT` were not taken.
        retry_after: Seconds that the destination asks to wait, where it does.
        detail: One short clause for the extension's own log, without a token or a user's line.
    """

    meaning: Meaning
    refused: int = 0
    retry_after: float | None = None
    detail: str = ""


class RetrySettings(NamedTuple):
    """
    How patient a destination is asked to be; no time is longer than the budget of a flush.

    Attributes:
        request_timeout_ms: For one exchange, in milliseconds.
        max_retries: How often a batch is sent again within one flush.
        initial_delay_ms: Before the first retry, in milliseconds.
        max_delay_ms: Before any retry, in milliseconds.
    """

    request_timeout_ms: int
    max_retries: int
    initial_delay_ms: int
    max_delay_ms: int


class Destination(Protocol):
    """
    One place that records are sent to.

    Attributes:
        name: As `LOGS_DESTINATION` names it.
        default_types: What is shipped where `TELEMETRY_TYPES` is not set: some of
            `function`, `platform`, `extension`.
        max_body_bytes: How large a body may be before compression.
        retry_settings: Times that its own variables set, where it has any.
    """

    name: str
    default_types: frozenset[str]
    max_body_bytes: int
    retry_settings: RetrySettings | None

    @property
    def renewable(self) -> bool:
        """Whether a token that is refused may be replaced."""

    def encode(self, record: LogRecord) -> bytes:
        """
        Return a record as it stands in a body; within the limits of the destination.

        Any value that JSON can hold is accepted, and this never raises.
        """

    def request(self, encoded: Sequence[bytes]) -> Request:
        """
        Return the POST for some encoded records, of which there is at least one.

        Raises:
            SecretError: The token is in a secret store that does not give it.
        """

    def interpret(self, answer: Response, count: int) -> BatchResult:
        """Return what an answer to a request with `count` records means."""

    def renew(self) -> bool:
        """After `STOP`: look for a newer token; tell whether there is one."""
