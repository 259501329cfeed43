"""
Objects of all data: raw records one behind the other, with nothing in between.

The stack's Firehose writes them below `all-data/` with S3BackupMode AllData. A
record is a sequence of length-delimited messages, so their concatenation is
one too; where a record ended is lost, and does not matter.

Text may stand in between: what the console of Firehose sends as demo data, and
what a metric stream wrote before its output format was set right.
"""

from __future__ import annotations

import json

from converters.errors import RecordError
from converters.records import decode_record
from converters.wire import read_length
from handler.delivery import Record

# No message of OTLP begins so behind its length: the brace would be a length of 123, and the
# quotation mark a field that no request has.
_TEXT = b'{"'
# A line of demo data, or of a stream in JSON, has some hundred bytes.
_MAX_TEXT = 65_536


def looks_framed(data: bytes) -> bool:
    """Tell whether content begins with a length and an OTLP message of it that says something."""
    try:
        length, begin = read_length(data, 0)
        first = decode_record(data[: begin + length]) if begin + length <= len(data) else []
    except RecordError:
        return False
    return any(message.resource_metrics for message in first)


def framed_records(data: bytes) -> list[Record]:
    """
    Return each message of an object of all data, with its length, as a record.

    JSON in between is left out where it is demo data, and has a problem otherwise.
    Where a length is broken nothing behind it can be told apart: the last record
    then says so instead of having content.
    """
    records: list[Record] = []
    position = 0
    while position < len(data):
        end = _end_of_text(data, position)
        if end > position:
            try:
                decode_record(data[position:end])
            except RecordError as error:
                records.append(Record(len(records), None, str(error)))
            position = end
            continue
        problem = ""
        try:
            length, begin = read_length(data, position)
        except RecordError as error:
            problem, length, begin = str(error), 0, position
        if begin + length > len(data):
            problem = f"the message at byte {position} is said to have {length} bytes"
        if problem:
            left = len(data) - position
            text = f"{problem}; the last {left} bytes of the object cannot be read"
            records.append(Record(len(records), None, text))
            break
        if length:
            records.append(Record(len(records), data[position : begin + length]))
        position = begin + length
    return records


def _end_of_text(data: bytes, position: int) -> int:
    """Return where the JSON object at a position ends, with its line; the position if none."""
    if not data.startswith(_TEXT, position):
        return position
    # Of Latin-1 every character is a byte.
    piece = data[position : position + _MAX_TEXT].decode("latin-1")
    try:
        _, length = json.JSONDecoder(strict=False).raw_decode(piece)
    except (ValueError, RecursionError):
        return position
    end = position + length
    for line_end in (b"\r\n", b"\n"):
        if data.startswith(line_end, end):
            return end + len(line_end)
    return end
