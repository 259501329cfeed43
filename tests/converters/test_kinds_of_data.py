"""A Metric with several kinds of data, which counts as the stock classes read it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.metrics.v1 import metrics_pb2 as otlp

from testing.converting import contents, convert
from tests.support.otlp_building import (
    END_NS,
    SummaryPoint,
    attributes,
    field,
    number,
    one_record,
)
from tests.support.properties import examples

CUMULATIVE = otlp.AGGREGATION_TEMPORALITY_CUMULATIVE
FIELDS = {"gauge": 5, "sum": 7, "histogram": 9, "exponential_histogram": 10, "summary": 11}
NAME = SummaryPoint().name


def _data(kind: str, dimension: str) -> bytes:
    """Encode the data of a Metric: one point of that kind, or none."""
    pairs = (("n", dimension),)
    if not dimension:
        return b""
    if kind == "summary":
        return field(1, SummaryPoint(dimensions=pairs).encode())
    if kind == "gauge":
        return otlp.Gauge(data_points=[number(1.0, pairs)]).SerializeToString()
    if kind == "sum":
        data = otlp.Sum(data_points=[number(2.0, pairs)], aggregation_temporality=CUMULATIVE)
        return data.SerializeToString()
    if kind == "histogram":
        point = otlp.HistogramDataPoint(
            count=3, sum=3.0, time_unix_nano=END_NS, attributes=attributes(pairs)
        )
        histogram = otlp.Histogram(data_points=[point], aggregation_temporality=CUMULATIVE)
        return histogram.SerializeToString()
    exponential = otlp.ExponentialHistogramDataPoint(
        count=0, time_unix_nano=END_NS, attributes=attributes(pairs)
    )
    return otlp.ExponentialHistogram(
        data_points=[exponential], aggregation_temporality=CUMULATIVE
    ).SerializeToString()


@pytest.mark.parametrize(
    ("several", "samples"),
    [
        (["summary", "gauge"], 1),
        (["gauge", "summary"], 4),
        (["summary", "gauge", "summary"], 4),
        (["histogram", "summary", "sum"], 1),
    ],
)
def test_last_kind_of_data_counts(several: list[str], samples: int) -> None:
    """Of several kinds of data in one Metric the last one counts, whichever they are."""
    data = b"".join(field(FIELDS[kind], _data(kind, f"{n}")) for n, kind in enumerate(several))
    conversion = convert(one_record(field(1, NAME.encode()) + data))
    assert (conversion.data_points, conversion.samples) == (1, samples)


@examples(200)
@given(
    several=st.lists(
        st.tuples(st.sampled_from(sorted(FIELDS)), st.sampled_from(["", "a", "b", "c"])),
        max_size=5,
    ),
    name_last=st.booleans(),
)
def test_kinds_of_data_count_as_in_the_stock_classes(
    several: list[tuple[str, str]], name_last: bool
) -> None:
    """Pieces of one kind merge, another kind replaces them, wherever in the Metric they are."""
    name = field(1, NAME.encode())
    data = b"".join(field(FIELDS[kind], _data(kind, dimension)) for kind, dimension in several)
    raw = data + name if name_last else name + data
    stock = otlp.Metric.FromString(raw).SerializeToString()
    for native in (False, True):
        ours = convert(one_record(raw), native_histograms=native)
        theirs = convert(one_record(stock), native_histograms=native)
        assert not ours.failures
        assert contents(ours) == contents(theirs)
        assert ours.data_points == theirs.data_points
        assert ours.dropped_points == theirs.dropped_points
