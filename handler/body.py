"""The body of an HTTP delivery: base64, gzip and JSON, in that order, each where it is there."""

from __future__ import annotations

import binascii
import json
import zlib
from typing import Any

from handler.errors import BodyError

# Firehose's request is at most 64 MiB before compression; base64 makes 4 of 3.
MAX_INFLATED_BYTES = 96 * 1024 * 1024

# Every JSON value but the first stands behind one of these, so that they bound what parsing
# takes. A request of Firehose has "1-10,000 records" and three or four of them in each; base64
# has none.
_BEFORE_VALUES = (b"{", b"[", b":", b",")
_MAX_VALUES = 250_000

# "ID1 = 31, ID2 = 139: these identify the file as being in gzip format" - RFC 1952, 2.3.1
GZIP_MAGIC = b"\x1f\x8b"
# The same after something on the way has decoded it as UTF-8: 0x8b became U+FFFD.
_DESTROYED_GZIP = b"\x1f\xef\xbf\xbd"
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_BLOCK = 4096


def parse_body(event: dict[str, Any], max_bytes: int = MAX_INFLATED_BYTES) -> dict[str, Any]:
    """
    Return the JSON object in an HTTP event's body; its `records` is a list.

    Args:
        event: The event of any HTTP ingress.
        max_bytes: What the body may have when it is inflated.

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
    if sum(map(content.count, _BEFORE_VALUES)) > _MAX_VALUES:
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

    "A gzip file consists of a series of members" - RFC 1952, 2.2; zeros behind the last one
    are padding.

    Args:
        content: The file.
        max_bytes: How many bytes to return at most.

    Returns:
        The bytes, and why there are no more of them: what follows "the body" in a message;
        empty where these are all.
    """
    inflated = bytearray()
    position, problem = 0, ""
    while position < len(content) and not problem:
        if not content[position] and not any(memoryview(content)[position:]):
            break
        position, problem = _inflate_member(content, position, inflated, max_bytes)
    return bytes(inflated), problem


def _inflate_member(
    content: bytes, position: int, inflated: bytearray, max_bytes: int
) -> tuple[int, str]:
    """Append what the member at a position holds; return where it ends, and what is wrong."""
    inflater = zlib.decompressobj(_GZIP_WINDOW)
    while not inflater.eof:
        # The bytes after a member's end are copied, so a large block would make many small
        # members slow. A small one also loses little where a file is broken.
        block = content[position : position + _BLOCK]
        if not block:
            return position, "is gzip that has been cut off"
        try:
            inflated += inflater.decompress(block, max_bytes + 1 - len(inflated))
        except zlib.error:
            return position, f"is broken gzip at about byte {position}"
        if len(inflated) > max_bytes:
            del inflated[max_bytes:]
            return position, f"inflates beyond {max_bytes} bytes"
        position += len(block)
    return position - len(inflater.unused_data), ""


def _decode(event: dict[str, Any]) -> bytes:
    body = event.get("body")
    if not isinstance(body, str) or not body:
        raise BodyError("the request has no body")
    if not event.get("isBase64Encoded"):
        # A lone surrogate is possible in an event and not in UTF-8.
        return body.encode("utf-8", "surrogatepass")
    try:
        return binascii.a2b_base64(body, strict_mode=True)
    except ValueError as error:
        raise BodyError("the body is marked as base64 but is not") from error
