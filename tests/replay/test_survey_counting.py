"""What counts as a metric update, and which minutes a sample covers."""

from dataclasses import replace

import pytest

from converters.errors import RecordError
from replay.estimate import MetricUsage, coverage_of, usage_of
from replay.updates import MAX_DAYS, UpdateCounter
from testing.events.fleet import Point
from testing.events.otlp import Format, messages, record
from tests.support.accounts import DAY, MIDNIGHT, MONTH, Metric, point
from tests.support.otlp_building import gauge, number, one_record

NOON = MIDNIGHT + 12 * 60
CPU = Metric("AWS/EC2", "CPUUtilization", 1)
OTHER = Metric("AWS/RDS", "ReadIOPS", 1)


def counted(*points: Point) -> UpdateCounter:
    """Count data points in one record."""
    counter = UpdateCounter()
    counter.add(record(messages(points, Format.V1_0)))
    return counter


def used(counter: UpdateCounter, metric: Metric) -> MetricUsage:
    """Return what is expected of a metric."""
    found = usage_of(counter, coverage_of(counter))
    return next(m for m in found if m.name == metric.name)


def every(metric: Metric, begin: int, end: int, period: int = 1) -> list[Point]:
    """Return the data points of the minutes from one to another."""
    return [point(metric, 0, minute) for minute in range(begin, end, period)]


def test_an_update_counts_once() -> None:
    """A data point that is stored again, in the other format or another record, counts once."""
    points = [point(CPU, number, NOON) for number in range(3)]
    counter = counted(*points)
    counter.add(record(messages(reversed(points), Format.V0_7)))
    counter.add(record(messages(points[:1], Format.V1_0)))
    assert counter.volumes == {NOON: 3}
    assert counter.repeated == 4
    assert [len(series) for series in counter.series.values()] == [3]


def test_what_makes_a_series() -> None:
    """Dimensions, accounts, regions and units make series; times in any order do not."""
    first = point(CPU, 0, NOON)
    others = [
        point(CPU, 1, NOON),
        replace(first, account="444455556666"),
        replace(first, region="eu-west-1"),
        replace(first, unit="Percent"),
    ]
    counter = counted(first, *others, point(CPU, 0, NOON + 3), point(CPU, 0, NOON - 3))
    (series,) = counter.series.values()
    assert sorted(one.updates for one in series) == [1, 1, 1, 1, 3]


@pytest.mark.parametrize(
    ("percentiles", "billed"), [(0, 1), (1, 2), (5, 2), (6, 3), (10, 3), (11, 4)]
)
def test_percentiles(percentiles: int, billed: int) -> None:
    """Each five percentiles, begun, are billed as one more update."""
    metric = replace(CPU, percentiles=percentiles)
    usage = used(counted(*every(metric, NOON, NOON + 180)), metric)
    assert (usage.updates, usage.billed) == (MONTH, billed * MONTH)


def test_other_producers() -> None:
    """What is not CloudWatch's is left out, since a metric stream's price is not paid for it."""
    counter = counted(point(CPU, 0, NOON))
    counter.add(one_record(gauge("hall.temperature", number(20.5))))
    assert counter.volumes == {NOON: 1}


def test_a_record_that_cannot_be_decoded() -> None:
    """A broken record raises, and what was counted before it stays."""
    counter = counted(point(CPU, 0, NOON))
    with pytest.raises(RecordError):
        counter.add(b"\x07broken")
    assert counter.volumes == {NOON: 1}


def test_times_far_away() -> None:
    """Data points over a month from the first one take no memory; they are counted apart."""
    days = [0, MAX_DAYS, MAX_DAYS + 1, -MAX_DAYS - 1, -MAX_DAYS]
    counter = counted(*(point(CPU, 0, NOON + day * DAY) for day in days))
    assert counter.far == 2
    assert counter.volumes.total() == 3


@pytest.mark.parametrize(
    ("minutes", "covered", "whole"),
    [
        (range(180), 180, True),
        (range(0, 180, 5), 180, True),
        (range(0, 180, 60), 180, True),
        ([*range(60), *range(63, 120)], 120, True),
        ([*range(60), *range(100, 130)], 90, False),
        ([-2 * DAY, -DAY, *range(180)], 180, True),
        ([7], 1, True),
    ],
    ids=["each", "each fifth", "each hour", "short gap", "hole", "late by days", "one"],
)
def test_covered_minutes(minutes: list[int], covered: int, whole: bool) -> None:
    """A sample covers what is between its updates; long holes and single late minutes do not."""
    coverage = coverage_of(counted(*(point(CPU, 0, NOON + minute) for minute in minutes)))
    assert (coverage.minutes, coverage.whole) == (covered, whole)


def test_few_late_updates() -> None:
    """Updates of a few metrics that come hours late do not make a sample longer."""
    late = [point(OTHER, n, NOON - 40 * n) for n in range(10)]
    usual = [point(CPU, n, NOON + minute) for minute in range(120) for n in range(5)]
    assert coverage_of(counted(*late, *usual)).minutes == 120


@pytest.mark.parametrize(
    ("points", "updates", "is_guess"),
    [
        (every(OTHER, NOON + 3, NOON + 200, 60), 720, False),
        (every(OTHER, NOON + 59, NOON + 200, 60), 720, False),
        ([point(OTHER, 0, NOON + minute) for minute in (5, 9, 77)], 648, False),
        ([point(OTHER, 0, NOON + 77)], 216, True),
        ([point(OTHER, 0, MIDNIGHT)], 30, False),
        ([point(OTHER, 0, MIDNIGHT), point(OTHER, 0, MIDNIGHT - DAY)], 30, False),
        ([point(replace(OTHER, length=DAY), 0, NOON + 77)], 30, False),
        ([point(OTHER, n, NOON + 60 * n) for n in (1, 2)], 432, True),
    ],
    ids=[
        *("each hour", "each hour, thrice", "sparse", "once", "at midnight", "two midnights"),
        *("a day long", "once each"),
    ],
)
def test_updates_of_a_month(points: list[Point], updates: int, is_guess: bool) -> None:
    """A period that is shown or named makes a month; without one, the share of the sample does."""
    usage = used(counted(*every(CPU, NOON, NOON + 200), *points), OTHER)
    assert usage.updates == updates
    assert bool(usage.guessed) is is_guess
