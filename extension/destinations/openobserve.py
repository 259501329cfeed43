"""OpenObserve: a JSON array to its ingestion API.

A record has the three fields of the original extension (`_timestamp`, `record`, `type`), and says
which invocation of which function it belongs to, which the original never did.
"""

from __future__ import annotations

import re
import sys
from urllib.parse import quote

from extension.destinations.destination import Destination, Environment
from extension.destinations.responses import COMMON_RESPONSES, Meaning, Row, count_in
from extension.errors import SettingsError
from extension.json_text import Shape, parsed, shaped_text, utf8
from extension.records import LogRecord
from extension.variables import Setting, token

# OpenObserve makes a column of each field and refuses records of more than 200
# (`ZO_COLS_PER_RECORD_LIMIT`); its JSON parser ends at a depth of 128, for a whole request.
_SHAPE = Shape(depth=10, fields=180, units=sys.maxsize)
# The original extension's own limit, without the brackets of the array.
MAX_BODY_BYTES = 10 * 1_048_576 - 2
_PACING = """
    O2_BATCH_SIZE O2_FLUSH_INTERVAL_MS O2_INITIAL_RETRY_DELAY_MS O2_MAX_BUFFER_SIZE_MB
    O2_MAX_RETRIES O2_MAX_RETRY_DELAY_MS O2_REQUEST_TIMEOUT_MS
"""
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
    organization = Setting("O2_ORGANIZATION_ID", str)
    token, stored_token = token("O2_AUTHORIZATION_HEADER")
    endpoint = Setting("O2_ENDPOINT", str, "https://api.openobserve.ai")
    stream = Setting("O2_STREAM", str, "default")
    identified_by = (organization, token, stored_token)
    without_effect = dict.fromkeys(
        _PACING.split(), "LOGS_REQUEST_TIMEOUT_MS and FLUSH_BUDGET_MS bound requests and retries"
    )
    names = _NAMES
    responses = (
        # The status is 200 even if it refused every record.
        Row(200, 299, Meaning.SENT, "records failed", _failed),
        *COMMON_RESPONSES,
    )
    max_body_bytes = MAX_BODY_BYTES
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

    def encode(self, record: LogRecord) -> bytes:
        """Return an object and a comma, small enough for a body of its own."""
        _, kind, value, request_id, level = record
        head = b'{"_timestamp":%d,"record":' % (self._at(record) // 1000)
        end = utf8(f",{self._members_of(kind, request_id, level)}}},")
        left = MAX_BODY_BYTES - len(head) - len(end)
        return head + self._cut_content(value, shaped_text(value, _SHAPE), left) + end

    def _addressed(self, token: str) -> tuple[str, dict[str, str]]:
        return self._url, {"authorization": token}
