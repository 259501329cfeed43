"""An OpenObserve server.

Sources: openobserve.ai/docs, "Logs Ingestion - JSON" for requests and responses, and "Environment
variables" for the limits (`ZO_INGEST_ALLOWED_UPTO`, `ZO_INGEST_ALLOWED_IN_FUTURE`,
`ZO_COLS_PER_RECORD_LIMIT`, `ZO_INGEST_FLATTEN_LEVEL`).
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from testing.http_server import Reply
from testing.log_destinations.content import UnreadableError, has_lone_surrogate, parsed
from testing.log_destinations.destination import LogDestination

_COLUMNS = 200
_FLATTENED_LEVELS = 3
_OLDEST_HOURS = 5
_NEWEST_HOURS = 24
_MICROSECONDS_PER_HOUR = 3_600_000_000


class OpenObserveDestination(LogDestination):
    """OpenObserve: a JSON array by POST to `/api/{org}/{stream}/_json`; a record is an object.

    The reply is 200 also if records failed; it counts them. The token is the whole header.
    """

    name = "openobserve"
    path = "/api/local/default/_json"
    documented_max_body_bytes = 209_715_200
    media_types = frozenset({"application/json"})
    token = "Basic bG9jYWw6bG9jYWw="

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables with which the extension sends here."""
        return {
            "LOGS_DESTINATION": self.name,
            "O2_ENDPOINT": self.url,
            "O2_ORGANIZATION_ID": "local",
            "O2_STREAM": "default",
            "O2_AUTHORIZATION_HEADER": self.token,
        }

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
        counts = {"name": "default", "successful": accepted, "failed": len(mistakes)}
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
