"""
Objects of failed deliveries: one JSON object per record, the record in `rawData`.

    {"attemptsMade":5,"arrivalTimestamp":1594265943615,"errorCode":"...","errorMessage":"...",
     "attemptEndingTimestamp":1594266062318,"rawData":"<base64>",...}

below `http-endpoint-failed/` and, with `lambdaArn`, below `processing-failed/`.
Firehose puts the endpoint's words into `errorMessage` as they came, with quotes
and line breaks, so an object need not be JSON. What counts is `rawData`.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from handler.delivery import Record, parse_record

if TYPE_CHECKING:
    from collections.abc import Iterator

_BEGINNING = re.compile(r'\{\s*"(?:attemptsMade|arrivalTimestamp|rawData)"\s*:')
_RAW_DATA = re.compile(r'"rawData"\s*:\s*("[^"\\]*(?:\\.[^"\\]*)*")', re.DOTALL)
_KEY = re.compile(r'"rawData"\s*:')
_BETWEEN = re.compile(r"[\s,\[\]]*")

# Characters; an object of a record has some thousand to 1.4 million.
_FIRST_PIECE = 16_384

# Not strict: a line break inside a text is no reason to look further.
_DECODER = json.JSONDecoder(strict=False)


def looks_failed(data: bytes) -> bool:
    """Tell whether an object's content is of this form, be it broken."""
    head = data[:4096].decode("utf-8", "replace")
    start = _BETWEEN.match(head)
    if start and _BEGINNING.match(head, start.end()):
        return True
    return b'"rawData"' in data


def failed_records(data: bytes) -> list[Record]:
    """
    Return every record of an object of failed deliveries.

    Args:
        data: The content; objects with or without line breaks between them.

    Returns:
        The records in their order. One that cannot be read has a problem
        instead of content, and so has a part in which there is no record.
    """
    records: list[Record] = []
    for place, raw_data, problem in _entries(data.decode("utf-8", "replace")):
        number = len(records)
        if problem:
            records.append(Record(number, None, f"at character {place}: {problem}"))
        else:
            records.append(parse_record(number, {"data": raw_data}))
    return records


def _entries(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield each record: where its object is, its base64, and why there is none."""
    place = _end_of_gap(text, 0)
    following = 0
    while place < len(text):
        if following <= place:
            match = _BEGINNING.search(text, place + 1)
            following = match.start() if match else len(text)
        whole = _whole_object(text, place, following)
        if whole is not None:
            end, raw_data = whole
            yield place, raw_data, ""
        else:
            end = following
            yield from _search(text, place, end)
        place = _end_of_gap(text, end)


def _whole_object(text: str, place: int, following: int) -> tuple[int, str] | None:
    """
    Return where a sound object ends, and its record; None where it is not sound.

    It is looked for in pieces, each eight times the one before, and up to where
    another object seems to begin: an error counts all lines before it, which for
    many broken objects in one large text would take quadratic time.
    """
    size = _FIRST_PIECE
    while True:
        piece = text[place : min(place + size, following)]
        try:
            value, length = _DECODER.raw_decode(piece)
            break
        except (ValueError, RecursionError):
            if place + size >= following:
                return None
            size *= 8
    # A quote and a brace in the endpoint's words may have ended the object before its record.
    raw_data = value.get("rawData") if isinstance(value, dict) else None
    return (place + length, raw_data) if isinstance(raw_data, str) else None


def _search(text: str, begin: int, end: int) -> Iterator[tuple[int, str, str]]:
    """Yield what is found in a part of the text that is no sound object."""
    behind = begin
    # Several may be there where the words quote one, or where an object in the middle does
    # not begin as Firehose begins it: sending one too many harms nobody.
    for match in _RAW_DATA.finditer(text, begin, end):
        behind = match.end()
        try:
            raw_data = json.loads(match[1], strict=False)
        except ValueError:
            yield match.start(), "", "its rawData is not JSON text"
        else:
            yield match.start(), raw_data, ""
    if _KEY.search(text, behind, end):
        yield begin, "", "its rawData is cut off or no text"
    elif behind == begin:
        yield begin, "", f"there is no rawData in these {end - begin} characters"


def _end_of_gap(text: str, place: int) -> int:
    match = _BETWEEN.match(text, place)
    return match.end() if match else place
