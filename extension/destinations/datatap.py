"""
A BoilingData Data Tap: NDJSON to a Lambda function URL.

A record has the fields of the existing extension, `retryAttempt` included, which is 0
here as it is there whenever a batch is sent first; and `requestId` where it is known.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from extension.destinations import answers
from extension.destinations.addresses import Address
from extension.destinations.credential import read_credential
from extension.destinations.destination import Request
from extension.destinations.json_text import json_text, quoted, utf8
from extension.destinations.limits import cut_to_units, quoted_within
from extension.destinations.stamps import Stamps
from extension.destinations.surroundings import USER_AGENT, Made, named
from extension.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from extension.destinations.credential import Credential
    from extension.destinations.destination import BatchResult, Response, RetrySettings
    from extension.destinations.surroundings import Surroundings
    from extension.records import LogRecord

# A request to a function URL may have 6 MB; this type of content reaches the function in
# base64, which makes a third more of it.
MAX_BODY_BYTES = 4_500_000
_LONGEST_NAME = 512
_REMEMBERED = 512
_NAMES = {"version": "version", "region": "region", "name": "logGroup", "label": "extension_name"}


class DataTap:
    """
    A Data Tap; `Destination` says what its members are.

    Args:
        url: The function URL.
        constant: The fields that are the same in all records.
        token: The client token.
        around: Gives the clock.
    """

    name = "datatap"
    default_types = frozenset({"function", "platform", "extension"})
    max_body_bytes = MAX_BODY_BYTES
    retry_settings: RetrySettings | None = None

    def __init__(
        self, url: str, constant: Mapping[str, str], token: Credential, around: Surroundings
    ) -> None:
        self._url = url
        self._token = token
        self._now = around.now
        self._stamps = Stamps()
        started = self._stamps.iso(int(around.now() * 1e9))
        # AWS hides the name of the real log stream from extensions.
        self._constant = {**constant, "logStream": f"{started}_{os.getpid()}"}
        self._middles: dict[tuple[str, str | None, str | None], str] = {}

    def encode(self, record: LogRecord) -> bytes:
        """Return a line with its newline, small enough for a body of its own."""
        moment, kind, value, request_id, level = record
        middle = self._middles.get((kind, request_id, level))
        if middle is None:
            middle = self._middle(kind, request_id, level)
        if not moment or len(moment) > _LONGEST_NAME:
            moment = self._stamps.iso(int(self._now() * 1e9))
        head = f'{{"time":{quoted(moment)},{middle}"record":'
        text = quoted(value) if isinstance(value, str) else json_text(value)
        line = utf8(f'{head}{text},"retryAttempt":0}}\n')
        if len(line) <= MAX_BODY_BYTES:
            return line
        text = value if isinstance(value, str) else text
        start, end = utf8(head), b',"retryAttempt":0}\n'
        return start + quoted_within(text, MAX_BODY_BYTES - len(start) - len(end)) + end

    def request(self, encoded: Sequence[bytes]) -> Request:
        """Return the POST; its body ends without a newline."""
        headers = {
            "content-type": "application/x-ndjson",
            "x-bd-authorization": self._token.value(),
            "user-agent": USER_AGENT,
        }
        return Request(self._url, headers, b"".join((*encoded[:-1], encoded[-1][:-1])))

    def interpret(self, answer: Response, count: int) -> BatchResult:
        """Return what an answer means."""
        return answers.interpret(answer, count, answers.DATATAP, self._now)

    @property
    def renewable(self) -> bool:
        """Whether the token is in a store, which may have another one later."""
        return self._token.stored

    def renew(self) -> bool:
        """Look for a newer token."""
        return self._token.renew()

    def _middle(self, kind: str, request_id: str | None, level: str | None) -> str:
        """Return the members between the time and the record."""
        fields = {"type": kind, **self._constant, "requestId": request_id, "level": level}
        known = {n: cut_to_units(v, _LONGEST_NAME) for n, v in fields.items() if v is not None}
        if len(self._middles) >= _REMEMBERED:
            self._middles.clear()
        middle = f"{json_text(known)[1:-1]},"
        self._middles[kind, request_id, level] = middle
        return middle


def make(around: Surroundings) -> Made:
    """
    Return the destination of some settings.

    Raises:
        SettingsError: The URL or the token is missing or cannot be used.
    """
    token = read_credential(around, "BD_TAP_CLIENT_TOKEN")
    url = around.text("BD_DATA_TAP_URL")
    if not url:
        raise SettingsError("set BD_DATA_TAP_URL to the function URL of the Data Tap")
    address = Address("BD_DATA_TAP_URL", url)
    constant = named(around.identity, around.text("EXTENSION_NAME"), _NAMES)
    destination = DataTap(url, constant, token, around)
    return Made(destination, address.notes(has_token=True))
