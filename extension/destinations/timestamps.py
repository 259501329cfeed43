"""Times of events: ISO 8601 to nanoseconds since 1970 and back."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import lru_cache

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
_SECOND_NS = 10**9
_MILLISECOND_NS = 10**6
_MICROSECOND_NS = 10**3
# What is left of a millisecond after the start of an environment's own part of it.
_LEAST_PART_NS = 100_000
# Lines of one environment that come out of order are no further apart.
_REMEMBERED = 4_096


@lru_cache(maxsize=1)  # lines of a burst share a time, and more entries could be long texts
def nanoseconds(text: str) -> int | None:
    """Return an ISO 8601 time in nanoseconds since 1970; None if it is none or out of range."""
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


@lru_cache(maxsize=1)
def iso(at: int) -> str:
    """Return nanoseconds since 1970 as Lambda writes them: in UTC, with milliseconds and a Z."""
    moment = _EPOCH + timedelta(microseconds=at // 1000)
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def own_time(record: object, event_time: str) -> int | None:
    """Return when a `record` says that it was written, in nanoseconds; None if it does not.

    The event's own `time` is when Lambda read the line, "different from when the event actually
    occurred" (event schema reference). A member `timestamp` that is far from it is something
    else: the time of an order, for instance, for which a destination would refuse the record as
    too old. One in whole seconds, as Python's JSON log format has it, is less exact than the
    event's time if both are in the same second.
    """
    timestamp = record.get("timestamp") if isinstance(record, dict) else None
    if not isinstance(timestamp, str):
        return None
    at = nanoseconds(timestamp)
    event = None if at is None else nanoseconds(event_time)
    if at is None or event is None:
        return at
    apart = abs(at - event)
    is_exact = "." in timestamp or "," in timestamp or apart > _SECOND_NS
    return at if is_exact and apart <= _NEAR_NS else None


class DistinctTimes:
    """Gives each entry of a stream a nanosecond of its own, in the order in which they come.

    To Loki two entries of a stream with the same time and the same line are one, and Lambda's
    times have only milliseconds. Other environments write to the same stream: so each begins at
    a random point of the millisecond; `random` returns a number from 0 to 1.
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._last: dict[int, int] = {}

    def of(self, at: int) -> int:
        """Return a time in nanoseconds that no other entry has, `at` or somewhat later."""
        if at % _MILLISECOND_NS == 0:
            if at // _MILLISECOND_NS not in self._last:
                at += int(self._random() * (_MILLISECOND_NS - _LEAST_PART_NS))
        elif at % _MICROSECOND_NS == 0:
            at += int(self._random() * _MICROSECOND_NS)
        while (last := self._last.get(at // _MILLISECOND_NS, -1)) >= at:
            at = last + 1
        self._last[at // _MILLISECOND_NS] = at
        if len(self._last) > _REMEMBERED:
            del self._last[next(iter(self._last))]
        return at
