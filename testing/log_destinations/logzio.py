"""A Logz.io bulk listener.

Sources: docs.logz.io, "Bulk uploads over HTTP/S" for requests, limits and responses, and "Invalid
logs" for what is accepted but kept as `logzio-invalid-log`.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from testing.http_server import Reply, Request
from testing.log_destinations.arrival import query_of
from testing.log_destinations.content import UnreadableError, lines_of, parsed
from testing.log_destinations.destination import REFUSED, LogDestination

_LINE_BYTES = 500_000
_VALUE_CHARACTERS = 32_700
_DEPTH = 10
_FIELDS = 1_000
_COUNTS = ("malformedLines", "oversizedLines", "emptyLogLines")


class LogzioDestination(LogDestination):
    """Logz.io: NDJSON by POST to `/`, the token in the query; a record is an object.

    If lines of a body are wrong, the others are accepted; the reply is 400 with four counts.
    """

    name = "logzio"
    path = "/"
    documented_max_body_bytes = 10_485_760
    documented_mistakes = frozenset({REFUSED, *_COUNTS})
    media_types = frozenset({"text/plain", "application/json", "application/x-ndjson"})

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables with which the extension sends here."""
        return {
            "LOGS_DESTINATION": self.name,
            "LOGZIO_LISTENER": self.url,
            "LOGZIO_LOGS_TOKEN": self.token,
        }

    def is_authorized(self, request: Request) -> bool:
        """Return whether a request carries the right token, in the query."""
        return query_of(request).get("token") == self.token

    def read(self, content: bytes) -> Iterator[tuple[Any, str | None]]:
        """Yield the record in each line."""
        for line in lines_of(content):
            if not line.strip() or len(line) > _LINE_BYTES:
                yield None, "oversizedLines" if line.strip() else "emptyLogLines"
                continue
            try:
                record = parsed(line)
            except UnreadableError:
                record = None
            yield record, None if isinstance(record, dict) else "malformedLines"

    def reply_to(self, accepted: int, mistakes: Sequence[str]) -> Reply:
        """Return an empty 200, or the counts."""
        if not mistakes:
            return Reply(200)
        counts = Counter("malformedLines" if it == REFUSED else it for it in mistakes)
        words = {"successfulLines": accepted} | {name: counts[name] for name in _COUNTS}
        return Reply(400, {"Content-Type": "application/json"}, json.dumps(words).encode())

    def not_indexed(self, record: Any) -> list[str]:
        """Return for what a record would become a `logzio-invalid-log`."""
        depth, fields, longest = _measures(record)
        reasons = {
            "@timestamp is missing": not isinstance(record.get("@timestamp"), str),
            f"deeper than {_DEPTH}": depth > _DEPTH,
            f"more than {_FIELDS} fields": fields > _FIELDS,
            f"a value of more than {_VALUE_CHARACTERS} characters": longest > _VALUE_CHARACTERS,
        }
        return [words for words, applies in reasons.items() if applies]


def _measures(value: Any) -> tuple[int, int, int]:
    """Return levels of objects and arrays, fields on all levels, and the longest string.

    The length of a string is in UTF-16 units, as Java counts.
    """
    if isinstance(value, str):
        return 0, 0, len(value.encode("utf-16-le", "surrogatepass")) // 2
    if not isinstance(value, dict | list):
        return 0, 0, 0
    members = list(value.values()) if isinstance(value, dict) else value
    depths, fields, longest = zip(*map(_measures, members), strict=True) if members else ((0,),) * 3
    own = len(value) if isinstance(value, dict) else 0
    return 1 + max(depths), own + sum(fields), max(longest)
