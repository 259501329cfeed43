"""What a stored object holds once it is unpacked, as far as it can be."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

# Firehose buffers at most 128 MiB before compression; base64 makes 4 of 3.
MAX_BYTES = 192 * 1024 * 1024

# "ID1 = 31, ID2 = 139: these identify the file as being in gzip format" - RFC 1952, 2.3.1
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
# What is lost before the place where gzip is broken is less than one block.
_BLOCK = 4096


@dataclass(frozen=True)
class Content:
    """
    An object's bytes.

    Attributes:
        data: All that could be unpacked.
        problem: Why there is no more of it; empty where this is all.
    """

    data: bytes
    problem: str = ""


def unpack(stored: bytes, max_bytes: int = MAX_BYTES) -> Content:
    """
    Return what an object holds, gzip of one or more members or plain.

    Args:
        stored: The object.
        max_bytes: What it may have when it is unpacked.
    """
    if not stored.startswith(_GZIP_MAGIC):
        if len(stored) > max_bytes:
            return Content(b"", f"the object is larger than {max_bytes} bytes")
        return Content(stored)
    unpacked = bytearray()
    position, problem = 0, ""
    while position < len(stored) and not problem:
        if not stored.startswith(_GZIP_MAGIC, position):
            # Zeros behind the last member are padding.
            if any(memoryview(stored)[position:]):
                problem = f"what follows the gzip at byte {position} is none"
            break
        position, problem = _unpack_member(stored, position, unpacked, max_bytes)
    return Content(bytes(unpacked), problem)


def _unpack_member(
    stored: bytes, position: int, unpacked: bytearray, max_bytes: int
) -> tuple[int, str]:
    """Append what a member holds; return where it ends, and what is wrong with it."""
    inflater = zlib.decompressobj(_GZIP_WINDOW)
    while not inflater.eof:
        block = stored[position : position + _BLOCK]
        if not block:
            return position, "the gzip has been cut off"
        try:
            unpacked += inflater.decompress(block, max_bytes + 1 - len(unpacked))
        except zlib.error:
            return position, f"the gzip is broken at about byte {position}"
        if len(unpacked) > max_bytes:
            del unpacked[max_bytes:]
            return position, f"the object unpacks to more than {max_bytes} bytes"
        position += len(block)
    return position - len(inflater.unused_data), ""
