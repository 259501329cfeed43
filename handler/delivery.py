"""A delivery of Firehose: its body, records and common attributes, whatever ingress it came by."""

import gzip
import io
import json
import zlib
from typing import Any, NamedTuple

import pybase64

from handler.errors import BodyError

# Firehose's request is at most 64 MiB before compression; base64 makes 4 of 3.
MAX_INFLATED_BYTES = 96 * 1024 * 1024

# Every JSON value but the first comes after one of these, so counting them bounds what parsing
# takes. A request has "1-10,000 records", of three or four each; base64 has none.
_BEFORE_VALUES = (b"{", b"[", b":", b",")
_MAX_VALUES = 250_000

# "ID1 = 31, ID2 = 139: these identify the file as being in gzip format" - RFC 1952, 2.3.1
GZIP_MAGIC = b"\x1f\x8b"
# The same after an ingress has decoded it as UTF-8: 0x8b became U+FFFD.
_DESTROYED_GZIP = b"\x1f\xef\xbf\xbd"
_BLOCK = 1 << 20


class CommonAttributes(NamedTuple):
    """What the operator attached to the Firehose stream for this function.

    Attributes:
        p8s_logzio_name: Takes precedence over the setting of that name; None where absent.
        custom_listener: Takes precedence over LOGZIO_METRICS_LISTENER; None where absent.
        warning: Why the header was ignored; empty where it was not.
    """

    p8s_logzio_name: str | None = None
    custom_listener: str | None = None
    warning: str = ""


class Record(NamedTuple):
    """One record of a delivery.

    Attributes:
        number: Its place in the delivery, from 0.
        content: Its bytes; None where they cannot be read.
        problem: Why they cannot be read.
        record_id: The id that a transformation is answered with; empty for HTTP.
        encoded: Its base64, where the answer has to repeat it.
    """

    number: int
    content: bytes | None
    problem: str = ""
    record_id: str = ""
    encoded: str = ""


class Delivery(NamedTuple):
    """One request of Firehose, parsed.

    Attributes:
        request_id: Firehose's id of the request (or of the transformation's invocation).
        source_arn: The Firehose stream.
        common: The common attributes of the Firehose stream.
        records: All records, also those that cannot be read.
        delivered_ms: When Firehose put the delivery together, ms since the epoch.
    """

    request_id: str
    source_arn: str
    common: CommonAttributes
    records: tuple[Record, ...]
    delivered_ms: int | None


def parse_body(event: dict[str, Any], max_bytes: int = MAX_INFLATED_BYTES) -> dict[str, Any]:
    """Return the JSON object in an HTTP event's body; its `records` is a list.

    Args:
        event: The event of any HTTP ingress.
        max_bytes: The largest size of the body, inflated.

    Raises:
        BodyError: The body is missing, broken, too large or not Firehose's.
    """
    content = _decode(event)
    if content.startswith(_DESTROYED_GZIP):
        raise BodyError(
            "the body was gzip and the ingress has destroyed it: turn Firehose's content "
            "encoding off, or use a Function URL"
        )
    if content.startswith(GZIP_MAGIC):
        content = inflate(content, max_bytes)
    if len(content) > max_bytes:
        raise BodyError(f"the body is larger than {max_bytes} bytes")
    if _has_more_values(content, _MAX_VALUES):
        raise BodyError(
            f"the body has more than {_MAX_VALUES} JSON values: Firehose sends at most 10,000 "
            "records in a request"
        )
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BodyError("the body is not JSON") from error
    if not isinstance(value, dict) or not isinstance(value.get("records"), list):
        raise BodyError("the body has no list records: this is not a delivery of Firehose")
    return value


def _has_more_values(content: bytes, most: int) -> bool:
    # Searching for a byte is over ten times faster than counting it, and base64 has none of these.
    for sign in _BEFORE_VALUES:
        position = content.find(sign)
        while position >= 0:
            most -= 1
            if most < 0:
                return True
            position = content.find(sign, position + 1)
    return False


def _decode(event: dict[str, Any]) -> bytes:
    body = event.get("body")
    if not isinstance(body, str) or not body:
        raise BodyError("the request has no body")
    if not event.get("isBase64Encoded"):
        # JSON can hold half of a surrogate pair, which UTF-8 cannot.
        return body.encode("utf-8", "surrogatepass")
    try:
        return pybase64.b64decode(body, validate=True)
    except ValueError as error:
        raise BodyError("the body is marked as base64 but is not") from error


def inflate(content: bytes, max_bytes: int = MAX_INFLATED_BYTES) -> bytes:
    """Return what a gzip file of one or more members holds.

    Raises:
        BodyError: It is broken, or holds more than `max_bytes`.
    """
    inflated, problem = inflate_members(content, max_bytes)
    if problem:
        raise BodyError(f"the body {problem}")
    return inflated


def inflate_members(content: bytes, max_bytes: int) -> tuple[bytes, str]:
    """Return what a gzip file of one or more members holds, as far as it can be read.

    Args:
        content: The file.
        max_bytes: The limit of what is returned.

    Returns:
        The bytes, and why there are no more of them, as the rest of a sentence; empty if these
        are all.
    """
    inflated, problem = bytearray(), ""
    try:
        with gzip.open(io.BytesIO(content)) as file:
            # read1 returns what it has inflated before it finds an error.
            while len(inflated) <= max_bytes and (piece := file.read1(_BLOCK)):
                inflated += piece
    except EOFError:
        problem = "is gzip that has been cut off"
    except (OSError, zlib.error):
        problem = "is broken gzip"
    if len(inflated) > max_bytes:
        del inflated[max_bytes:]
        problem = f"inflates beyond {max_bytes} bytes"
    return bytes(inflated), problem


def parse_record(number: int, record: Any, *, keep_encoded: bool = False) -> Record:
    """Return a record of Firehose's JSON: an object whose `data` is base64.

    Args:
        number: Its place in the delivery, from 0.
        record: The element of `records`.
        keep_encoded: Whether the answer needs the base64, a third larger than the record.
    """
    if not isinstance(record, dict):
        return Record(number, None, "it is not an object")
    record_id = record.get("recordId")
    if not isinstance(record_id, str):
        record_id = ""
    # Lambda writes the answer as UTF-8, which half of a surrogate pair would break as a whole.
    record_id = record_id.encode("utf-8", "backslashreplace").decode()
    encoded = record.get("data")
    if not isinstance(encoded, str):
        return Record(number, None, "it has no data", record_id)
    kept = encoded if keep_encoded else ""
    try:
        # Without validation, characters outside of the alphabet would be ignored.
        content = pybase64.b64decode(encoded, validate=True)
    except ValueError as error:
        return Record(number, None, f"its data is not base64: {error}", record_id, kept)
    return Record(number, content, "", record_id, kept)


def parse_common_attributes(header: str | None) -> CommonAttributes:
    """Return what the header X-Amz-Firehose-Common-Attributes says: `{"commonAttributes": {...}}`.

    Keys may be in any case. A header of another form is ignored, with a warning, since a delivery
    must not fail over it.
    """
    if not header:
        return CommonAttributes()
    try:
        value = json.loads(header)
    except (ValueError, RecursionError):
        return CommonAttributes(warning="the common attributes are not JSON and were ignored")
    attributes = value.get("commonAttributes") if isinstance(value, dict) else None
    if not isinstance(attributes, dict):
        return CommonAttributes(
            warning="the common attributes have no object commonAttributes and were ignored"
        )
    texts = {key.upper(): text for key, text in attributes.items() if isinstance(text, str)}
    try:
        "".join(texts.values()).encode()
    except UnicodeEncodeError:
        # JSON can hold half of a surrogate pair; no label and no URL can.
        return CommonAttributes(warning="the common attributes are not Unicode and were ignored")
    return CommonAttributes(
        p8s_logzio_name=texts.get("P8S_LOGZIO_NAME", "").strip() or None,
        custom_listener=texts.get("CUSTOM_LISTENER", "").strip() or None,
    )


def milliseconds(value: Any) -> int | None:
    """Return a JSON number that can be ms since the epoch; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 < value < 1 << 62 else None
