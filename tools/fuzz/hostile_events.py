"""Events made to take time and memory, each as Lambda would hand it to the function."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from testing.events.firehose import delivery_body, headers
from testing.events.ingresses import SENT_MS, Event, function_url, transformation
from testing.events.large import large_delivery, large_points, large_records
from testing.events.otlp import Format
from tools.fuzz.hostile_records import RECORDS

if TYPE_CHECKING:
    from collections.abc import Callable

_REQUEST_ID = "00000000-0000-4000-8000-000000000bad"


@dataclass(frozen=True)
class Case:
    """
    An event and what it has to come to.

    Attributes:
        name: What it shows.
        make: Makes the event.
        statuses: The answers that are right.
        limit_mb: What the process may take at most, in MB of 10^6 bytes.
    """

    name: str
    make: Callable[[], Event]
    statuses: frozenset[int] = frozenset({400})
    limit_mb: int = 600


def gzip_event(body: bytes) -> Event:
    """Return a delivery with that body, gzipped, through a Function URL."""
    return encoded_event(gzip.compress(body, mtime=0))


def encoded_event(content: bytes) -> Event:
    """Return a delivery with that content, base64-encoded, through a Function URL."""
    return function_url(headers(_REQUEST_ID), content, base64=True)


def record_event(record: bytes) -> Event:
    """Return a delivery of one record, gzipped."""
    return gzip_event(delivery_body([record], _REQUEST_ID, SENT_MS).encode())


def zeros(size: int) -> bytes:
    """Return gzip of so many zeros."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(1 << 20)
    pieces = [deflater.compress(block) for _ in range(size >> 20)]
    return b"".join([*pieces, deflater.flush()])


def largest_delivery() -> Event:
    """Return what Firehose can send at most: 10,000 records, 64 MiB before compression."""
    records = large_records(large_points(198_000, 0), Format.V1_0)
    records += [b""] * (10_000 - len(records))
    return gzip_event(delivery_body(records, _REQUEST_ID, SENT_MS).encode())


def _text_event(body: str) -> Event:
    return function_url(headers(_REQUEST_ID), body)


def _repeated(value: bytes, count: int) -> bytes:
    return b'{"records": [' + (value + b",") * (count - 1) + value + b"]}"


def _bodies() -> list[Case]:
    deep = "[" * 4_500_000
    return [
        Case("16,000 points, a 6 MB event", _six_megabytes, frozenset({200})),
        Case("64 MiB in 10,000 records", largest_delivery, frozenset({200}), 900),
        Case("4 GiB of zeros in 64 gzip members", lambda: encoded_event(zeros(1 << 26) * 64)),
        Case("gzip of gzip of zeros", lambda: encoded_event(gzip.compress(zeros(1 << 28)))),
        Case("220,000 gzip members", lambda: encoded_event(gzip.compress(b"") * 220_000)),
        Case("JSON nested 4.5 million deep", lambda: _text_event(deep)),
        Case("nested 4.5 million deep", lambda: _text_event('{"records":' * 400_000)),
        Case("1 million empty records", lambda: gzip_event(_repeated(b"{}", 1_000_000))),
        Case(
            "1 million records of 1 byte",
            lambda: gzip_event(_repeated(b'{"data":"AA=="}', 1_000_000)),
        ),
        Case("33 million empty records", lambda: gzip_event(_repeated(b"{}", 33_000_000))),
        Case("50 million numbers", lambda: gzip_event(_repeated(b"1", 50_000_000))),
        Case(
            "80,000 records that are no base64",
            lambda: gzip_event(_repeated(b'{"data":"%"}', 80_000)),
        ),
        Case(
            "a transformation of 40,000 records",
            lambda: transformation([b"\x00"] * 40_000),
            frozenset({0}),
        ),
    ]


def _six_megabytes() -> Event:
    return large_delivery(16_000, 0, Format.V1_0)


# A record may be all right and take the whole time, or be more than a delivery may be.
_OF_RECORDS = frozenset({200, 400, 503})


def cases() -> list[Case]:
    """Return all cases."""
    of_records = [
        Case(name, lambda make=make: record_event(make()), _OF_RECORDS, 1_200)  # type: ignore[misc]
        for name, make in RECORDS.items()
    ]
    return [*_bodies(), *of_records]
