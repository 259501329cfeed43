"""What a log record is once it has been read from the Telemetry API, and who produced it."""

from __future__ import annotations

from typing import Any, NamedTuple


class LogRecord(NamedTuple):
    """
    One event of the Telemetry API.

    Attributes:
        time: When the platform made it, ISO 8601 with milliseconds, as the platform wrote it.
        type: `function`, `extension` or `platform.…` (event schema reference, "Event types").
        record: The `record` member as JSON gave it: mostly a string or an object.
        request_id: The invocation that produced it, where that is known.
        level: The level in capitals, where the record says one.
    """

    time: str
    type: str
    record: Any
    request_id: str | None
    level: str | None


class FunctionIdentity(NamedTuple):
    """The function whose logs are shipped; what is not known is empty."""

    name: str
    version: str
    region: str
    account: str
