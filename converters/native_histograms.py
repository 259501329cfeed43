"""Exponential histograms of OTLP as native histograms of Prometheus.

The rules are those of OpenTelemetry's "Prometheus and OpenMetrics Compatibility",
section "Exponential Histograms": the scale becomes the schema; a scale above 8
is reduced to 8, one below -4 is dropped; bucket indexes grow by one, since
OpenTelemetry's bucket `index` has the bounds of Prometheus' bucket `index + 1`.
"""

from collections.abc import Iterable, MutableSequence

from opentelemetry.proto.metrics.v1.metrics_pb2 import ExponentialHistogramDataPoint

from converters.points import NO_RECORDED_VALUE, STALE_MARKER, milliseconds_of
from converters.schema.remote_write_pb2 import BucketSpan, Histogram
from converters.wire import double_of

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
    for buckets, spans, deltas in (
        (point.positive, histogram.positive_spans, histogram.positive_deltas),
        (point.negative, histogram.negative_spans, histogram.negative_deltas),
    ):
        counts = _counts(buckets.offset, buckets.bucket_counts, point.scale - schema)
        if max(counts, default=0) > _MAX_INDEX or max(counts.values(), default=0) > _MAX_COUNT:
            return None
        _add_spans(counts, spans, deltas)
    return histogram


def _counts(offset: int, counts: Iterable[int], shift: int) -> dict[int, int]:
    """Return the counts of the non-empty buckets by Prometheus' index, in ascending order."""
    merged: dict[int, int] = {}
    for index, count in enumerate(counts, offset):
        if count:
            # Halving the resolution once merges the buckets 2i and 2i+1.
            bucket = (index >> shift) + 1
            merged[bucket] = merged.get(bucket, 0) + count
    return merged


def _add_spans(
    counts: dict[int, int], spans: MutableSequence[BucketSpan], deltas: MutableSequence[int]
) -> None:
    """Add the spans of the buckets, and each bucket's difference to the one before."""
    next_bucket = previous = 0
    for bucket, count in counts.items():
        if spans and bucket == next_bucket:
            spans[-1].length += 1
        else:
            spans.append(BucketSpan(offset=bucket - next_bucket, length=1))
        deltas.append(count - previous)
        previous = count
        next_bucket = bucket + 1
