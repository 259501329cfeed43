"""Records made to take time and memory: few bytes of which much becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from converters.wire import encode_field
from tools.fuzz.wire import (
    ATTRIBUTE_OF_POINT,
    ATTRIBUTE_OF_RESOURCE,
    GAUGE,
    HISTOGRAM,
    QUANTILE,
    RESOURCE_METRICS,
    attribute,
    framed,
    message,
    metric,
    summary_point,
)

if TYPE_CHECKING:
    from collections.abc import Callable

# All that fits 96 MiB of JSON, less than Firehose's 64 MiB by none.
_LARGEST = 70_000_000


def empty_messages() -> bytes:
    """Return nothing but messages of no bytes."""
    return bytes(_LARGEST)


def tiny_messages() -> bytes:
    """Return messages of two bytes that say nothing."""
    return framed(b"\x08\x00") * (_LARGEST // 3)


def same_points(count: int) -> bytes:
    """Return one metric with so many points of eleven bytes, all the same."""
    return framed(message(metric(b"m", summary_point() * count)))


def different_points(count: int) -> bytes:
    """Return one metric with so many points of series of their own."""
    points = (summary_point(attribute("k", f"{number:x}")) for number in range(count))
    return framed(message(metric(b"m", b"".join(points))))


def empty_resources() -> bytes:
    """Return five million resources of two bytes in one message."""
    return framed(encode_field(RESOURCE_METRICS, b"") * 5_000_000)


def empty_metrics() -> bytes:
    """Return five million metrics of two bytes in one message."""
    return framed(message(b"\x12\x00" * 5_000_000))


def empty_gauge_points() -> bytes:
    """Return one gauge with five million points of two bytes."""
    return framed(message(metric(b"m", b"\x0a\x00" * 5_000_000, GAUGE)))


def buckets() -> bytes:
    """Return histograms of a thousand buckets each, as many as fit."""
    bounds = encode_field(b"\x3a", b"".join(_double(n) for n in range(1_000)))
    counts = encode_field(b"\x32", (1).to_bytes(8, "little") * 1_001)
    point = summary_point(rest=bounds + counts)
    cumulative = point * (9_000_000 // len(point)) + b"\x10\x02"
    return framed(message(metric(b"m", cumulative, HISTOGRAM)))


def percentiles() -> bytes:
    """Return one point with five million percentiles of two bytes."""
    return framed(message(metric(b"m", summary_point(rest=(QUANTILE + b"\x00") * 5_000_000))))


def many_attributes() -> bytes:
    """Return one point with three hundred thousand attributes."""
    pairs = [attribute(f"k{number}", "v") for number in range(300_000)]
    return framed(message(metric(b"m", summary_point(*pairs))))


def empty_attributes() -> bytes:
    """Return one point with five million attributes of two bytes."""
    rest = (ATTRIBUTE_OF_POINT + b"\x00") * 5_000_000
    return framed(message(metric(b"m", summary_point(rest=rest))))


def huge_value() -> bytes:
    """Return one point with one label of forty megabytes."""
    return framed(message(metric(b"m", summary_point(attribute("k", "v" * 40_000_000)))))


def resource_of_many_labels() -> bytes:
    """Return a resource of a hundred thousand attributes above ten thousand series."""
    pairs = (attribute(f"k{number}", "v") for number in range(100_000))
    return _below_resource(b"".join(encode_field(ATTRIBUTE_OF_RESOURCE, p) for p in pairs), 10_000)


def resource_of_one_long_label() -> bytes:
    """Return a resource with a value of 200 kB above a hundred thousand series."""
    long = encode_field(ATTRIBUTE_OF_RESOURCE, attribute("k", "v" * 200_000))
    return _below_resource(long, 100_000)


def names_in_a_chain() -> bytes:
    """Return a resource whose attributes are called a, resource_a, resource_resource_a, ..."""
    names = ["resource_" * depth + "account" for depth in range(1_500)]
    pairs = (encode_field(ATTRIBUTE_OF_RESOURCE, attribute(name, "v")) for name in names)
    points = (summary_point(attribute("resource_account", str(n))) for n in range(1_000))
    return framed(message(metric(b"m", b"".join(points)), b"".join(pairs)))


def long_metric_name() -> bytes:
    """Return a metric with a name of a megabyte above series of labels of many lengths."""
    points = (summary_point(attribute("k", "v" * length)) for length in range(5_000))
    return framed(message(metric(b"m" * 1_000_000, b"".join(points))))


def long_lines() -> bytes:
    """Return what looks like JSON of another output format, of one line without an end."""
    return b'{"a":[' + b"{}," * (_LARGEST // 3)


def demo_lines() -> bytes:
    """Return what looks like demo data, of nothing but line ends."""
    return b'{"TICKER_SYMBOL":1,"SECTOR":1,"CHANGE":1}' + b"\n" * _LARGEST


def _below_resource(resource: bytes, series: int) -> bytes:
    points = (summary_point(attribute("i", f"{number:x}")) for number in range(series))
    return framed(message(metric(b"m", b"".join(points)), resource))


def _double(number: int) -> bytes:
    return number.to_bytes(8, "little")


RECORDS: dict[str, Callable[[], bytes]] = {
    "70 million empty messages": empty_messages,
    "23 million messages of 2 bytes": tiny_messages,
    "900,000 points of one series": lambda: same_points(900_000),
    "5 million points of one series": lambda: same_points(5_000_000),
    "1 million series": lambda: different_points(1_000_000),
    "5 million empty resources": empty_resources,
    "5 million empty metrics": empty_metrics,
    "5 million empty points of a gauge": empty_gauge_points,
    "histograms of 1,000 buckets, 9 MB": buckets,
    "5 million percentiles in a point": percentiles,
    "300,000 labels on a point": many_attributes,
    "5 million empty labels on a point": empty_attributes,
    "a label of 40 MB": huge_value,
    "100,000 resource labels on 10,000 series": resource_of_many_labels,
    "a resource label of 200 kB on 100,000 series": resource_of_one_long_label,
    "1,500 resource labels that all move": names_in_a_chain,
    "a metric name of 1 MB": long_metric_name,
    "JSON of 70 MB in one line": long_lines,
    "70 million line ends of demo data": demo_lines,
}
"""What the record shows, and what makes it."""
