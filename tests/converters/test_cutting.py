"""Cutting a body into its data points."""

from collections import Counter

import pytest
import snappy
from hypothesis import given

from converters.bodies import Body
from converters.schema.remote_write_pb2 import Histogram, Label, TimeSeries, WriteRequest
from converters.split import DataPoint, body_of, data_points, describe
from testing.converting import convert, decoded
from testing.rules import Labels, labels_of
from tests.support.deliveries import deliveries
from tests.support.invoking import peak_of
from tests.support.otlp_building import (
    END_MS,
    END_NS,
    MINUTE_NS,
    SummaryPoint,
    deliver,
    gauge,
    number,
    one_record,
)
from tests.support.properties import examples

Place = tuple[Labels, int]


def _places(request: WriteRequest) -> list[Place]:
    return [
        (labels_of(series), time)
        for series in request.timeseries
        for time in (
            *(sample.timestamp for sample in series.samples),
            *(histogram.timestamp for histogram in series.histograms),
        )
    ]


def _places_of(point: DataPoint) -> list[Place]:
    return _places(WriteRequest.FromString(point.content))


def _bodies(*records: bytes) -> list[Body]:
    found = convert(*records, native_histograms=True)
    return [body for lane in found.lanes for body in lane]


@pytest.mark.slow
@given(records=deliveries)
@examples(40)
def test_points_hold_all_that_the_body_held(records: list[bytes]) -> None:
    """Each sample is in one data point; a period has no series twice, and later ones follow."""
    for body in _bodies(*records):
        assert sum(body.groups) == len(decoded(body).timeseries)
        periods = data_points(body)
        points = [point for period in periods for point in period]
        found = [place for point in points for place in _places_of(point)]
        assert Counter(found) == Counter(_places(decoded(body)))
        assert [point.samples for point in points] == [len(_places_of(point)) for point in points]
        before: dict[Labels, int] = {}
        for period in periods:
            assert period
            places = [place for point in period for place in _places_of(point)]
            assert len({labels for labels, _ in places}) == len(places)
            assert all(time > before.get(labels, -1) for labels, time in places)
            before.update(places)


def test_statistics_stay_together() -> None:
    """All statistics of a data point are one point, percentiles too."""
    quantiles = ((0.0, 1.0), (0.5, 2.0), (1.0, 3.0))
    several = [SummaryPoint(dimensions=(("n", str(n)),), quantiles=quantiles) for n in range(3)]
    (body,) = _bodies(deliver(several))
    assert [[point.samples for point in period] for period in data_points(body)] == [[5, 5, 5]]


@pytest.mark.parametrize("times", [(END_NS, END_NS), (END_NS - MINUTE_NS, END_NS, END_NS)])
def test_statistics_of_merged_points_stay_together(times: tuple[int, ...]) -> None:
    """Also where points of one time were merged, so that each statistic was written by itself."""
    quantiles = ((0.0, 1.0), (0.5, 2.0), (1.0, 3.0))
    several = [
        SummaryPoint(time_ns=time, quantiles=quantiles, dimensions=(("n", n),))
        for n in "ab"
        for time in times
    ]
    for body in _bodies(deliver(several)):
        assert body.groups == (5, 5)
        assert [[point.samples for point in period] for period in data_points(body)] == [[5, 5]]


def test_periods() -> None:
    """The older points of one series are in periods of their own, the oldest first."""
    several = [SummaryPoint(time_ns=END_NS - n * MINUTE_NS) for n in range(4)]
    older, newest = _bodies(deliver(several))
    times = [{time for _, time in _places_of(point)} for (point,) in data_points(older)]
    assert times == [{END_MS - n * 60_000} for n in (3, 2, 1)]
    assert len(data_points(newest)) == 1


def test_native_histograms() -> None:
    """Each histogram of a series is a point with the series' labels."""
    labels = [Label(name="__name__", value="latency")]
    histograms = [Histogram(timestamp=time, count_int=time) for time in (1, 2)]
    request = WriteRequest(timeseries=[TimeSeries(labels=labels, histograms=histograms)])
    content = bytes(snappy.compress(request.SerializeToString()))
    found = data_points(Body(content, request.ByteSize(), 2, (1,)))
    alone = [
        WriteRequest(timeseries=[TimeSeries(labels=labels, histograms=[one])]) for one in histograms
    ]
    assert [[point.content for point in period] for period in found] == [
        [one.SerializeToString()] for one in alone
    ]
    assert [point.samples for (point,) in found] == [1, 1]


def test_body_of_points() -> None:
    """A body of some points holds exactly these."""
    (body,) = _bodies(one_record(*(gauge(f"g{n}", number(float(n))) for n in range(5))))
    (points,) = data_points(body)
    part = body_of(points[1:3])
    assert snappy.uncompress(part.content) == points[1].content + points[2].content
    assert part.samples == 2
    assert part.size == decoded(part).ByteSize()
    assert _places(decoded(part)) == _places(decoded(body))[1:3]


def test_labels_are_held_once() -> None:
    """A series with long labels and many samples takes no more memory than its body did."""
    pairs = (("team", "x" * 10_000),)
    several = [number(1.0, (), END_NS - n * MINUTE_NS) for n in range(1_000)]
    bodies = _bodies(one_record(gauge("g", *several), pairs=pairs))
    body = max(bodies, key=lambda body: body.samples)
    assert body.samples > 900
    assert peak_of(lambda: data_points(body)) < 20 * body.size


def test_description() -> None:
    """A data point is described by the labels and the time of its first sample."""
    ((body,),) = convert(deliver([SummaryPoint()], pairs=()), p8s_logzio_name="").lanes
    ((point,),) = data_points(body)
    assert describe(point) == (
        '{__name__="aws_ec2_cpuutilization_sum", instanceid="i-1", metricname="cpuutilization", '
        f'namespace="aws/ec2"}} at {END_MS} ms'
    )
