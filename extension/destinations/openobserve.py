"""
OpenObserve: a JSON array to its ingestion API.

A record has the three fields of the existing extension (`_timestamp`, `record`, `type`) and
what that one never had: which invocation of which function it belongs to.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from extension.destinations import answers
from extension.destinations.addresses import Address, percent_encoded
from extension.destinations.body import enclosed, gzipped
from extension.destinations.credential import read_credential
from extension.destinations.destination import Request
from extension.destinations.json_text import json_text, quoted, utf8
from extension.destinations.limits import Shape, cut_to_units, quoted_within, shaped_text
from extension.destinations.stamps import Stamps
from extension.destinations.surroundings import USER_AGENT, Made, named
from extension.errors import SettingsError
from extension.variables import batch_bytes, retry_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from extension.destinations.credential import Credential
    from extension.destinations.destination import BatchResult, Response, RetrySettings
    from extension.destinations.surroundings import Surroundings
    from extension.records import LogRecord

# OpenObserve makes a column of each field and refuses records of more than 200
# (`ZO_COLS_PER_RECORD_LIMIT`); its JSON parser ends at a depth of 128, for a whole request.
_SHAPE = Shape(depth=10, fields=180, units=None)
_NAMES = {
    "name": "function_name",
    "version": "function_version",
    "region": "region",
    "account": "account",
    "label": "extension_name",
}
_LONGEST_NAME = 512
_REMEMBERED = 512
_SAFE_NAME = re.compile(r"[^/?#\s\\]+")


class OpenObserve:
    """
    OpenObserve's JSON ingestion API; `Destination` says what its members are.

    Args:
        url: Of the stream.
        constant: The fields that are the same in all records.
        token: The whole header `Authorization`.
        around: Gives the clock and the settings.
    """

    name = "openobserve"
    default_types = frozenset({"function", "platform", "extension"})

    def __init__(
        self, url: str, constant: Mapping[str, str], token: Credential, around: Surroundings
    ) -> None:
        self.max_body_bytes = batch_bytes(around.environ) - len(b"[]")
        self.retry_settings: RetrySettings | None = retry_settings(around.environ)
        self._url = url
        self._token = token
        self._constant = constant
        self._now = around.now
        self._stamps = Stamps()
        self._tails: dict[tuple[str, str | None, str | None], bytes] = {}

    def encode(self, record: LogRecord) -> bytes:
        """Return an object with a comma behind it, small enough for a body of its own."""
        moment, kind, value, request_id, level = record
        tail = self._tails.get((kind, request_id, level))
        if tail is None:
            tail = self._tail(kind, request_id, level)
        at = self._stamps.of_object(value, moment) or self._stamps.nanoseconds(moment)
        if at is None:
            at = int(self._now() * 1e9)
        encoded = b'{"_timestamp":%d,"record":%b%b' % (at // 1000, self._record(value), tail)
        if len(encoded) <= self.max_body_bytes:
            return encoded
        text = value if isinstance(value, str) else json_text(value)
        head = b'{"_timestamp":%d,"record":' % (at // 1000)
        return head + quoted_within(text, self.max_body_bytes - len(head) - len(tail)) + tail

    def request(self, encoded: Sequence[bytes]) -> Request:
        """Return the POST."""
        headers = {
            "content-type": "application/json",
            "content-encoding": "gzip",
            "authorization": self._token.value(),
            "user-agent": USER_AGENT,
        }
        return Request(self._url, headers, gzipped(enclosed(b"[", encoded, b"]")))

    def interpret(self, answer: Response, count: int) -> BatchResult:
        """Return what an answer means."""
        return answers.interpret(answer, count, answers.OPENOBSERVE, self._now)

    @property
    def renewable(self) -> bool:
        """Whether the token is in a store, which may have another one later."""
        return self._token.stored

    def renew(self) -> bool:
        """Look for a newer token."""
        return self._token.renew()

    @staticmethod
    def _record(value: Any) -> bytes:
        if isinstance(value, str):
            return utf8(quoted(value))
        if not isinstance(value, (dict, list)):
            return utf8(json_text(value))
        text = shaped_text(value, _SHAPE)
        return utf8(quoted(json_text(value)) if text is None else text)

    def _tail(self, kind: str, request_id: str | None, level: str | None) -> bytes:
        """Return the members behind the record, the brace and the comma."""
        fields = {"type": kind, "requestId": request_id, "level": level, **self._constant}
        known = {n: cut_to_units(v, _LONGEST_NAME) for n, v in fields.items() if v is not None}
        if len(self._tails) >= _REMEMBERED:
            self._tails.clear()
        tail = utf8(f",{json_text(known)[1:]},")
        self._tails[kind, request_id, level] = tail
        return tail


def make(around: Surroundings) -> Made:
    """
    Return the destination of some settings.

    Raises:
        SettingsError: The organization or the header is missing, or a setting is unusable.
    """
    organization = around.text("O2_ORGANIZATION_ID")
    stream = around.text("O2_STREAM", "default")
    if not _SAFE_NAME.fullmatch(organization):
        raise SettingsError("set O2_ORGANIZATION_ID to the identifier of the organization")
    if not _SAFE_NAME.fullmatch(stream):
        raise SettingsError("O2_STREAM must be the name of a stream, without slashes or spaces")
    token = read_credential(around, "O2_AUTHORIZATION_HEADER")
    address = Address("O2_ENDPOINT", around.text("O2_ENDPOINT", "https://api.openobserve.ai"))
    path = f"/api/{percent_encoded(organization)}/{percent_encoded(stream)}/_json"
    constant = named(around.identity, around.text("EXTENSION_NAME"), _NAMES)
    destination = OpenObserve(address.text + path, constant, token, around)
    return Made(destination, address.notes(has_token=True))
