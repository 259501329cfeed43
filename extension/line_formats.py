"""The level and the request id that a record names, in the log formats of the runtimes.

A line that merely resembles one of them says nothing: a wrong level could drop it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from extension.json_text import parsed

LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
"""The levels of Lambda's JSON log format, from the least to the most severe."""

RANKS = {
    **{level: rank for rank, level in enumerate(LEVELS)},
    "INFORMATION": 2,
    "NOTICE": 2,
    "WARNING": 3,
    "CRITICAL": 5,
    "PANIC": 5,
}
"""The places of these levels, also under other names, in that order."""

_ID = r"(?P<id>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
_LEVEL = r"(?P<level>TRACE|DEBUG|INFO|WARN|ERROR|FATAL)"
_ISO = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z"
_DATE = r"\d{4}([-/])\d\d\1\d\d \d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
# .NET abbreviates levels (Microsoft.Extensions.Logging, "Console log formatting").
_DOTNET = {
    "trce": "TRACE",
    "dbug": "DEBUG",
    "info": "INFO",
    "warn": "WARN",
    "fail": "ERROR",
    "crit": "CRITICAL",
}


class Context(NamedTuple):
    """What a record says about itself; None for what it does not say.

    Attributes:
        level: In capitals.
        request_id: If the user wrote it, it may be the id of anything.
        by_runtime: Whether the runtime wrote it: then the id is the invocation's, and a line
            without one is from before the first invocation.
    """

    level: str | None
    request_id: str | None
    by_runtime: bool


_NOTHING = Context(None, None, by_runtime=False)

_LEVEL_KEYS = ("level", "log_level")
_REQUEST_ID_KEYS = ("requestId", "AWSRequestId", "aws_request_id", "function_request_id")
_LONGEST_JSON_LINE = 65_536
# A longer value is something else of the user's; and destinations cache these values.
_LONGEST_LEVEL = 32
_LONGEST_REQUEST_ID = 128

# Python: "[LEVEL]\ttime\tid\tmessage"; the id is empty before the first invocation.
_PYTHON = re.compile(r"\[(?P<level>[A-Z]{4,8})\]\t\S{20,30}\t(?P<id>[0-9a-f-]{36})?\t")
# Python, before an exception that the handler did not catch; its JSON has a `log_level`.
_UNHANDLED = re.compile(rf"\[(?P<level>{'|'.join(RANKS)})\] ")
# Node.js: "time\tid\tLEVEL\tmessage"; the id is "undefined" before the first invocation.
_NODE = re.compile(rf"{_ISO}\t(?:{_ID}|undefined)\t{_LEVEL}\t")
# .NET: the same with its own levels, or none; the id is empty before the first invocation.
_NET = re.compile(rf"{_ISO}\t(?:{_ID})?\t(?:(?P<level>{'|'.join(_DOTNET)})\t)?")
# Rust, `tracing`: "time  LEVEL span: message", mostly without the time; lambda_runtime's span has
# the id.
_SPAN = rf'Lambda runtime invoke\{{requestId="?{_ID}'
_RUST = re.compile(rf"{_ISO} {{1,2}}{_LEVEL} (?:{_SPAN})?")
_RUST_WITHOUT_TIME = re.compile(rf" ?{_LEVEL} {_SPAN}")
# Java, Log4j2 with the pattern of AWS's guide: "date id LEVEL class - message"; Logback with a
# thread instead of the id; Go, `log/slog` by default: "2024/01/31 23:59:59 LEVEL message".
_DATED = re.compile(rf"{_DATE} (?:{_ID} )?(?:\[[^\]\s]{{1,100}}\] )?{_LEVEL} ")
# Ruby, `Logger`: "I, [time #8]  INFO id -- : message".
_RUBY = re.compile(rf"[A-Z], \[[\dT:.-]{{10,40}} ?#\d+\] +{_LEVEL} (?:{_ID})? ?-- ")
# Go, `slog.TextHandler` and logrus: 'time=... level=INFO msg="message"'.
_GO = re.compile(r'(?:time=(?:"[^"]{1,40}"|[^ "]{1,40}) )?level=(?P<level>[A-Za-z]{4,8}) ')

_BY_FIRST_CHARACTER = {
    "[": (_PYTHON, _UNHANDLED),
    **dict.fromkeys("0123456789", (_NODE, _NET, _RUST, _DATED)),
    **dict.fromkeys("DEFIW", (_RUBY, _RUST_WITHOUT_TIME)),
    **dict.fromkeys(" T", (_RUST_WITHOUT_TIME,)),
    **dict.fromkeys("lt", (_GO,)),
}


def context_of(record: Any, redact: Callable[[str], str] = str) -> Context:
    """Return what a `record` names; `redact` is applied to what the user may have written."""
    if isinstance(record, str):
        if not record.startswith("{"):
            return _at_start(record)
        record = parsed(record) if len(record) <= _LONGEST_JSON_LINE else None
    if not isinstance(record, dict):
        return _NOTHING
    level = _first(record, _LEVEL_KEYS, _LONGEST_LEVEL)
    request_id = _first(record, _REQUEST_ID_KEYS, _LONGEST_REQUEST_ID) or _of_span(record)
    return Context(
        None if level is None else redact(level).upper(),
        None if request_id is None else redact(request_id),
        by_runtime=False,
    )


def _first(record: dict[str, Any], keys: Sequence[str], longest: int) -> str | None:
    """Return the first member that is a text and not too long."""
    named = (record.get(key) for key in keys)
    return next((it for it in named if isinstance(it, str) and len(it) <= longest), None)


def _of_span(record: dict[str, Any]) -> str | None:
    """Return the request id of Rust's `tracing`: its outermost span is the invocation."""
    spans = record.get("spans")
    outermost = spans[0] if isinstance(spans, list) and spans else record.get("span")
    if not isinstance(outermost, dict):
        return None
    return _first(outermost, _REQUEST_ID_KEYS, _LONGEST_REQUEST_ID)


def _at_start(line: str) -> Context:
    """Return what the beginning of a line says."""
    for pattern in _BY_FIRST_CHARACTER.get(line[:1], ()):
        if found := pattern.match(line):
            parts = found.groupdict()
            level, request_id = parts["level"], parts.get("id")
            always = pattern in (_PYTHON, _NODE, _NET)
            by_runtime = always or (request_id is not None and pattern != _DATED)
            return Context(level and _DOTNET.get(level, level).upper(), request_id, by_runtime)
    return _NOTHING
