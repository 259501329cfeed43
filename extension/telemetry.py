"""The body of one of the platform's POSTs, taken apart into its events."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

_SPACE = re.compile(r"[ \t\r\n]*")
# Inside of a string the quotes would be escaped, so this is never a part of a line.
_EVENT_START = re.compile(r',[ \t\r\n]*(?=\{[ \t\r\n]*"(?:time|type|record)")')
# Searching again and again in a body of poison would take long.
_MOST_POISON = 100
# So much is decoded at once in a few milliseconds, and in half the time.
_AT_ONCE_BYTES = 600_000


class Malformed:
    """
    A part of a body that cannot be read as JSON: one event, or the rest.

    Attributes:
        text: That part; undecodable bytes are replaced.
    """

    def __init__(self, text: str) -> None:
        self.text = text


def events(body: bytes) -> Iterator[Any]:
    """
    Yield the events of a body in order, with a `Malformed` for what cannot be read.

    The events of a large body are decoded one by one: whoever waits for the interpreter's
    lock meanwhile, as the receiver that has to answer does, gets it between two of them.

    Args:
        body: A JSON array of events in UTF-8 (Telemetry API, "Event schema reference").
    """
    if len(body) <= _AT_ONCE_BYTES:
        try:
            whole = json.loads(body)
        except (ValueError, RecursionError):
            whole = None
        if isinstance(whole, list):
            yield from whole
            return
    text = body.decode("utf-8", "replace")
    position = _skip(_SPACE, text, 0)
    if text[position : position + 1] != "[":
        yield Malformed(text)
        return
    position = _skip(_SPACE, text, position + 1)
    if text[position : position + 1] == "]":
        position, whole = position + 1, True
    else:
        position, whole = yield from _one_by_one(text, position)
    rest = text[position:]
    if rest.strip() or not whole:
        yield Malformed(rest)


def _one_by_one(text: str, position: int) -> Generator[Any, None, tuple[int, bool]]:
    """Yield the events from a position on; return where that ends, and whether the array does."""
    decode = json.JSONDecoder().raw_decode
    for _ in range(_MOST_POISON):
        while True:
            try:
                event, end = decode(text, position)
            except (ValueError, RecursionError):
                break
            yield event
            if text.startswith(",{", end):
                position = end + 1
                continue
            end = _skip(_SPACE, text, end)
            if text[end : end + 1] == "]":
                return end + 1, True
            if text[end : end + 1] != ",":
                return end, False
            position = _skip(_SPACE, text, end + 1)
        following = _EVENT_START.search(text, position)
        if following is None:
            break
        # What cannot be read of one event, such as a number too long, costs no other event.
        yield Malformed(text[position : following.start()])
        position = following.end()
    return position, False


def _skip(pattern: re.Pattern[str], text: str, position: int) -> int:
    found = pattern.match(text, position)
    return found.end() if found else position
