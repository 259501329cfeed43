"""A BoilingData Data Tap: NDJSON to a Lambda function URL.

A record has the fields of the original extension, `retryAttempt` included, which is 0 here as it
is there whenever a batch is sent for the first time; and `requestId` if it is known.
"""

import os

from extension.destinations.destination import Destination, Environment
from extension.destinations.timestamps import iso
from extension.errors import SettingsError
from extension.json_text import json_text, utf8
from extension.records import LogRecord
from extension.variables import Setting, token

# A request to a function URL may have 6 MB; this content type reaches the function in base64,
# which makes it a third larger.
MAX_BODY_BYTES = 4_500_000
_NAMES = {"version": "version", "region": "region", "name": "logGroup"}


class DataTap(Destination):
    """A Data Tap."""

    name = "datatap"
    url = Setting("BD_DATA_TAP_URL", str)
    token, stored_token = token("BD_TAP_CLIENT_TOKEN")
    label = Setting("EXTENSION_NAME", str)
    identified_by = (token, stored_token)
    names = _NAMES
    content_type = "application/x-ndjson"
    is_compressed = False
    max_body_bytes = MAX_BODY_BYTES

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        if not self.url:
            raise SettingsError("set BD_DATA_TAP_URL to the function URL of the Data Tap")
        self._checked_url("BD_DATA_TAP_URL", self.url)
        # AWS hides the name of the real log stream from extensions.
        stream = f"{iso(int(environment.now() * 1e9))}_{os.getpid()}"
        label = {"extension_name": self.label} if self.label else {}
        self._constant = {**self._constant, **label, "logStream": stream}

    def encode(self, record: LogRecord) -> bytes:
        """Return a line with its newline, small enough for a body of its own."""
        _, kind, value, request_id, level = record
        members = self._members_of(kind, request_id, level)
        head = utf8(f'{{"time":"{iso(self._at(record))}",{members},"record":')
        end = b',"retryAttempt":0}\n'
        left = MAX_BODY_BYTES - len(head) - len(end)
        return head + self._cut_content(value, json_text(value), left) + end

    def _addressed(self, token: str) -> tuple[str, dict[str, str]]:
        return self.url, {"x-bd-authorization": token}
