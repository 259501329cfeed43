"""Events made to take time and memory, each as Lambda would pass it to the function."""

import gzip
import hashlib
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from converters.wire import encode_field
from testing.events.firehose import delivery_body, headers
from testing.events.ingresses import SENT_MS, Event, function_url, transformation
from testing.events.large import large_delivery, large_points, large_records
from testing.events.otlp import Format
from tools.fuzz import wire
from tools.fuzz.wire import attribute, framed, message, metric, summary_point

_REQUEST_ID = "00000000-0000-4000-8000-000000000bad"
# What fits into 96 MiB of JSON as base64.
_LARGEST = 70_000_000
# Firehose's records have at most 1,000 KiB; a larger one is refused unread.
_RECORD = 1_000_000
# Records may be sound and take the whole time, or be more than a delivery may hold.
_RECORD_STATUSES = frozenset({200, 400, 503})


@dataclass(frozen=True)
class Case:
    """An event and what may come of it.

    Attributes:
        name: What it shows.
        make: Makes the event.
        statuses: The statuses that are right; 0: records of a transformation.
        limit_mb: The most memory of the process, in MB of 10^6 bytes. 480 are what the
            logs extension leaves of 512 MiB, the template's default.
        memory_mb: The function's memory, in MiB.
        limit_ms: The most CPU time of the handler, in milliseconds; None for no such limit.
    """

    name: str
    make: Callable[[], Event]
    statuses: frozenset[int] = frozenset({400})
    limit_mb: int = 480
    memory_mb: int = 512
    limit_ms: float | None = None


def cases() -> list[Case]:
    """Return all cases: requests of strangers, hostile bodies, sound bodies of hostile records."""
    return [
        *_strangers(),
        *_bodies(),
        *(
            Case(name, lambda make=make: _gzip(_body(make())), _RECORD_STATUSES)  # type: ignore[misc]
            for name, make in _RECORDS.items()
        ),
    ]


def _encoded(content: bytes) -> Event:
    return function_url(headers(_REQUEST_ID), content, base64=True)


def _gzip(body: bytes) -> Event:
    return _encoded(gzip.compress(body, mtime=0))


def _text(body: str) -> Event:
    return function_url(headers(_REQUEST_ID), body)


def _body(records: list[bytes]) -> bytes:
    return delivery_body(records, _REQUEST_ID, SENT_MS).encode()


def _zeros(size: int) -> bytes:
    """Return that many zeros, gzipped."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(1 << 20)
    return b"".join([*(deflater.compress(block) for _ in range(size >> 20)), deflater.flush()])


def _repeated(record: bytes, count: int) -> Event:
    """Return a body with the same JSON value for each record."""
    return _gzip(b'{"records": [' + (record + b",") * (count - 1) + record + b"]}")


def largest_delivery() -> Event:
    """Return the largest delivery of Firehose: 10,000 records, 64 MiB before compression."""
    records = large_records(large_points(198_000, 0), Format.V1_0)
    return _gzip(_body(records + [b""] * (10_000 - len(records))))


def _strangers() -> list[Case]:
    """Return requests without the right key, which must cost next to nothing."""

    def stranger(
        key: str | None, request_id: str = _REQUEST_ID, body: str | bytes = "{}", **more: str
    ) -> Event:
        sent = headers(request_id, key) | {"X-Amz-Firehose-Source-Arn": request_id} | more
        return function_url(sent, body, base64=isinstance(body, bytes))

    def key(length: int) -> str:
        # Of characters that each log line, URL and page writes in a way of its own.
        return ("k9+/&<'\"\\\u00e9" * (length // 10 + 1))[:length]

    requests: dict[str, Callable[[], Event]] = {
        "a wrong key": lambda: stranger("wrong"),
        "a wrong key of 4,096 characters": lambda: stranger(key(4_096)),
        "a wrong key of 7,900, ids of 1,001 characters": lambda: stranger(
            key(7_900), _incompressible(1_001)
        ),
        "a wrong key of 4,096, ids of 999 characters": lambda: stranger(
            key(4_096), _incompressible(999)
        ),
        "a wrong key of 60,000, ids of 60,000 characters": lambda: stranger(
            key(60_000), key(60_000)
        ),
        "a wrong key of 5 MB": lambda: stranger(key(5_000_000)),
        "a wrong key, a request id of 5 MB": lambda: stranger("wrong", key(5_000_000)),
        "a wrong key, a header of 1 MB": lambda: stranger("wrong", x=key(1_000_000)),
        "a wrong key, a header's name of 1 MB": lambda: stranger("wrong", **{key(1_000_000): "x"}),
        "a wrong key, 100,000 headers": lambda: stranger(
            "wrong", **{f"x-{number}": "v" for number in range(100_000)}
        ),
        "a wrong key, a body of 6 MB": lambda: stranger(
            "wrong", "", _body([bytes(1_000)] * 4_400).decode()
        ),
        "a wrong key, 4 GiB of zeros": lambda: stranger("wrong", "", _zeros(1 << 26) * 64),
        "no key, a body of 6 MB": lambda: stranger(
            None, "", _body([bytes(1_000)] * 4_400).decode()
        ),
    }
    return [
        Case(name, make, frozenset({400 if name.startswith("no key") else 401}), limit_ms=5.0)
        for name, make in requests.items()
    ]


def _bodies() -> list[Case]:
    accepted = frozenset({200})
    return [
        Case(
            "16,000 points, a 6 MB event",
            lambda: large_delivery(16_000, 0, Format.V1_0),
            accepted,
        ),
        # More than Lambda accepts as an event.
        Case("64 MiB in 10,000 records", largest_delivery, accepted, 900, 1024),
        Case("4 GiB of zeros in 64 gzip members", lambda: _encoded(_zeros(1 << 26) * 64)),
        Case("gzip of gzip of zeros", lambda: _gzip(_zeros(1 << 28))),
        Case("220,000 gzip members", lambda: _encoded(gzip.compress(b"") * 220_000)),
        Case("JSON nested 4.5 million deep", lambda: _text("[" * 4_500_000)),
        Case("records nested 400,000 deep", lambda: _text('{"records":' * 400_000)),
        Case("1 million empty records", lambda: _repeated(b"{}", 1_000_000)),
        Case("1 million records of 1 byte", lambda: _repeated(b'{"data":"AA=="}', 1_000_000)),
        Case("33 million empty records", lambda: _repeated(b"{}", 33_000_000)),
        Case("50 million numbers", lambda: _repeated(b"1", 50_000_000)),
        Case("80,000 records that are not base64", lambda: _repeated(b'{"data":"%"}', 80_000)),
        Case(
            "a transformation of 40,000 records",
            lambda: transformation([b"\x00"] * 40_000),
            frozenset({0}),
        ),
    ]


def _metric(points: bytes, kind: bytes = wire.SUMMARY, *, name: bytes = b"m") -> bytes:
    """Return a record of one metric with these points."""
    return framed(message(metric(name, points, kind)))


def _point(rest: bytes) -> bytes:
    """Return a record of one point with these fields beside its time."""
    return _metric(summary_point(rest=rest))


def _series(count: int, first: int = 0) -> bytes:
    """Return points of a series of their own each."""
    numbers = range(first, first + count)
    return b"".join(summary_point(attribute("k", f"{number:x}")) for number in numbers)


def _below_resource(pairs: Iterable[bytes], points: bytes) -> bytes:
    """Return a record of points whose resource has these attributes."""
    resource = b"".join(encode_field(wire.ATTRIBUTE_OF_RESOURCE, pair) for pair in pairs)
    return framed(message(metric(b"m", points), resource))


def _buckets() -> bytes:
    bounds = encode_field(b"\x3a", b"".join(n.to_bytes(8, "little") for n in range(1_000)))
    counts = encode_field(b"\x32", (1).to_bytes(8, "little") * 1_001)
    point = summary_point(rest=bounds + counts)
    return _metric(point * (_RECORD // len(point)) + b"\x10\x02", wire.HISTOGRAM)


def _names_in_a_chain() -> bytes:
    """Return resource labels a, resource_a, resource_resource_a, ... that all have to move."""
    names = ("resource_" * depth + "account" for depth in range(400))
    points = (summary_point(attribute("resource_account", str(n))) for n in range(1_000))
    return _below_resource((attribute(name, "v") for name in names), b"".join(points))


def _incompressible(size: int) -> str:
    """Return text that looks random, always the same."""
    return hashlib.shake_256(b"hostile").hexdigest(size // 2)


# Minimum and maximum of a CloudWatch point.
_ENDS = wire.QUANTILE + b"\x00" + wire.QUANTILE + b"\x09\x09" + bytes(6) + b"\xf0\x3f"

_RECORDS: dict[str, Callable[[], list[bytes]]] = {
    "a record of 70 MB": lambda: [bytes(_LARGEST)],
    "70 million empty messages": lambda: [bytes(_RECORD)] * 70,
    "23 million messages of 2 bytes": lambda: [framed(b"\x08\x00") * (_RECORD // 3)] * 70,
    "100,000 points of one series": lambda: [_metric(summary_point() * 50_000)] * 2,
    "5 million points of one series": lambda: [_metric(summary_point() * 50_000)] * 100,
    "100,000 periods of one series": lambda: [
        _metric(
            b"".join(summary_point(rest=_ENDS, number=n) for n in range(first, first + 25_000)),
            name=b"amazonaws.com/m",
        )
        for first in range(0, 100_000, 25_000)
    ],
    "1 million series": lambda: [_metric(_series(20_000, n * 20_000)) for n in range(50)],
    "5 million empty resources": lambda: (
        [framed(encode_field(wire.RESOURCE_METRICS, b"") * 500_000)] * 10
    ),
    "5 million empty metrics": lambda: [framed(message(b"\x12\x00" * 500_000))] * 10,
    "5 million empty points of a gauge": lambda: [_metric(b"\x0a\x00" * 500_000, wire.GAUGE)] * 10,
    "histograms of 1,000 buckets, 9 MB": lambda: [_buckets()] * 9,
    "5 million percentiles in 10 points": lambda: (
        [
            _point((wire.QUANTILE + b"\x00") * 500_000),
        ]
        * 10
    ),
    "500,000 labels on 10 points": lambda: [
        _metric(summary_point(*(attribute(f"k{i}-{number}", "v") for number in range(50_000))))
        for i in range(10)
    ],
    "5 million empty labels on 10 points": lambda: (
        [
            _point((wire.ATTRIBUTE_OF_POINT + b"\x00") * 500_000),
        ]
        * 10
    ),
    "40 labels of 1 MB": lambda: [
        _metric(summary_point(attribute(f"k{n}", _incompressible(999_000)))) for n in range(40)
    ],
    "40,000 resource labels on 15,000 series": lambda: [
        _below_resource((attribute(f"k{n}", "v") for n in range(40_000)), _series(15_000))
    ],
    "a resource label of 200 kB on 20,000 series": lambda: [
        _below_resource([attribute("r", _incompressible(200_000))], _series(20_000))
    ],
    "a resource label of 999 kB on 10,000 samples": lambda: [
        _below_resource(
            [attribute("r", _incompressible(999_000))],
            b"".join(summary_point(number=n) for n in range(first, first + 500)),
        )
        for first in range(0, 10_000, 500)
    ],
    "400 resource labels that all move": lambda: [_names_in_a_chain()],
    "a metric name of 500 kB": lambda: [
        _metric(
            b"".join(summary_point(attribute("k", "v" * length)) for length in range(900)),
            name=b"m" * 500_000,
        )
    ],
    "JSON of 1 MB in one line": lambda: [b'{"a":[' + b"{}," * (_RECORD // 3)] * 70,
    "70 million line ends of demo data": lambda: (
        [b'{"TICKER_SYMBOL":1,"SECTOR":1,"CHANGE":1}' + b"\n" * (_RECORD - 50)] * 70
    ),
}
