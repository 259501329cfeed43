"""The level and the request id at the beginning of a line, in the runtimes' text formats.

A line that merely resembles one of them says nothing: a wrong level could drop it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

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


class LineStart(NamedTuple):
    """What the beginning of a line says.

    Attributes:
        level: In capitals; None if there is none.
        request_id: None if there is none.
        by_runtime: Whether the runtime wrote it: then a line without a request id is from before
            the first invocation.
    """

    level: str | None
    request_id: str | None
    by_runtime: bool


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
    **dict.fromkeys("0123456789", (_NODE, _NET, _RUST, _DATED)),
    **dict.fromkeys("DEFIW", (_RUBY, _RUST_WITHOUT_TIME)),
    **dict.fromkeys(" T", (_RUST_WITHOUT_TIME,)),
    **dict.fromkeys("lt", (_GO,)),
}


def line_start(line: str) -> LineStart | None:
    """Return what the beginning of a line says; None if it has none of the formats."""
    for pattern in _BY_FIRST_CHARACTER.get(line[:1], ()):
        if found := pattern.match(line):
            parts = found.groupdict()
            level, request_id = parts["level"], parts.get("id")
            by_runtime = pattern in (_NODE, _NET) or (request_id is not None and pattern != _DATED)
            return LineStart(level and _DOTNET.get(level, level).upper(), request_id, by_runtime)
    return None
