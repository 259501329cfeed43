"""A BoilingData Data Tap.

Sources: the extension and the template of Data Taps (boilingdata), for the request and for how a
body is read; docs.aws.amazon.com/lambda, "Lambda quotas", for the size of a request to a Function
URL.
"""

from typing import Any

from testing.log_destinations.arrival import Head, Judgement, Reply
from testing.log_destinations.content import (
    UnreadableError,
    has_lone_surrogate,
    lines_of,
    parsed,
)
from testing.log_destinations.destination import LogDestination


class DataTapDestination(LogDestination):
    """A Data Tap: NDJSON by POST to a Function URL; a record is an object.

    It reads lines as DuckDB with `ignore_errors`: one that is wrong is lost, and the answer is 200
    all the same. It undoes no compression. So each wrong line is a violation here.
    """

    name = "datatap"
    documented_max_body_bytes = 6_291_456
    media_types = frozenset({"application/x-ndjson"})
    encodings = frozenset({"identity"})

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables with which the extension sends here."""
        return {
            "LOGS_DESTINATION": self.name,
            "BD_DATA_TAP_URL": f"{self.url}/",
            "BD_TAP_CLIENT_TOKEN": self.token,
        }

    def is_address(self, path: str) -> bool:
        """Tell whether there is something to post to under a path."""
        return path in ("", "/")

    def is_authorized(self, head: Head) -> bool:
        """Tell whether a request carries the right token."""
        return head.headers.get("x-bd-authorization") == self.token

    def judge(self, head: Head, content: bytes) -> Judgement:  # noqa: ARG002 the other ones do
        """Decide about each line."""
        records: list[dict[str, Any]] = []
        violations: list[str] = []
        refused = 0
        for number, line in enumerate(lines_of(content), 1):
            try:
                record = parsed(line)
            except UnreadableError as error:
                violations.append(f"line {number}: {error}")
                continue
            if not isinstance(record, dict) or has_lone_surrogate(record):
                violations.append(f"line {number} is no object that can be read")
            elif self.refuses(record):
                refused += 1
            else:
                records.append(record)
        return Judgement(
            Reply(200), tuple(records), refused + len(violations), violations=tuple(violations)
        )
