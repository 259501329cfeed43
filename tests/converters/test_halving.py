"""Halving a body until a single sample is left."""

from collections import Counter

import pytest
from hypothesis import given

from converters.bodies import Body
from converters.split import describe, halve
from testing.converting import convert, decoded
from testing.rules import labels_of
from tests.support.deliveries import deliveries
from tests.support.otlp_building import (
    END_MS,
    END_NS,
    SummaryPoint,
    deliver,
    gauge,
    number,
    one_record,
)
from tests.support.properties import examples


def _samples(body: Body) -> list[tuple[object, int, str]]:
    return [
        (labels_of(series), sample.timestamp, repr(sample.value))
        for series in decoded(body).timeseries
        for sample in series.samples
    ]


def _leaves(body: Body) -> list[Body]:
    halves = halve(body)
    if halves is None:
        return [body]
    for part in halves.parts:
        assert 0 < part.samples < body.samples
        assert part.size < body.size
        assert part.size == len(decoded(part).SerializeToString())
        assert part.samples == len(_samples(part))
    first, second = ({labels for labels, _, _ in _samples(part)} for part in halves.parts)
    assert bool(first & second) is halves.one_series
    return [leaf for part in halves.parts for leaf in _leaves(part)]


@pytest.mark.slow
@given(records=deliveries)
@examples(40)
def test_down_to_samples(records: list[bytes]) -> None:
    """Halves hold all that the body held, in its order, down to one sample each."""
    for lane in convert(*records).lanes:
        for body in lane:
            leaves = _leaves(body)
            assert [leaf.samples for leaf in leaves] == [1] * body.samples
            assert Counter(s for leaf in leaves for s in _samples(leaf)) == Counter(_samples(body))
            assert [s for leaf in leaves for s in _samples(leaf)] == _samples(body)


def test_one_series() -> None:
    """The halves of one series hold its earlier and its later samples."""
    points = [number(float(n), (), END_NS - n * 1_000_000_000) for n in range(5)]
    ((body,),) = convert(one_record(gauge("g", *points))).lanes
    halves = halve(body)
    assert halves is not None
    assert halves.one_series
    times = [[time for _, time, _ in _samples(part)] for part in halves.parts]
    assert times == [[END_MS - 4_000, END_MS - 3_000], [END_MS - n * 1_000 for n in (2, 1, 0)]]


def test_description() -> None:
    """A body is described by the labels and the time of its first sample."""
    ((body,),) = convert(deliver([SummaryPoint()], pairs=()), p8s_logzio_name="").lanes
    assert describe(body) == (
        '{__name__="aws_ec2_cpuutilization_sum", instanceid="i-1", metricname="cpuutilization", '
        f'namespace="aws/ec2"}} at {END_MS} ms'
    )
