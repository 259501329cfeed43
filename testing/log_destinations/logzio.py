"""A Logz.io bulk listener.

Sources: docs.logz.io, "Bulk uploads over HTTP/S" for request, limits and answers, and "Invalid
logs" for what is accepted but kept as `logzio-invalid-log`.
"""

import json
from collections import Counter
from typing import Any

from testing.log_destinations.arrival import Head, Judgement, Reply
from testing.log_destinations.content import UnreadableError, lines_of, parsed
from testing.log_destinations.destination import LogDestination

_LINE_BYTES = 500_000
_VALUE_CHARACTERS = 32_700
_DEPTH = 10
_FIELDS = 1_000


class LogzioDestination(LogDestination):
    """Logz.io: NDJSON by POST to `/`, the token in the query; a record is an object.

    A body in which lines are wrong is taken in part and answered 400 with the four counts.
    """

    name = "logzio"
    documented_max_body_bytes = 10_485_760
    media_types = frozenset({"text/plain", "application/json", "application/x-ndjson"})

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables with which the extension sends here."""
        return {
            "LOGS_DESTINATION": self.name,
            "LOGZIO_LISTENER": self.url,
            "LOGZIO_LOGS_TOKEN": self.token,
        }

    def is_address(self, path: str) -> bool:
        """Tell whether there is something to post to under a path."""
        return path in ("", "/")

    def is_authorized(self, head: Head) -> bool:
        """Tell whether a request carries the right token, in the query."""
        return head.query.get("token") == self.token

    def judge(self, head: Head, content: bytes) -> Judgement:  # noqa: ARG002 the other ones do
        """Decide about each line."""
        counts: Counter[str] = Counter()
        records: list[dict[str, Any]] = []
        invalid: list[str] = []
        for number, line in enumerate(lines_of(content), 1):
            record = self._record(line, counts)
            if record is not None:
                records.append(record)
                invalid += [f"line {number}: {words}" for words in _not_indexed(record, len(line))]
        bad = sum(counts.values())
        return Judgement(
            Reply(200) if not bad else _partly(len(records), counts),
            records=tuple(records),
            refused=bad,
            invalid=tuple(invalid),
        )

    def _record(self, line: bytes, counts: Counter[str]) -> dict[str, Any] | None:
        """Read a line; None, and a count more, where it is not taken."""
        if not line.strip():
            counts["emptyLogLines"] += 1
            return None
        if len(line) > _LINE_BYTES:
            counts["oversizedLines"] += 1
            return None
        try:
            record = parsed(line)
        except UnreadableError:
            record = None
        if not isinstance(record, dict) or self.refuses(record):
            counts["malformedLines"] += 1
            return None
        return record


def _partly(successful: int, counts: Counter[str]) -> Reply:
    """Answer a body of which lines were wrong."""
    names = ("malformedLines", "oversizedLines", "emptyLogLines")
    words = {"successfulLines": successful} | {name: counts[name] for name in names}
    return Reply(400, json.dumps(words).encode(), {"Content-Type": "application/json"})


def _not_indexed(record: dict[str, Any], size: int) -> list[str]:
    """Say for what a record would become a `logzio-invalid-log`.

    Args:
        record: The record.
        size: Size of its line in bytes: values and names cannot be longer, nor be more.
    """
    found = []
    if not isinstance(record.get("@timestamp"), str):
        found.append("@timestamp is missing")
    if _depth(record) > _DEPTH:
        found.append(f"deeper than {_DEPTH}")
    if size > _FIELDS and _fields(record) > _FIELDS:
        found.append(f"more than {_FIELDS} fields")
    if size > _VALUE_CHARACTERS and _longest(record) > _VALUE_CHARACTERS:
        found.append(f"a value of more than {_VALUE_CHARACTERS} characters")
    return found


def _depth(value: Any) -> int:
    """Count the levels of objects and arrays; a flat record has one."""
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0


def _fields(value: Any) -> int:
    """Count the fields of objects on all levels."""
    if isinstance(value, dict):
        return len(value) + sum(map(_fields, value.values()))
    return sum(map(_fields, value)) if isinstance(value, list) else 0


def _longest(value: Any) -> int:
    """Give the number of characters of the longest string, as Java counts: in UTF-16 units."""
    if isinstance(value, str):
        return len(value.encode("utf-16-le", "surrogatepass")) // 2
    several = value.values() if isinstance(value, dict) else value
    return max(map(_longest, several), default=0) if isinstance(value, dict | list) else 0
