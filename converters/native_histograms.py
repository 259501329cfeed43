"""Exponential histograms of OTLP as native histograms of Prometheus.

The rules are those of OpenTelemetry's "Prometheus and OpenMetrics Compatibility",
section "Exponential Histograms": the scale becomes the schema; a scale above 8
is reduced to 8, one below -4 is dropped; bucket indexes grow by one, since
OpenTelemetry's bucket `index` has the bounds of Prometheus' bucket `index + 1`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from converters.points import NO_RECORDED_VALUE, STALE_MARKER, milliseconds_of
from converters.schema.remote_write_pb2 import BucketSpan, Histogram
from converters.wire import double_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.proto.metrics.v1.metrics_pb2 import ExponentialHistogramDataPoint

_MIN_SCHEMA = -4
_MAX_SCHEMA = 8
_MAX_INDEX = 2**31 - 1
_MAX_COUNT = 2**63 - 1
# What Prometheus uses where a producer gives no width for its zero bucket.
_ZERO_THRESHOLD = 1e-128


def native_histogram(point: ExponentialHistogramDataPoint) -> Histogram | None:
    """Return the native histogram of a cumulative exponential histogram point.

    None where a native histogram cannot hold it: its buckets are too wide, or a
    count or an index is larger than its fields.
    """
    if point.scale < _MIN_SCHEMA:
        return None
    schema = min(point.scale, _MAX_SCHEMA)
    shift = point.scale - schema
    histogram = Histogram(
        sum=point.sum,
        count_int=point.count,
        schema=schema,
        zero_threshold=point.zero_threshold or _ZERO_THRESHOLD,
        zero_count_int=point.zero_count,
        timestamp=milliseconds_of(point.time_unix_nano),
    )
    if point.flags & NO_RECORDED_VALUE:
        # Prometheus recognises a stale native histogram by its sum alone.
        histogram.sum = double_of(STALE_MARKER)
        return histogram
    positive = _buckets(point.positive.offset, point.positive.bucket_counts, shift)
    negative = _buckets(point.negative.offset, point.negative.bucket_counts, shift)
    if not (_fits(positive) and _fits(negative)):
        return None
    spans, deltas = _spans(positive)
    histogram.positive_spans.extend(spans)
    histogram.positive_deltas.extend(deltas)
    spans, deltas = _spans(negative)
    histogram.negative_spans.extend(spans)
    histogram.negative_deltas.extend(deltas)
    return histogram


def _buckets(offset: int, counts: Iterable[int], shift: int) -> dict[int, int]:
    """Return the counts of the non-empty buckets by Prometheus' index, in ascending order."""
    merged: dict[int, int] = {}
    for index, count in enumerate(counts, offset):
        if count:
            # Halving the resolution once merges the buckets 2i and 2i+1.
            bucket = (index >> shift) + 1
            merged[bucket] = merged.get(bucket, 0) + count
    return merged


def _fits(buckets: dict[int, int]) -> bool:
    """Return whether all indexes fit a sint32, and all differences of counts a sint64."""
    highest = max(buckets, default=0)
    return highest <= _MAX_INDEX and max(buckets.values(), default=0) <= _MAX_COUNT


def _spans(buckets: dict[int, int]) -> tuple[list[BucketSpan], list[int]]:
    """Return the spans of the buckets, and each bucket's difference to the one before."""
    spans: list[BucketSpan] = []
    deltas: list[int] = []
    next_bucket = previous = 0
    for bucket, count in buckets.items():
        if spans and bucket == next_bucket:
            spans[-1].length += 1
        else:
            spans.append(BucketSpan(offset=bucket - next_bucket, length=1))
        deltas.append(count - previous)
        previous = count
        next_bucket = bucket + 1
    return spans, deltas
