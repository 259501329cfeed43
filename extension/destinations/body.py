"""Bodies of requests, put together from encoded records."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# Log lines are so alike that the quickest level makes a tenth of them.
_QUICKEST = 1
_GZIP_WINDOW = 31


def enclosed(head: bytes, encoded: Sequence[bytes], tail: bytes) -> bytes:
    """Return records, each of which ends with a comma, between a head and a tail."""
    return b"".join((head, *encoded[:-1], encoded[-1][:-1], tail))


def gzipped(body: bytes) -> bytes:
    """Return a body for `content-encoding: gzip`."""
    compressor = zlib.compressobj(_QUICKEST, zlib.DEFLATED, _GZIP_WINDOW)
    return compressor.compress(body) + compressor.flush()
