"""An OpenObserve server.

Sources: openobserve.ai/docs, "Logs Ingestion - JSON" for request and answer, and "Environment
variables" for the limits (`ZO_INGEST_ALLOWED_UPTO`, `ZO_INGEST_ALLOWED_IN_FUTURE`,
`ZO_COLS_PER_RECORD_LIMIT`, `ZO_INGEST_FLATTEN_LEVEL`).
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Unpack

from testing.http_server import Reply, Request
from testing.log_destinations.content import UnreadableError, has_lone_surrogate, parsed
from testing.log_destinations.destination import LogDestination, Options

_COLUMNS = 200
_FLATTENED_LEVELS = 3
_OLDEST_HOURS = 5
_NEWEST_HOURS = 24
_MICROSECONDS_PER_HOUR = 3_600_000_000


class OpenObserveDestination(LogDestination):
    """OpenObserve: a JSON array by POST to `/api/{org}/{stream}/_json`; a record is an object.

    Answers 200 also where records failed; the answer counts them.

    Args:
        clock: Seconds since the epoch; records are refused that are too old.
        options: See `Options`.

    Attributes:
        organization: The organization that exists.
        stream: The stream that exists.
        token: The whole value of the header `Authorization`.
    """

    name = "openobserve"
    documented_max_body_bytes = 209_715_200
    media_types = frozenset({"application/json"})

    def __init__(
        self, *, clock: Callable[[], float] = time.time, **options: Unpack[Options]
    ) -> None:
        self.organization = "local"
        self.stream = "default"
        self.token = "Basic bG9jYWw6bG9jYWw="
        self._clock = clock
        super().__init__(**options)

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables with which the extension sends here."""
        return {
            "LOGS_DESTINATION": self.name,
            "O2_ENDPOINT": self.url,
            "O2_ORGANIZATION_ID": self.organization,
            "O2_STREAM": self.stream,
            "O2_AUTHORIZATION_HEADER": self.token,
        }

    @property
    def path(self) -> str:
        """The path that records are posted to."""
        return f"/api/{self.organization}/{self.stream}/_json"

    def is_authorized(self, request: Request) -> bool:
        """Return whether a request carries the right token."""
        return request.headers.get("authorization") == self.token

    def read(self, content: bytes) -> Iterator[tuple[Any, str | None]]:
        """Yield each record."""
        body = parsed(content)
        if not isinstance(body, list):
            raise UnreadableError("the body is no array")
        if has_lone_surrogate(body):
            raise UnreadableError("the body holds half of a surrogate pair")
        for record in body:
            yield record, self._why_failed(record)

    def reply_to(self, accepted: int, mistakes: Sequence[str]) -> Reply:
        """Return 200 with the counts, and the first mistake."""
        counts = {"name": self.stream, "successful": accepted, "failed": len(mistakes)}
        if mistakes:
            counts["error"] = mistakes[0]
        reply = json.dumps({"code": 200, "status": [counts]}).encode()
        return Reply(200, {"Content-Type": "application/json"}, reply)

    def _why_failed(self, record: Any) -> str | None:
        """Return why a record is not accepted; None: it is."""
        if not isinstance(record, dict):
            return "it is no object"
        timestamp = record.get("_timestamp")
        if not isinstance(timestamp, int) or isinstance(timestamp, bool):
            return "_timestamp is no whole number"
        hours = (timestamp - self._clock() * 1e6) / _MICROSECONDS_PER_HOUR
        if hours < -_OLDEST_HOURS:
            return f"too old, or not in microseconds: {_OLDEST_HOURS} hours are allowed"
        if hours > _NEWEST_HOURS:
            return f"in the future, or not in microseconds: {_NEWEST_HOURS} hours are allowed"
        if _columns(record, _FLATTENED_LEVELS) > _COLUMNS:
            return f"more than {_COLUMNS} columns"
        return None


def _columns(record: dict[str, Any], levels: int) -> int:
    """Count the columns of a record, in which objects are flattened to a number of levels."""
    return sum(
        _columns(value, levels - 1) if isinstance(value, dict) and value and levels > 0 else 1
        for value in record.values()
    )
