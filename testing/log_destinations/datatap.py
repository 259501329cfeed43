"""A BoilingData Data Tap.

Sources: the extension and the template of Data Taps (boilingdata), for the request and for how a
body is read; docs.aws.amazon.com/lambda, "Lambda quotas", for the size of a request to a Function
URL.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from testing.http_server import Reply
from testing.log_destinations.content import (
    UnreadableError,
    has_lone_surrogate,
    lines_of,
    parsed,
)
from testing.log_destinations.destination import LogDestination


class DataTapDestination(LogDestination):
    """A Data Tap: NDJSON by POST to a Function URL; a record is an object.

    It reads lines as DuckDB with `ignore_errors`: a wrong one is lost, and the reply is 200 all
    the same. It undoes no compression. So each wrong line is a violation here.
    """

    name = "datatap"
    path = "/"
    documented_max_body_bytes = 6_291_456
    media_types = frozenset({"application/x-ndjson"})
    encodings = frozenset({"identity"})
    token_header = "x-bd-authorization"

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables with which the extension sends here."""
        return {
            "LOGS_DESTINATION": self.name,
            "BD_DATA_TAP_URL": f"{self.url}/",
            "BD_TAP_CLIENT_TOKEN": self.token,
        }

    def read(self, content: bytes) -> Iterator[tuple[Any, str | None]]:
        """Yield the record in each line."""
        for line in lines_of(content):
            try:
                record = parsed(line)
            except UnreadableError as error:
                yield None, str(error)
                continue
            readable = isinstance(record, dict) and not has_lone_surrogate(record)
            yield record, None if readable else "a line is no object that can be read"

    def reply_to(self, accepted: int, mistakes: Sequence[str]) -> Reply:  # noqa: ARG002
        """Return 200, whatever was lost."""
        return Reply(200)
