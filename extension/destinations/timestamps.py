"""Times of events: ISO 8601 to nanoseconds since 1970 and back."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

# ISO 8601, and what Python's logging and Powertools make of it: a space for the T, a comma
# for the dot, an offset without colon. Without any offset it is UTC, the clock of Lambda.
# `datetime.fromisoformat` reads all of these only since Python 3.11.
_TIMESTAMP = re.compile(
    r"(?P<second>[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"(?:[.,](?P<fraction>[0-9]{1,9})[0-9]*)?\s*"
    r"(?:[Zz]|(?P<hours>[+-][0-9]{2}):?(?P<minutes>[0-9]{2}))?"
)
# The expression takes a second for a million digits.
_LONGEST = 64
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_SECOND = timedelta(seconds=1)
# Nanoseconds in 64 bits end in the year 2262.
_LAST_SECOND = (datetime(2262, 1, 1, tzinfo=timezone.utc) - _EPOCH) // _SECOND
# A record's own time further than this from its event's is one that the user writes about.
_NEAR_NS = 3_600 * 10**9


def nanoseconds(text: str) -> int | None:
    """Return a time in nanoseconds since 1970; None if the text is no time or out of range.

    Args:
        text: ISO 8601 date and time, as the event schema reference has it in `time`.
    """
    match = _TIMESTAMP.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        return None
    offset = f"{match['hours'] or '+00'}:{match['minutes'] or '00'}"
    try:
        seconds = (datetime.fromisoformat(match["second"] + offset) - _EPOCH) // _SECOND
    except (ValueError, OverflowError):
        return None
    if not 0 <= seconds < _LAST_SECOND:
        return None
    return seconds * 10**9 + int((match["fraction"] or "0").ljust(9, "0"))


def iso(at: int) -> str:
    """Return nanoseconds since 1970 as Lambda writes them: in UTC, with milliseconds and a Z."""
    moment = _EPOCH + timedelta(microseconds=at // 1000)
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def own_time(record: object, event_time: str) -> int | None:
    """Return when a record in the JSON log format says that it was written, in nanoseconds.

    The event's own `time` is when Lambda read the line, "different from when the event actually
    occurred" (event schema reference). A member `timestamp` that is far from it is something
    else: the time of an order, for instance, for which a destination would refuse the record as
    too old.

    Args:
        record: The `record` member of an event.
        event_time: The event's `time`.

    Returns:
        None if the record has no such time.
    """
    timestamp = record.get("timestamp") if isinstance(record, dict) else None
    at = nanoseconds(timestamp) if isinstance(timestamp, str) else None
    event = None if at is None else nanoseconds(event_time)
    if at is None or event is None or abs(at - event) <= _NEAR_NS:
        return at
    return None
