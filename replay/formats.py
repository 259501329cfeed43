r"""The two formats of a backup object.

Failed deliveries: one JSON object per record, the record in `rawData`::

    {"attemptsMade":5,"arrivalTimestamp":1594265943615,"errorCode":"...","errorMessage":"...",
     "attemptEndingTimestamp":1594266062318,"rawData":"<base64>",...}

below `http-endpoint-failed/` and, with `lambdaArn`, below `processing-failed/`. Firehose copies
the endpoint's message into `errorMessage` unescaped, with quotes and line breaks, so an object
need not be JSON. Only `rawData` matters.

All data: raw records, with nothing between them. The stack's Firehose writes them below
`all-data/` with S3BackupMode AllData. A record is a sequence of length-delimited messages, so
their concatenation is one too; where a record ended is lost, and does not matter. Text may stand
between them: what the console of Firehose sends as demo data, and what a metric stream wrote
before its output format was set right.

Records are made one at a time: an object may hold millions of them, in whatever a broken or
hostile producer has sent.
"""

import json
import re
from collections.abc import Iterator

from converters.errors import RecordError
from converters.records import decode_record, next_message
from converters.wire import read_length
from handler.delivery import Record, parse_record

_BEGINNING = re.compile(r'\{\s*"(?:attemptsMade|arrivalTimestamp|rawData)"\s*:')
_RAW_DATA = re.compile(r'"rawData"\s*:\s*("[^"\\]*(?:\\.[^"\\]*)*")', re.DOTALL)
_KEY = re.compile(r'"rawData"\s*:')
_BETWEEN = re.compile(r"[\s,\[\]]*")

# The object of a record has some thousand bytes to 1.4 million.
_FIRST_PIECE = 16_384

# Not strict: a line break inside a string must not make an object unreadable.
_DECODER = json.JSONDecoder(strict=False)

# No OTLP message begins so after its length: the brace would be a length of 123, and the
# quotation mark a field that no request has.
_TEXT = b'{"'
# A line of demo data, or of a stream in JSON, has some hundred bytes.
_MAX_TEXT = 65_536
_USUAL_TEXT = 512

# No message with a data point of CloudWatch is as short, and millions may fit into an object.
_SHORT_MESSAGE = 64
_MAX_SHORT_BYTES = 65_536


def looks_failed(data: bytes) -> bool:
    """Return whether an object's content has the format of failed deliveries, maybe broken."""
    head = data[:4096].decode("utf-8", "replace")
    return bool(_BEGINNING.match(head, _end_of_gap(head, 0))) or b'"rawData"' in data


def failed_records(data: bytes) -> Iterator[Record]:
    """Iterate over the records of an object of failed deliveries, in their order.

    One that cannot be read has a problem instead of content, and so has a part that holds no
    record.

    Args:
        data: The content; JSON objects with or without line breaks between them.
    """
    # Every byte is a character of Latin-1, which takes one byte in memory. Only `rawData` is
    # used, and that is ASCII.
    for number, (position, raw_data, problem) in enumerate(_entries(data.decode("latin-1"))):
        if problem:
            yield Record(number, None, f"at byte {position}: {problem}")
        else:
            yield parse_record(number, {"data": raw_data})


def _entries(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the position of each JSON object, its rawData, and why there is none."""
    position = _end_of_gap(text, 0)
    following = 0
    while position < len(text):
        if following <= position:
            match = _BEGINNING.search(text, position + 1)
            following = match.start() if match else len(text)
        whole = _whole_object(text, position, following)
        if whole is not None:
            end, raw_data = whole
            yield position, raw_data, ""
        else:
            end = following
            yield from _search(text, position, end)
        position = _end_of_gap(text, end)


def _whole_object(text: str, begin: int, following: int) -> tuple[int, str] | None:
    """Return where a sound JSON object ends, and its rawData; None if it is not sound.

    It is decoded in pieces, each eight times the one before, and up to where the next
    object seems to begin: an error of `json` counts all lines before it, which takes
    quadratic time for many broken objects in one large text.
    """
    size = _FIRST_PIECE
    while True:
        piece = text[begin : min(begin + size, following)]
        try:
            value, length = _DECODER.raw_decode(piece)
            break
        except (ValueError, RecursionError):
            if begin + size >= following:
                return None
            size *= 8
    # A quote and a brace in the endpoint's message may have ended the object before its rawData.
    raw_data = value.get("rawData") if isinstance(value, dict) else None
    return (begin + length, raw_data) if isinstance(raw_data, str) else None


def _search(text: str, begin: int, end: int) -> Iterator[tuple[int, str, str]]:
    """Yield what is found in a part of the text that is not a sound JSON object."""
    behind = begin
    # There may be several, if the message quotes one, or if an object in the middle does
    # not begin as Firehose begins it: sending one too many does no harm.
    for match in _RAW_DATA.finditer(text, begin, end):
        behind = match.end()
        try:
            raw_data = json.loads(match[1], strict=False)
        except ValueError:
            yield match.start(), "", "its rawData is not a JSON string"
        else:
            yield match.start(), raw_data, ""
    if _KEY.search(text, behind, end):
        yield begin, "", "its rawData is cut off or not a string"
    elif behind == begin:
        yield begin, "", f"there is no rawData in these {end - begin} bytes"


def _end_of_gap(text: str, position: int) -> int:
    match = _BETWEEN.match(text, position)
    return match.end() if match else position


def looks_framed(data: bytes) -> bool:
    """Return whether content begins with a length and a non-empty OTLP message of that length."""
    try:
        length, begin = read_length(data, 0)
        first = decode_record(data[: begin + length]) if begin + length <= len(data) else []
    except RecordError:
        return False
    return any(message.resource_metrics for message in first)


def framed_records(data: bytes) -> Iterator[Record]:
    """Iterate over the messages of an object of all data, each with its length, as records.

    Messages too short for a data point of CloudWatch share a record. JSON between messages is left
    out if it is demo data, and has a problem otherwise. What follows a broken length cannot be cut
    into messages: the last record then says so instead of having content.
    """
    number = 0
    short = bytearray()
    for part, problem in _parts(data):
        is_short = not problem and len(part) < _SHORT_MESSAGE
        if short and not (is_short and len(short) < _MAX_SHORT_BYTES):
            yield Record(number, bytes(short))
            number += 1
            short.clear()
        if is_short:
            short += part
        else:
            yield Record(number, None if problem else part, problem)
            number += 1
    if short:
        yield Record(number, bytes(short))


def _parts(data: bytes) -> Iterator[tuple[bytes, str]]:
    """Yield each message with its length, and what is wrong where there is none."""
    position = 0
    while position < len(data):
        end = _end_of_text(data, position)
        if end > position:
            try:
                decode_record(data[position:end])
            except RecordError as error:
                yield b"", str(error)
            position = end
            continue
        following = next_message(data, position)
        if following > position:
            position = following
            continue
        problem = ""
        try:
            length, begin = read_length(data, position)
        except RecordError as error:
            problem, length, begin = str(error), 0, position
        if begin + length > len(data):
            problem = f"the message at byte {position} should have {length} bytes"
        if problem:
            left = len(data) - position
            yield b"", f"{problem}; the last {left} bytes of the object cannot be read"
            return
        if length:
            yield data[position : begin + length], ""
        position = begin + length


def _end_of_text(data: bytes, position: int) -> int:
    """Return where the JSON object at a position ends, with its line; the position if none."""
    if not data.startswith(_TEXT, position):
        return position
    for size in (_USUAL_TEXT, _MAX_TEXT):
        # In Latin-1 every character is a byte, so lengths are the same in both.
        piece = data[position : position + size].decode("latin-1")
        try:
            _, length = _DECODER.raw_decode(piece)
        except (ValueError, RecursionError):
            continue
        end = position + length
        for line_end in (b"\r\n", b"\n"):
            if data.startswith(line_end, end):
                return end + len(line_end)
        return end
    return position
