"""Exponential histograms as native histograms, against bounds that are computed independently."""

from collections.abc import Iterable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.metrics.v1 import metrics_pb2 as otlp

from converters.schema.remote_write_pb2 import BucketSpan, Histogram
from testing.converting import assert_sound, bits, convert, decoded, time_series
from testing.rules import labels_of
from tests.support.otlp_building import (
    END_MS,
    END_NS,
    SummaryPoint,
    attributes,
    deliver,
    one_record,
)
from tests.support.properties import examples

_Buckets = otlp.ExponentialHistogramDataPoint.Buckets
_HOUR_NS = 3_600_000_000_000


def _point(
    scale: int = 0,
    positive: tuple[int, list[int]] = (0, []),
    negative: tuple[int, list[int]] = (0, []),
    time_ns: int = END_NS,
    flags: int = 0,
    host: str = "",
    **numbers: float,
) -> otlp.ExponentialHistogramDataPoint:
    buckets = [
        _Buckets(offset=offset, bucket_counts=counts) for offset, counts in (positive, negative)
    ]
    return otlp.ExponentialHistogramDataPoint(
        scale=scale,
        positive=buckets[0],
        negative=buckets[1],
        time_unix_nano=time_ns,
        flags=flags,
        count=int(numbers.get("count", sum(positive[1]) + sum(negative[1]))),
        sum=numbers.get("total", 2.5),
        zero_count=int(numbers.get("zero_count", 0)),
        zero_threshold=numbers.get("zero_threshold", 0.0),
        attributes=attributes((("Host", host),)),
    )


def _record(*points: otlp.ExponentialHistogramDataPoint, name: str = "native.latency") -> bytes:
    exponential = otlp.ExponentialHistogram(
        data_points=points, aggregation_temporality=otlp.AGGREGATION_TEMPORALITY_CUMULATIVE
    )
    metric = otlp.Metric(name=name, exponential_histogram=exponential)
    return one_record(metric.SerializeToString())


def _only(point: otlp.ExponentialHistogramDataPoint) -> Histogram:
    conversion = convert(_record(point), native_histograms=True)
    assert_sound(conversion)
    (series,) = time_series(conversion)
    assert dict(labels_of(series))["__name__"] == "native_latency"
    (histogram,) = series.histograms
    return histogram


def _counts(spans: Iterable[BucketSpan], deltas: Iterable[int]) -> dict[int, int]:
    """Undo spans and deltas: the count of each Prometheus bucket, by its index."""
    counts: dict[int, int] = {}
    index = count = 0
    remaining = iter(deltas)
    for span in spans:
        index += span.offset
        for _ in range(span.length):
            count += next(remaining)
            counts[index] = count
            index += 1
    assert next(remaining, None) is None
    return counts


def _expected(scale: int, schema: int, offset: int, counts: list[int]) -> dict[int, int]:
    """Put each bucket where its bounds lie.

    OpenTelemetry's bucket i of a scale ends at 2 to the power (i + 1) / 2**scale, and
    Prometheus' bucket j of a schema ends at 2 to the power j / 2**schema.
    """
    placed: dict[int, int] = {}
    for index, count in enumerate(counts, offset):
        exponent = Fraction(index + 1) / Fraction(2) ** scale
        bucket = -(-exponent * Fraction(2) ** schema // 1)
        if count:
            placed[int(bucket)] = placed.get(int(bucket), 0) + count
    return placed


@given(
    scale=st.integers(-4, 14),
    offset=st.integers(-5_000, 5_000),
    counts=st.lists(st.sampled_from([0, 0, 1, 2, 3, 2**40]), max_size=40),
    negative=st.lists(st.sampled_from([0, 1, 5]), max_size=5),
)
@examples(100)
def test_buckets(scale: int, offset: int, counts: list[int], negative: list[int]) -> None:
    """Every count lies in the bucket whose bounds hold it, at the finest schema that there is."""
    histogram = _only(_point(scale, (offset, counts), (-offset, negative)))
    assert histogram.schema == min(scale, 8)
    positive = _counts(histogram.positive_spans, histogram.positive_deltas)
    assert positive == _expected(scale, histogram.schema, offset, counts)
    below_zero = _counts(histogram.negative_spans, histogram.negative_deltas)
    assert below_zero == _expected(scale, histogram.schema, -offset, negative)
    assert not histogram.positive_counts
    assert not histogram.negative_counts


def test_written_out() -> None:
    """One histogram, field by field: (1, 2] and (2, 4], nothing, (8, 16], and one below zero."""
    histogram = _only(
        _point(0, (0, [3, 1, 0, 2]), (-1, [4]), zero_count=5, count=15, zero_threshold=0.125)
    )
    assert histogram == Histogram(
        count_int=15,
        sum=2.5,
        schema=0,
        zero_threshold=0.125,
        zero_count_int=5,
        positive_spans=[{"offset": 1, "length": 2}, {"offset": 1, "length": 1}],
        positive_deltas=[3, -2, 1],
        negative_spans=[{"offset": 0, "length": 1}],
        negative_deltas=[4],
        timestamp=END_MS,
    )


def test_zero_threshold() -> None:
    """Where the producer gives no width of the zero bucket, it is Prometheus' own."""
    assert _only(_point()).zero_threshold == 1e-128


def test_no_recorded_value() -> None:
    """A stale native histogram is recognised by its sum."""
    histogram = _only(_point(positive=(0, [1]), flags=1))
    assert bits(histogram.sum) == "7ff0000000000002"


@pytest.mark.parametrize(
    ("point", "reason"),
    [
        (_point(scale=-5), "unsupported"),
        (_point(scale=-(2**31)), "unsupported"),
        (_point(time_ns=0), "no_timestamp"),
        (_point(0, (2**31 - 1, [1])), "unsupported"),
        (_point(0, (0, [2**63]), count=1), "unsupported"),
        (_point(0, (0, [2**64 - 1]), count=1), "unsupported"),
        (_point(9, (0, [2**62, 2**62]), count=1), "unsupported"),
        (_point(0, (0, []), (0, [2**63]), count=1), "unsupported"),
    ],
)
def test_dropped(point: otlp.ExponentialHistogramDataPoint, reason: str) -> None:
    """What a native histogram cannot hold is counted, and costs nothing else."""
    conversion = convert(_record(point), deliver([SummaryPoint()]), native_histograms=True)
    assert not conversion.failures
    assert conversion.dropped_points == {reason: 1}
    assert (conversion.data_points, conversion.samples) == (2, 4)


def test_huge_scale() -> None:
    """The finest scale there is ends in one bucket next to 1."""
    histogram = _only(_point(2**31 - 1, (-1, [2, 3])))
    assert _counts(histogram.positive_spans, histogram.positive_deltas) == {0: 2, 1: 3}


def test_own_bodies() -> None:
    """Native histograms never share a body with samples, nor late ones with recent ones."""
    late = END_NS - 26 * _HOUR_NS
    conversion = convert(
        deliver([SummaryPoint(), SummaryPoint(time_ns=late, dimensions=())]),
        _record(_point(positive=(0, [1])), _point(positive=(0, [2]), time_ns=late)),
        _record(_point(positive=(0, [1]), time_ns=late), name="other"),
        native_histograms=True,
    )
    assert_sound(conversion)
    shapes = [
        [(len(series.samples), len(series.histograms)) for series in decoded(body).timeseries]
        for lane in conversion.lanes
        for body in lane
    ]
    assert shapes == [[(1, 0)] * 4, [(1, 0)] * 4, [(0, 1)], [(0, 1)], [(0, 1)]]
    assert [len(lane) for lane in conversion.lanes] == [1, 1, 2, 1]


def test_one_time_twice() -> None:
    """Of two histograms of one time the larger count stays, the later one if equal."""
    points = [_point(positive=(0, [n]), total=total) for n, total in ((2, 1.0), (2, 2.0), (1, 3.0))]
    conversion = convert(_record(*points), native_histograms=True)
    assert conversion.dropped_points == conversion.dropped_samples == {"duplicate": 2}
    (series,) = time_series(conversion)
    assert [histogram.sum for histogram in series.histograms] == [2.0]


def test_case_collision() -> None:
    """Two identities that become one series are no duplicate."""
    points = [_point(positive=(0, [n]), host=host) for n, host in ((2, "A"), (1, "a"))]
    conversion = convert(_record(*points), native_histograms=True)
    assert conversion.dropped_points == conversion.dropped_samples == {"case_collision": 1}
    assert conversion.warnings == {"case_collision": ("native_latency",)}


def test_bounded_bodies() -> None:
    """Native histograms are divided over bodies; one too large by itself is counted."""
    small = [
        _point(positive=(0, [1] * 100), time_ns=END_NS - minute * 60_000_000_000)
        for minute in range(20)
    ]
    large = _point(positive=(0, [7, 0] * 2_000))
    conversion = convert(
        _record(*small), _record(large, name="huge"), native_histograms=True, max_bytes=2_000
    )
    assert_sound(conversion)
    assert conversion.dropped_points == conversion.dropped_samples == {"oversized": 1}
    assert all(body.size <= 2_000 for lane in conversion.lanes for body in lane)
    assert sum(body.samples for lane in conversion.lanes for body in lane) == 20
