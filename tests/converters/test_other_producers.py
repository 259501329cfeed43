"""Gauges, sums, histograms and summaries of producers other than CloudWatch; 0.7 of them."""

import math

import pytest
from opentelemetry.proto.metrics.v1 import metrics_pb2 as otlp

from testing.converting import assert_sound, bits_of, by_name, convert, samples_of
from testing.events.otlp import Format
from tests.support.otlp_building import (
    END_MS,
    END_NS,
    SummaryPoint,
    deliver,
    field,
    gauge,
    number,
    one_record,
    varint,
)

_DELTA = otlp.AGGREGATION_TEMPORALITY_DELTA
_CUMULATIVE = otlp.AGGREGATION_TEMPORALITY_CUMULATIVE
_UNSPECIFIED = otlp.AGGREGATION_TEMPORALITY_UNSPECIFIED
_STALE = "7ff0000000000002"


def _histogram_point(
    counts: list[int], bounds: list[float], *, total: float | None = 6.5, flags: int = 0
) -> otlp.HistogramDataPoint:
    return otlp.HistogramDataPoint(
        time_unix_nano=END_NS,
        count=sum(counts),
        sum=total,
        bucket_counts=counts,
        explicit_bounds=bounds,
        min=0.5,
        max=9.0,
        flags=flags,
    )


def _histogram(
    *points: otlp.HistogramDataPoint,
    temporality: otlp.AggregationTemporality.ValueType = _CUMULATIVE,
) -> bytes:
    histogram = otlp.Histogram(data_points=points, aggregation_temporality=temporality)
    return otlp.Metric(name="http.latency", histogram=histogram).SerializeToString()


def _sum(
    *points: otlp.NumberDataPoint, temporality: otlp.AggregationTemporality.ValueType = _CUMULATIVE
) -> bytes:
    total = otlp.Sum(data_points=points, aggregation_temporality=temporality, is_monotonic=True)
    return otlp.Metric(name="http.requests", sum=total, unit="By").SerializeToString()


def _exponential(temporality: otlp.AggregationTemporality.ValueType = _CUMULATIVE) -> bytes:
    point = otlp.ExponentialHistogramDataPoint(time_unix_nano=END_NS, count=1)
    exponential = otlp.ExponentialHistogram(
        data_points=[point, point], aggregation_temporality=temporality
    )
    return otlp.Metric(name="x", exponential_histogram=exponential).SerializeToString()


def test_gauge() -> None:
    """A gauge becomes one series of its own name, with the labels of its attributes."""
    pairs = (("Host", "A"), ("account", "7"))
    conversion = convert(one_record(gauge("system.cpu", number(0.5, pairs))), p8s_logzio_name="")
    assert samples_of(conversion) == {
        (
            ("__name__", "system_cpu"),
            ("account", "111122223333"),
            ("cloud_provider", "aws"),
            ("dimension_account", "7"),
            ("host", "a"),
            ("region", "us-east-1"),
        ): [(END_MS, 0.5)]
    }


@pytest.mark.parametrize(
    ("metric", "values"),
    [
        # A cumulative sum gets no suffix for its type or unit.
        (_sum(number(3.0)), {"http_requests": 3.0}),
        # Integers become doubles.
        (
            gauge("g", otlp.NumberDataPoint(as_int=-(2**53), time_unix_nano=END_NS)),
            {"g": -(2.0**53)},
        ),
        # A sum that the producer does not know is not sent as zero.
        (
            _histogram(_histogram_point([1], [], total=None)),
            {"http_latency_count": 1.0, "http_latency_bucket{+Inf}": 1.0},
        ),
    ],
)
def test_values(metric: bytes, values: dict[str, float]) -> None:
    """A metric becomes series of these names with these values, and no others."""
    assert by_name(convert(one_record(metric))) == values


@pytest.mark.parametrize(
    ("counts", "bounds", "buckets"),
    [
        ([1, 2, 3], [0.25, 10.0], {"0.25": 1.0, "10": 3.0, "+Inf": 6.0}),
        ([0, 0, 0], [0.25, 10.0], {"0.25": 0.0, "10": 0.0, "+Inf": 0.0}),
        ([4], [], {"+Inf": 4.0}),
        ([], [], {"+Inf": 0.0}),
        ([2, 3], [math.inf], {"+Inf": 2.0}),
        ([5, 0], [-1.5], {"-1.5": 5.0, "+Inf": 5.0}),
    ],
)
def test_histogram(counts: list[int], bounds: list[float], buckets: dict[str, float]) -> None:
    """A histogram becomes cumulative buckets up to infinity, a count and a sum."""
    found = by_name(convert(one_record(_histogram(_histogram_point(counts, bounds)))))
    assert found == {
        "http_latency_sum": 6.5,
        "http_latency_count": float(sum(counts)),
        **{f"http_latency_bucket{{{le}}}": value for le, value in buckets.items()},
    }


def test_repeated_bound() -> None:
    """Two buckets of one bound are one series; the sample that gives way is counted."""
    conversion = convert(one_record(_histogram(_histogram_point([1, 2, 3], [0.5, 0.5]))))
    assert_sound(conversion)
    assert conversion.dropped_samples == {"duplicate": 1}
    assert by_name(conversion)["http_latency_bucket{0.5}"] == 3.0


@pytest.mark.parametrize("version", list(Format))
def test_summary(version: Format) -> None:
    """Of another producer's summary all quantiles stay quantiles, 0 and 1 too."""
    point = SummaryPoint(
        namespace=None,
        metric_name=None,
        metric="rpc.time",
        quantiles=((0.0, 1.0), (0.5, 2.0), (1.0, 3.0)),
    )
    names = ("rpc_time{0}", "rpc_time{0.5}", "rpc_time{1}", "rpc_time_count", "rpc_time_sum")
    found = by_name(convert(deliver([point], version)))
    assert found == dict(zip(names, (1.0, 2.0, 3.0, 4.0, 10.0), strict=True))


_EXTREMES = ("renamed_min", "renamed_max")
_QUANTILES = ("renamed{0}", "renamed{1}")


@pytest.mark.parametrize(
    ("point", "names"),
    [
        (SummaryPoint(metric="renamed"), _EXTREMES),
        (SummaryPoint(metric="renamed", namespace="", metric_name=""), _EXTREMES),
        (SummaryPoint(metric="renamed", namespace=None), _QUANTILES),
        (SummaryPoint(metric="renamed", metric_name=None), _QUANTILES),
    ],
)
def test_cloudwatch_by_its_attributes(point: SummaryPoint, names: tuple[str, ...]) -> None:
    """A summary with CloudWatch's whole identity is CloudWatch's, whatever its metric is called."""
    assert by_name(convert(deliver([point]))).keys() == {"renamed_sum", "renamed_count", *names}


@pytest.mark.parametrize(
    ("metric", "dropped"),
    [
        (_sum(number(1.0), number(2.0), temporality=_DELTA), {"delta_temporality": 2}),
        (_sum(number(1.0), temporality=_UNSPECIFIED), {"unsupported": 1}),
        (_histogram(_histogram_point([1], []), temporality=_DELTA), {"delta_temporality": 1}),
        (_histogram(_histogram_point([1], []), temporality=_UNSPECIFIED), {"unsupported": 1}),
        (_exponential(), {"unsupported": 2}),
        (_exponential(_DELTA), {"delta_temporality": 2}),
        (_exponential(_UNSPECIFIED), {"unsupported": 2}),
        (gauge("g", number(1.0, time_ns=0)), {"no_timestamp": 1}),
        (gauge("g", otlp.NumberDataPoint(time_unix_nano=END_NS)), {"no_value": 1}),
        (gauge("g", number(1.0), number(2.0)), {"duplicate": 1}),
    ],
)
def test_dropped(metric: bytes, dropped: dict[str, int]) -> None:
    """What remote write cannot carry is counted with its reason."""
    conversion = convert(one_record(metric))
    assert conversion.dropped_points == dropped
    assert conversion.data_points == sum(dropped.values()) + len(samples_of(conversion))
    assert_sound(conversion)


@pytest.mark.parametrize(
    ("record", "samples"),
    [
        (one_record(gauge("g", otlp.NumberDataPoint(time_unix_nano=END_NS, flags=1))), 1),
        (one_record(_histogram(_histogram_point([1, 2], [0.5], flags=1))), 4),
        (one_record(_histogram(_histogram_point([], [], total=None, flags=1))), 2),
        (deliver([SummaryPoint(quantiles=((0.0, 1.0), (0.5, 1.0), (1.0, 2.0)), flags=1)]), 5),
        (deliver([SummaryPoint(quantiles=(), flags=1)]), 2),
    ],
)
def test_no_recorded_value(record: bytes, samples: int) -> None:
    """A point that says that there is no value ends all its series with a stale marker."""
    found = bits_of(convert(record))
    assert list(found.values()) == [[(END_MS, _STALE)]] * samples


_LABELLED = field(1, field(1, b"k") + field(2, b"v")) + b"\x19" + END_NS.to_bytes(8, "little")


@pytest.mark.parametrize("number_", [4, 5, 6, 7, 8, 9])
def test_other_types_of_0_7(number_: int) -> None:
    """A gauge, sum or histogram in 0.7's encoding is counted as unsupported, point by point."""
    points = field(1, _LABELLED) * 3 + b"\x10\x02"
    conversion = convert(one_record(field(1, b"old") + field(number_, points)))
    assert conversion.dropped_points == {"unsupported": 3}
    assert (conversion.data_points, conversion.samples) == (3, 0)


def test_both_formats_in_one_gauge() -> None:
    """A gauge may hold points of both formats; only those of 0.7 are dropped."""
    current = number(1.0, (("a", "b"),)).SerializeToString()
    conversion = convert(
        one_record(field(1, b"g") + field(5, field(1, _LABELLED) + field(1, current)))
    )
    assert conversion.dropped_points == {"unsupported": 1}
    assert by_name(conversion) == {"g": 1.0}


_GAUGE = field(5, field(1, number(1.0).SerializeToString()))
_SUM = field(7, field(1, number(2.0).SerializeToString()) + varint(16) + b"\x02")


@pytest.mark.parametrize(
    ("kinds", "value"),
    [
        (_GAUGE + _SUM, 2.0),
        (_SUM + _GAUGE, 1.0),
        (_GAUGE + _SUM + _GAUGE, 1.0),
        (field(11, b"") + _GAUGE, 1.0),
    ],
)
def test_several_types_in_one_metric(kinds: bytes, value: float) -> None:
    """Of several types in one Metric the last counts, as protobuf says of a oneof."""
    conversion = convert(one_record(field(1, b"m") + kinds))
    assert by_name(conversion) == {"m": value}


def test_several_types_in_one_delivery() -> None:
    """A gauge that makes the series of a summary meets it, sample by sample."""
    pairs = (*SummaryPoint().identity, *SummaryPoint().dimensions)
    metric = otlp.Metric(
        name=SummaryPoint().name + "_sum",
        gauge=otlp.Gauge(data_points=[number(77.0, pairs), number(78.0, pairs, END_NS - 10**9)]),
    )
    conversion = convert(deliver([SummaryPoint()]), one_record(metric.SerializeToString()))
    assert_sound(conversion)
    assert conversion.dropped_samples == {"case_collision": 1}
    assert conversion.dropped_points == {"case_collision": 1}
    found = {dict(labels)["__name__"]: values for labels, values in samples_of(conversion).items()}
    assert found["aws_ec2_cpuutilization_sum"] == [(END_MS - 1000, 78.0), (END_MS, 10.0)]
