"""Log records, and how they are read from the body of one of the platform's POSTs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

_START = re.compile(r"[ \t\r\n]*\[[ \t\r\n]*(\]?)")
_SEPARATOR = re.compile(r"[ \t\r\n]*([,\]])[ \t\r\n]*")
# Within a string the quotes would be escaped, so this is never a part of a log line.
_EVENT_START = re.compile(r',[ \t\r\n]*(?=\{[ \t\r\n]*"(?:time|type|record)")')
# Each search scans the rest of the body, so a body that is all malformed would take long.
_MOST_MALFORMED = 100
_decode = json.JSONDecoder().raw_decode


class LogRecord(NamedTuple):
    """One event of the Telemetry API.

    Attributes:
        time: When the platform created it: ISO 8601 with milliseconds, as the platform wrote it.
        type: `function`, `extension` or `platform.…` (event schema reference, "Event types").
        record: The parsed `record` member: mostly a string or an object.
        request_id: The invocation that produced it, if known.
        level: The level in capitals, if the record names one.
    """

    time: str
    type: str
    record: Any
    request_id: str | None
    level: str | None


class FunctionIdentity(NamedTuple):
    """The function whose logs are shipped; unknown values are empty."""

    name: str
    version: str
    region: str
    account: str


def parse_events(body: bytes) -> Iterator[Any]:
    """Yield the events of a body in order, and as text what is not JSON: one event, or the rest.

    They are decoded one by one, so that another thread can run between two of them, such as
    the receiver, which has to respond. A body is a JSON array in UTF-8 (Telemetry API, "Event
    schema reference").
    """
    text = body.decode("utf-8", "replace")
    start = _START.match(text)
    if start is None:
        yield text
        return
    malformed = 0
    position, complete = start.end(), start[1] == "]"
    while not complete:
        event, separator = None, None
        try:
            event, end = _decode(text, position)
            separator = _SEPARATOR.match(text, end)
        except (ValueError, RecursionError):
            pass
        following = None
        if not isinstance(event, dict) and malformed < _MOST_MALFORMED:
            # An event is an object. `[1,2` would be an array with all the events behind it.
            malformed += 1
            following = _EVENT_START.search(text, position)
        if following is not None:
            # A malformed event, such as a number that is too long, costs no other event.
            yield text[position : following.start()]
            position = following.end()
        elif separator is not None:
            yield event
            position, complete = separator.end(), separator[1] == "]"
        elif isinstance(event, dict):
            yield event
            position = end
        else:
            break
    rest = text[position:]
    if rest.strip() or not complete:
        yield rest
