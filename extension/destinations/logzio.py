"""
Logz.io: NDJSON to its HTTPS bulk listener, with the fields of the existing extension.

A line that a function prints is its `message`, with the newline at its end, as the existing
extension sends it: whoever replaces that one finds the same texts. A line or record that is
a JSON object is `message_nested`, or lies at the root where JSON_FIELDS_UNDER_ROOT says so;
there what would overwrite a field of ours stays in `message_nested`. Events of the platform
are `lambda.record`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from extension.destinations import answers
from extension.destinations.addresses import Address, percent_encoded
from extension.destinations.body import gzipped
from extension.destinations.credential import read_credential
from extension.destinations.destination import Request
from extension.destinations.json_text import json_text, quoted, utf8
from extension.destinations.limits import Shape, cut_to_units, shaped_text
from extension.destinations.stamps import Stamps
from extension.destinations.surroundings import (
    USER_AGENT,
    Made,
    named,
)
from extension.errors import SettingsError
from extension.variables import custom_fields

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from extension.destinations.credential import Credential
    from extension.destinations.destination import BatchResult, Response, RetrySettings
    from extension.destinations.surroundings import Surroundings
    from extension.records import LogRecord

# https://docs.logz.io, "Bulk uploads over HTTP/S": "Max body size is 10 MB (10,485,760
# bytes). Each log line must be 500,000 bytes or less"; that of values from "invalid log
# errors", in characters, counted here as the server does.
MAX_BODY_BYTES = 10_485_760
MAX_LINE_BYTES = 500_000
MAX_VALUE_UNITS = 32_700
MAX_DEPTH = 10
MAX_FIELDS = 1_000

# Whatever a setting or an event calls itself; the longest real one has 256 characters.
_LONGEST_NAME = 512
_FIELDS_OF_OURS = 16
_DEFAULT_TYPE = "lambda-extension-logs"
_NAMES = {
    "name": "lambda_function_name",
    "region": "aws_region",
    "version": "lambda_function_version",
    "account": "account",
    "label": "extension_name",
}
OWN_FIELDS = frozenset(
    {
        "@timestamp",
        "type",
        "lambda.log.type",
        "lambda.record",
        "message",
        "message_nested",
        "requestId",
        "level",
        *_NAMES.values(),
    }
)
"""What neither CUSTOM_FIELDS nor a user's record overwrites."""

# Logz.io's regions by the AWS region that they are in, as for the function's own listener.
_SUFFIXES = {
    "us-east-1": "",
    "eu-central-1": "-eu",
    "eu-west-2": "-uk",
    "ca-central-1": "-ca",
    "ap-southeast-2": "-au",
}
_REMEMBERED = 512


class Logzio:
    """
    Logz.io's bulk listener; `Destination` says what its members are.

    Args:
        url: The listener with its path, without the query.
        kind: The value of `type`.
        constant: The fields that are the same in all records.
        token: The shipping token of the account.
        around: Gives the clock and the settings.
    """

    name = "logzio"
    max_body_bytes = MAX_BODY_BYTES
    retry_settings: RetrySettings | None = None

    def __init__(
        self,
        url: str,
        kind: str,
        constant: Mapping[str, str],
        token: Credential,
        around: Surroundings,
    ) -> None:
        has_platform = around.flag("ENABLE_PLATFORM_LOGS")
        self.default_types = frozenset({"function", "platform"} if has_platform else {"function"})
        self._url = url
        self._kind = cut_to_units(kind, _LONGEST_NAME)
        self._constant = {n: cut_to_units(v, MAX_VALUE_UNITS) for n, v in constant.items()}
        self._token = token
        self._now = around.now
        self._under_root = around.flag("JSON_FIELDS_UNDER_ROOT")
        fields = MAX_FIELDS - _FIELDS_OF_OURS - len(constant)
        self._nested = Shape(MAX_DEPTH - 1, fields, MAX_VALUE_UNITS)
        self._stamps = Stamps()
        self._middles: dict[tuple[str, str | None, str | None], str] = {}

    def encode(self, record: LogRecord) -> bytes:
        """Return a line with its newline, of at most 500,000 bytes."""
        moment, kind, value, request_id, level = record
        middle = self._middles.get((kind, request_id, level))
        if middle is None:
            middle = self._middle(kind, request_id, level)
        if isinstance(value, str) and value[:1] != "{" and not value[:1].isspace():
            content = f'"message":{quoted(cut_to_units(value, MAX_VALUE_UNITS))}'
        else:
            moment = self._moment(moment, value)
            content = self._content(kind, value, request_id, level)
        if not moment or len(moment) > _LONGEST_NAME:
            # A log without "@timestamp" is invalid.
            moment = self._stamps.iso(int(self._now() * 1e9))
        line = utf8(f'{{"@timestamp":{quoted(moment)},{middle}{content}}}\n')
        if len(line) <= MAX_LINE_BYTES:
            return line
        # Many values of which each is short enough: as a text it can be cut.
        text = value if isinstance(value, str) else json_text(value)
        message = quoted(cut_to_units(text, MAX_VALUE_UNITS))
        return utf8(f'{{"@timestamp":{quoted(moment)},{middle}"message":{message}}}\n')

    def request(self, encoded: Sequence[bytes]) -> Request:
        """Return the POST; the token is a part of its URL, which must not be logged."""
        token = percent_encoded(self._token.value())
        url = f"{self._url}/?token={token}&type={percent_encoded(self._kind)}"
        headers = {
            "content-type": "text/plain",
            "content-encoding": "gzip",
            "user-agent": USER_AGENT,
        }
        return Request(url, headers, gzipped(b"".join(encoded)))

    def interpret(self, answer: Response, count: int) -> BatchResult:
        """Return what an answer means."""
        return answers.interpret(answer, count, answers.LOGZIO, self._now)

    @property
    def renewable(self) -> bool:
        """Whether the token is in a store, which may have another one later."""
        return self._token.stored

    def renew(self) -> bool:
        """Look for a newer token."""
        return self._token.renew()

    def _middle(self, kind: str, request_id: str | None, level: str | None) -> str:
        """Return the members between the time and the message; remembered for the next record."""
        fields = {"lambda.log.type": kind, "requestId": request_id, "level": level}
        known = {n: cut_to_units(v, _LONGEST_NAME) for n, v in fields.items() if v is not None}
        middle = f"{json_text({'type': self._kind, **known, **self._constant})[1:-1]},"
        if len(self._middles) >= _REMEMBERED:
            self._middles.clear()
        self._middles[kind, request_id, level] = middle
        return middle

    def _moment(self, moment: str, value: Any) -> str:
        stamp = self._stamps.of_object(value, moment)
        return moment if stamp is None else self._stamps.iso(stamp)

    def _content(self, kind: str, value: Any, request_id: str | None, level: str | None) -> str:
        """Return the members that hold the record itself."""
        record, text = value, None
        if isinstance(value, str):
            record, text = _object_in(value), value
        if not isinstance(record, dict):
            return self._message(value)
        if kind.startswith("platform."):
            nested = shaped_text(record, self._nested)
            return self._message(value) if nested is None else f'"lambda.record":{nested}'
        if self._under_root:
            record, at_root = self._parted(record, {"requestId": request_id, "level": level})
            if at_root:
                lifted = self._lifted(at_root, record)
                return self._message(value) if lifted is None else lifted
        nested = shaped_text(record, self._nested)
        if nested is None:
            return self._message(value if text is None else text)
        return f'"message_nested":{nested}'

    def _message(self, value: Any) -> str:
        text = value if isinstance(value, str) else json_text(value)
        return f'"message":{quoted(cut_to_units(text, MAX_VALUE_UNITS))}'

    def _parted(
        self, record: dict[str, Any], said: Mapping[str, str | None]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what has to stay nested, and what can lie at the root."""
        nested: dict[str, Any] = {}
        at_root: dict[str, Any] = {}
        for name, value in record.items():
            if name == "message" or not self._is_ours(name):
                at_root[name] = value
            elif said.get(name) is None or said[name] != value:
                nested[name] = value
        # A message of the wrong type would make Logz.io refuse the log, or all others.
        if "message" in at_root and not isinstance(at_root["message"], str):
            at_root["message"] = json_text(at_root["message"])
        return nested, at_root

    def _is_ours(self, name: str) -> bool:
        # "lambda": {"record": ...} is the same field as "lambda.record".
        return name in OWN_FIELDS or name in self._constant or name.partition(".")[0] == "lambda"

    def _lifted(self, at_root: dict[str, Any], nested: dict[str, Any]) -> str | None:
        members = {**at_root, "message_nested": nested} if nested else at_root
        shaped = shaped_text(members, Shape(MAX_DEPTH, self._nested.fields, MAX_VALUE_UNITS))
        return None if shaped is None else shaped[1:-1]


def _object_in(text: str) -> dict[str, Any] | None:
    """Return the JSON object that a line is, if it is one."""
    if text.lstrip()[:1] != "{":
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def make(around: Surroundings) -> Made:
    """
    Return the destination of some settings.

    Raises:
        SettingsError: The token or the listener is missing or cannot be used.
    """
    token = read_credential(around, "LOGZIO_LOGS_TOKEN")
    address = _listener(around)
    kind = around.text("LOGZIO_LOGS_TYPE", _DEFAULT_TYPE)
    own = named(around.identity, around.text("EXTENSION_NAME"), _NAMES)
    wanted = custom_fields(around.environ)[0]
    ours = sorted(name for name in wanted if _clashes(name))
    custom = {name: value for name, value in wanted.items() if name not in ours}
    notes = [f"CUSTOM_FIELDS cannot set {', '.join(ours)}: the records' own"] if ours else []
    destination = Logzio(address.text, kind, {**own, **custom}, token, around)
    return Made(destination, (*address.notes(has_token=True), *notes))


def _clashes(name: str) -> bool:
    """
    Tell whether a field would overwrite one of ours, or make a text and an object one field.

    To an index "lambda" is the object that has "lambda.record"; it refuses logs with both.
    """
    return any(f"{name}.".startswith(f"{own}.") or own.startswith(f"{name}.") for own in OWN_FIELDS)


def _listener(around: Surroundings) -> Address:
    text = around.text("LOGZIO_LISTENER")
    if not text:
        region = around.text("AWS_REGION") or around.identity.region
        wanted = around.text("LOGZIO_REGION").lower()
        suffix = _SUFFIXES.get(region)
        if wanted:
            suffix = "" if wanted == "us" else f"-{wanted}"
            suffix = suffix if suffix in _SUFFIXES.values() else None
        if suffix is None:
            raise SettingsError(
                "set LOGZIO_LISTENER to the listener of the account, such as "
                "https://listener-eu.logz.io:8071: none belongs to the region "
                f"{wanted or region or 'that is not known'}"
            )
        text = f"https://listener{suffix}.logz.io:8071"
    if "://" not in text:
        text = f"https://{text}"
    address = Address("LOGZIO_LISTENER", text)
    own_port = "8071" if address.scheme == "https" else "8070"
    # A bare host, and Logz.io's own hosts: on the ports of the web they do not take logs.
    bare = "://" not in around.text("LOGZIO_LISTENER")
    if not address.port and not address.path and (bare or address.host.endswith(".logz.io")):
        return Address("LOGZIO_LISTENER", f"{address.text}:{own_port}")
    return address
