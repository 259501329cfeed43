"""Logz.io: NDJSON to its HTTPS bulk listener, with the fields of the original extension.

A line that a function prints is its `message`, with the newline at its end, as the original
extension sends it, so that a saved search still finds it. A line or record that is a
JSON object is `message_nested`, or lies at the root if JSON_FIELDS_UNDER_ROOT says so; then what
would overwrite a field of ours stays in `message_nested`. Events of the platform are
`lambda.record`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, quote

from extension.destinations.destination import LONGEST_NAME, Destination, Environment, json_members
from extension.destinations.responses import COMMON_RESPONSES, Meaning, Row, count_in
from extension.destinations.timestamps import iso
from extension.errors import SettingsError
from extension.json_text import UTF_16, Shape, cut, json_text, parsed, shaped_text, utf8
from extension.records import LogRecord
from extension.variables import Setting, flag, pairs, token

# https://docs.logz.io, "Bulk uploads over HTTP/S": "Max body size is 10 MB (10,485,760
# bytes). Each log line must be 500,000 bytes or less"; that of values from "invalid log
# errors", in characters, counted here as the server does.
MAX_BODY_BYTES = 10_485_760
MAX_LINE_BYTES = 500_000
MAX_VALUE_UNITS = 32_700
MAX_DEPTH = 10
MAX_FIELDS = 1_000

_FIELDS_OF_OURS = 16
_NAMES = {
    "name": "lambda_function_name",
    "region": "aws_region",
    "version": "lambda_function_version",
    "account": "account",
}
_FIELDS = """
    @timestamp type lambda.log.type lambda.record message message_nested requestId level sampleRate
"""
OWN_FIELDS = frozenset((*_FIELDS.split(), *_NAMES.values()))
"""What neither CUSTOM_FIELDS nor a user's record overwrites."""

# Logz.io's regions by the AWS region that they are in, as for the function's own listener.
_REGIONS = {
    "us-east-1": "us",
    "eu-central-1": "eu",
    "eu-west-2": "uk",
    "ca-central-1": "ca",
    "ap-southeast-2": "au",
}

_NO_PARSING = "lines are not parsed with patterns; log JSON objects, their fields are kept"


def _refused_lines(body: bytes, count: int) -> int | None:
    """Read the counts in a 400 of the bulk listener (docs.logz.io, HTTP(S) bulk)."""
    response = parsed(body)
    bad = [
        count_in(response, name) for name in ("malformedLines", "oversizedLines", "emptyLogLines")
    ]
    good = count_in(response, "successfulLines")
    if good is None and bad == [None] * 3:
        return None
    return max(sum(number or 0 for number in bad), 0 if good is None else count - good)


class Logzio(Destination):
    """Logz.io's bulk listener."""

    name = "logzio"
    token, stored_token = token("LOGZIO_LOGS_TOKEN")
    listener = Setting("LOGZIO_LISTENER", str)
    region = Setting("LOGZIO_REGION", str)
    log_type = Setting("LOGZIO_LOGS_TYPE", str, "lambda-extension-logs")
    platform_logs = Setting("ENABLE_PLATFORM_LOGS", flag, "false")
    custom_fields = Setting("CUSTOM_FIELDS", pairs(re.compile(r".{1,256}")))
    fields_under_root = Setting("JSON_FIELDS_UNDER_ROOT", flag, "false")
    identified_by = (token, stored_token)
    without_effect = {"GROK_PATTERNS": _NO_PARSING, "LOGS_FORMAT": _NO_PARSING}  # noqa: RUF012
    responses = (
        # A part was accepted: the bulk must not be sent again.
        Row(400, 400, Meaning.SENT, "lines are malformed or too long", _refused_lines),
        *COMMON_RESPONSES,
    )
    names = _NAMES
    content_type = "text/plain"
    max_body_bytes = MAX_BODY_BYTES
    _tail = b"\n"

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        vars(self)["log_type"] = cut(self.log_type, LONGEST_NAME, UTF_16)
        self._url = self._listener(environment).geturl()
        kinds = {"function", "platform"} if self.platform_logs else {"function"}
        self.types = frozenset(kinds)
        constant = {**self._constant, **self._custom_fields()}
        self._constant = {
            name: cut(value, MAX_VALUE_UNITS, UTF_16) for name, value in constant.items()
        }
        fields = MAX_FIELDS - _FIELDS_OF_OURS - len(constant)
        self._shape = Shape(MAX_DEPTH, fields, MAX_VALUE_UNITS)

    def _listener(self, environment: Environment) -> SplitResult:
        text = self.listener or f"listener{self._suffix(environment)}.logz.io"
        is_bare = "://" not in text
        url = self._checked_url("LOGZIO_LISTENER", f"https://{text}" if is_bare else text)
        # On the ports of the web Logz.io's own hosts accept no logs.
        is_logzio = (url.hostname or "").endswith(".logz.io")
        if url.port is None and not url.path and (is_bare or is_logzio):
            port = 8071 if url.scheme == "https" else 8070
            return url._replace(netloc=f"{url.netloc}:{port}")
        return url

    def _suffix(self, environment: Environment) -> str:
        """Return what follows "listener" in the host name of a region."""
        aws_region = environment.function.region
        # `none` says that the function's metrics go elsewhere.
        named = self.region.lower()
        region = named if named not in ("", "none") else _REGIONS.get(aws_region, "")
        if region not in _REGIONS.values():
            raise SettingsError(
                "set LOGZIO_LISTENER to the listener of the account, such as "
                "https://listener-eu.logz.io:8071: none belongs to the region "
                f"{region or aws_region or 'that is not known'}"
            )
        return "" if region == "us" else f"-{region}"

    def _custom_fields(self) -> Mapping[str, str]:
        """Return CUSTOM_FIELDS without those that cannot be set, which are a warning."""
        ours = sorted(name for name in self.custom_fields if _clashes(name))
        if ours:
            self._warn(f"CUSTOM_FIELDS cannot set {', '.join(ours)}: the records' own")
        return {name: value for name, value in self.custom_fields.items() if name not in ours}

    def encode(self, record: LogRecord) -> bytes:
        """Return a line with its newline, of at most 500,000 bytes."""
        _, kind, value, request_id, level = record
        members = self._members_of(kind, request_id, level)
        # A log without "@timestamp" is invalid.
        head = f'{{"@timestamp":"{iso(self._at(record))}",{members},'
        line = utf8(f"{head}{self._content(record)}}}\n")
        if len(line) <= MAX_LINE_BYTES:
            return line
        # Many values of which each is short enough: as a text it can be cut.
        return utf8(f"{head}{_message(value)}}}\n")

    def _members(self, kind: str, request_id: str | None, level: str | None) -> str:
        fields: dict[str, str | None] = {"type": self.log_type, "lambda.log.type": kind}
        fields |= {"requestId": request_id, "level": level}
        sampling = self._sampling if kind == "function" else {}
        known = json_members({**fields, **sampling})
        return f"{known},{json_text(self._constant)[1:-1]}".rstrip(",")

    def _content(self, record: LogRecord) -> str:
        """Return the members that hold the record itself."""
        value = record.record
        if isinstance(value, str) and value[:1] != "{" and not value[:1].isspace():
            # Most records: a line that is no JSON object.
            return _message(value)
        fields = parsed(value) if isinstance(value, str) else value
        if not isinstance(fields, dict):
            return _message(value)
        at_root: dict[str, Any] = {}
        name = "message_nested"
        if record.type.startswith("platform."):
            name = "lambda.record"
        elif self.fields_under_root:
            fields, at_root = self._parted(fields, record)
        members = {**at_root, name: fields} if fields or not at_root else at_root
        if len(members) + len(fields) > self._shape.fields:
            return _message(value)
        return shaped_text(members, self._shape)[1:-1]

    def _parted(
        self, fields: dict[str, Any], record: LogRecord
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what has to stay nested, and what can lie at the root."""
        ours = {"requestId": record.request_id, "level": record.level}
        nested: dict[str, Any] = {}
        at_root: dict[str, Any] = {}
        for name, value in fields.items():
            if name == "message" or not (name in self._constant or _clashes(name)):
                at_root[name] = value
            elif ours.get(name) is None or ours[name] != value:
                nested[name] = value
        # A message of the wrong type would make Logz.io refuse the log, or all others.
        if "message" in at_root and not isinstance(at_root["message"], str):
            at_root["message"] = json_text(at_root["message"])
        return nested, at_root

    def _addressed(self, token: str) -> tuple[str, dict[str, str]]:
        # The token is a part of the URL, which must not be logged.
        token, kind = quote(token, ""), quote(self.log_type, "", errors="replace")
        return f"{self._url}/?token={token}&type={kind}", {}


def _message(value: Any) -> str:
    message = value if isinstance(value, str) else json_text(value)
    return f'"message":{json_text(cut(message, MAX_VALUE_UNITS, UTF_16))}'


def _clashes(name: str) -> bool:
    """Return whether a field would overwrite one of ours, or make a text and an object one field.

    To an index "lambda" is the object that has "lambda.record"; it refuses logs with both.
    """
    return any(f"{name}.".startswith(f"{own}.") or own.startswith(f"{name}.") for own in OWN_FIELDS)
