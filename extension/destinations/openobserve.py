"""OpenObserve: a JSON array to its ingestion API.

A record has the three fields of the original extension (`_timestamp`, `record`, `type`), and says
which invocation of which function it belongs to, which the original never did.
"""

from __future__ import annotations

import re
import sys
from urllib.parse import quote

from extension.destinations.destination import Destination, Environment, RetrySettings
from extension.destinations.responses import COMMON_RESPONSES, Meaning, Row, count_in
from extension.errors import SettingsError
from extension.json_text import Shape, parsed, shaped_text, utf8
from extension.records import LogRecord
from extension.variables import FLUSH_BUDGET_MS, REQUEST_TIMEOUT_MS, number, text, token

# OpenObserve makes a column of each field and refuses records of more than 200
# (`ZO_COLS_PER_RECORD_LIMIT`); its JSON parser ends at a depth of 128, for a whole request.
_SHAPE = Shape(depth=10, fields=180, units=sys.maxsize)
_MEGABYTE = 1_048_576
_LONGEST_MS = 3_600_000
_CAP = "Capped at `FLUSH_BUDGET_MS`."
_SAFE_NAME = re.compile(r"[^/?#\s\\]+")
_NAMES = {
    "name": "function_name",
    "version": "function_version",
    "region": "region",
    "account": "account",
}


def _failed(body: bytes, _count: int) -> int | None:
    """Add up `failed` of all streams in a response of the JSON ingestion API."""
    response = parsed(body)
    streams = response.get("status") if isinstance(response, dict) else None
    if not isinstance(streams, list):
        return None
    return sum(count_in(stream, "failed") or 0 for stream in streams)


class OpenObserve(Destination):
    """OpenObserve's JSON ingestion API."""

    name = "openobserve"
    title = "OpenObserve"
    organization = text("O2_ORGANIZATION_ID", "The organization.")
    token, stored_token = token(
        "O2_AUTHORIZATION_HEADER", "The whole header, such as `Basic dXNlcjpwYXNzd29yZA==`."
    )
    endpoint = text("O2_ENDPOINT", "OpenObserve's URL.", "https://api.openobserve.ai")
    stream = text("O2_STREAM", "The stream.", "default")
    batch_mb = number(
        "O2_MAX_BUFFER_SIZE_MB", "Megabytes of a request before compression.", 10, (1, 10)
    )
    # The defaults are those of the original extension; they count once one of the four is set.
    timeout_ms = number(
        "O2_REQUEST_TIMEOUT_MS",
        "For a request. Capped at `LOGS_REQUEST_TIMEOUT_MS`.",
        30_000,
        (1, _LONGEST_MS),
        "built-in",
    )
    retries = number("O2_MAX_RETRIES", "Retries within a flush.", 3, (0, 1_000_000), "built-in")
    first_delay_ms = number(
        "O2_INITIAL_RETRY_DELAY_MS", f"First pause. {_CAP}", 1_000, (0, _LONGEST_MS), "built-in"
    )
    longest_delay_ms = number(
        "O2_MAX_RETRY_DELAY_MS", f"Longest pause. {_CAP}", 30_000, (0, _LONGEST_MS), "built-in"
    )
    _of_retries = (timeout_ms, retries, first_delay_ms, longest_delay_ms)
    identified_by = (organization, token, stored_token)
    without_effect = {  # noqa: RUF012
        "O2_BATCH_SIZE": "a batch is bounded in bytes, by O2_MAX_BUFFER_SIZE_MB",
        "O2_FLUSH_INTERVAL_MS": "records are sent after a second and at the end of each invocation",
    }
    names = _NAMES
    responses = (
        # The status is 200 even if it refused every record.
        Row(200, 299, Meaning.SENT, "records failed", _failed),
        *COMMON_RESPONSES,
    )
    _head, _tail = b"[", b"]"

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        if not _SAFE_NAME.fullmatch(self.organization):
            raise SettingsError("set O2_ORGANIZATION_ID to the identifier of the organization")
        if not _SAFE_NAME.fullmatch(self.stream):
            raise SettingsError("O2_STREAM must be the name of a stream, without slashes or spaces")
        endpoint = self._checked_url("O2_ENDPOINT", self.endpoint).geturl()
        path = f"api/{quote(self.organization, '')}/{quote(self.stream, '')}/_json"
        self._url = f"{endpoint}/{path}"
        self.max_body_bytes = self.batch_mb * _MEGABYTE - len(b"[]")
        self.retry_settings = self._own_retry_settings(environment)

    def _own_retry_settings(self, environment: Environment) -> RetrySettings | None:
        if not any(setting.is_set(environment.variables) for setting in self._of_retries):
            return None
        budget, timeout = (
            setting.read(environment.variables, lambda _: None)  # reported already
            for setting in (FLUSH_BUDGET_MS, REQUEST_TIMEOUT_MS)
        )
        longest = min(self.longest_delay_ms, budget)
        first = min(self.first_delay_ms, longest)
        return RetrySettings(min(self.timeout_ms, timeout), self.retries, first, longest)

    def encode(self, record: LogRecord) -> bytes:
        """Return an object and a comma, small enough for a body of its own."""
        _, kind, value, request_id, level = record
        head = b'{"_timestamp":%d,"record":' % (self._at(record) // 1000)
        end = utf8(f",{self._members_of(kind, request_id, level)}}},")
        left = self.max_body_bytes - len(head) - len(end)
        return head + self._cut_content(value, shaped_text(value, _SHAPE), left) + end

    def _addressed(self, token: str) -> tuple[str, dict[str, str]]:
        return self._url, {"authorization": token}
