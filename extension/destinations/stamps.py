"""
Times of events: ISO 8601 to nanoseconds since 1970 and back.

`datetime` costs more to import than all of this does, and cannot read every form on
Python 3.9. Most records come within the same second as the one before.
"""

from __future__ import annotations

import re
import time

_SECOND = 1_000_000_000
# ISO 8601, and what Python's logging and Powertools make of it: a space for the T, a comma
# for the dot, an offset without colon. Without any offset it is UTC, the clock of Lambda.
_TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(?:[.,]([0-9]{1,9})[0-9]*)?\s*(?:[Zz]|([+-])([0-9]{2}):?([0-9]{2}))?"
)
_DAYS_BEFORE_MONTH = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)
_LONGEST = 64
# A record's own time further than this from its event's is one that the user writes about.
_NEAR_NS = 3_600 * _SECOND
# Nanoseconds in 64 bits end in the year 2262.
_LAST_YEAR = 2261


class Stamps:
    """Reads and writes times; remembers the second that it saw last. Safe for several threads."""

    def __init__(self) -> None:
        # Each is replaced as a whole, so that no thread meets a second with another one's value.
        self._read = ("", 0)
        self._written = (-1, "")

    def nanoseconds(self, text: str) -> int | None:
        """
        Return a time in nanoseconds since 1970; None where it is no time that is understood.

        Args:
            text: ISO 8601 date and time, as the event schema reference has it in `time`.
        """
        second, start = self._read
        if len(text) == 24 and text.startswith(second) and second:
            millis = text[20:23]
            if text[19] == "." and text[23] == "Z" and millis.isdecimal() and millis.isascii():
                return start + int(millis) * 1_000_000
        nanoseconds = _parsed(text)
        if nanoseconds is not None and len(text) == 24 and text[19] == "." and text[23] == "Z":
            self._read = (text[:19], nanoseconds - nanoseconds % _SECOND)
        return nanoseconds

    def iso(self, nanoseconds: int) -> str:
        """Return nanoseconds since 1970 as the platform writes them: in UTC, with milliseconds."""
        second, rest = divmod(nanoseconds, _SECOND)
        known, written = self._written
        if second != known:
            written = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(second))
            self._written = (second, written)
        return f"{written}{rest // 1_000_000:03d}Z"

    def of_object(self, record: object, moment: str) -> int | None:
        """
        Return when a record in the JSON log format says that it was written, where it does.

        The event's own `time` is when the platform read the line, "different from when the
        event actually occurred" (event schema reference). A member `timestamp` that is far from
        it is no such time: an order's, for instance, for which a destination would refuse the
        record as too old.

        Args:
            record: The `record` member of an event.
            moment: The event's `time`.
        """
        stamp = record.get("timestamp") if isinstance(record, dict) else None
        at = self.nanoseconds(stamp) if isinstance(stamp, str) else None
        event = None if at is None else self.nanoseconds(moment)
        if at is None or event is None or abs(at - event) <= _NEAR_NS:
            return at
        return None


def _parsed(text: str) -> int | None:
    match = _TIMESTAMP.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days_in_month = (31, 28 + leap, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    if not (1970 <= year <= _LAST_YEAR and 1 <= month <= 12):
        return None
    if not (1 <= day <= days_in_month[month - 1] and hour <= 23 and minute <= 59 and second <= 60):
        return None
    before = year - 1
    days = before * 365 + before // 4 - before // 100 + before // 400 - 719_162
    days += _DAYS_BEFORE_MONTH[month - 1] + (leap and month > 2) + day - 1
    seconds = ((days * 24 + hour) * 60 + minute) * 60 + second
    if match[8]:
        offset = (int(match[9]) * 60 + int(match[10])) * 60
        seconds -= offset if match[8] == "+" else -offset
    if seconds < 0:
        return None
    return seconds * _SECOND + int((match[7] or "0").ljust(9, "0"))
