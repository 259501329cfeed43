"""
Objects of all data: raw records one behind the other, with nothing in between.

The stack's Firehose writes them below `all-data/` with S3BackupMode AllData. A
record is a sequence of length-delimited messages, so their concatenation is
one too; where a record ended is lost, and does not matter.
"""

from __future__ import annotations

from converters.errors import RecordError
from converters.records import decode_record, is_demo_data
from converters.wire import read_length
from handler.delivery import Record


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

    Where a length is broken nothing behind it can be told apart: the last record
    then says so instead of having content.
    """
    if is_demo_data(data):
        return []
    records: list[Record] = []
    position = 0
    while position < len(data):
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
