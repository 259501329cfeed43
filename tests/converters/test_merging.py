"""Samples of one series: put in order, and each time once."""

from itertools import permutations

import pytest

from converters.convert import Conversion
from converters.rules import SeriesRules
from converters.wire import double_bytes
from testing.converting import assert_sound, by_name, convert, samples_of
from testing.events.otlp import Format
from tests.support.otlp_building import (
    END_MS,
    END_NS,
    MINUTE_NS,
    Pairs,
    SummaryPoint,
    deliver,
    one_record,
    summary,
)

_BASE = "aws_ec2_cpuutilization"
_PLAIN = ((0.0, 1.0), (1.0, 4.0))


def _totals(conversion: Conversion) -> list[tuple[int, float]]:
    """Return the samples of the only sum."""
    (found,) = [
        samples
        for labels, samples in samples_of(conversion).items()
        if dict(labels)["__name__"] == f"{_BASE}_sum"
    ]
    return found


@pytest.mark.parametrize("order", [*permutations(range(4))])
def test_order(order: tuple[int, ...]) -> None:
    """Periods arrive sorted by time, in whatever order and record they came."""
    points = [SummaryPoint(time_ns=END_NS - n * MINUTE_NS, total=float(n)) for n in order]
    expected = [(END_MS - n * 60_000, float(n)) for n in (3, 2, 1, 0)]
    for conversion in (convert(deliver(points)), convert(*(deliver([p]) for p in points))):
        assert_sound(conversion)
        assert _totals(conversion) == expected


def test_metric_objects() -> None:
    """The points of one series are merged over Metric objects, as CloudWatch repeats them."""
    points = [SummaryPoint(time_ns=END_NS - n * MINUTE_NS).encode() for n in range(4)]
    name = SummaryPoint().name
    apart = one_record(*(summary(name, point) for point in points))
    together = one_record(summary(name, *points))
    assert samples_of(convert(apart)) == samples_of(convert(together))


_OUT_OF_THE_ORDINARY = ((1.0, 4.0), (0.0, 1.0), (0.0, 1.0))
_WITHOUT_MINIMUM = ((1.0, 4.0),)


@pytest.mark.parametrize(
    ("counts", "winner"),
    [
        ((1, 2), 1),
        ((2, 1), 0),
        ((2, 2), 1),
        ((0, 0), 1),
        ((3, 1, 2), 0),
        ((1, 3, 2), 1),
        ((2, 1, 2), 2),
        ((2, 2, 2), 2),
        ((2**53, 2**53 + 1), 1),
        ((2**53 + 1, 2**53), 0),
    ],
)
@pytest.mark.parametrize("version", list(Format))
def test_one_time_twice(version: Format, counts: tuple[int, ...], winner: int) -> None:
    """The larger count stays, the later one if equal; the others are counted."""
    points = [SummaryPoint(count=count, total=float(n)) for n, count in enumerate(counts)]
    conversion = convert(*(deliver([point], version) for point in points))
    assert_sound(conversion)
    assert _totals(conversion) == [(END_MS, float(winner))]
    lost = len(counts) - 1
    assert conversion.dropped_samples == {"duplicate": 4 * lost}
    assert conversion.dropped_points == {"duplicate": lost}
    assert conversion.warnings == {}


@pytest.mark.parametrize("first", [_PLAIN, _WITHOUT_MINIMUM, _OUT_OF_THE_ORDINARY])
@pytest.mark.parametrize("second", [_PLAIN, _WITHOUT_MINIMUM, _OUT_OF_THE_ORDINARY])
@pytest.mark.parametrize("apart", [True, False])
def test_later_one_of_any_shape(
    first: tuple[tuple[float, float], ...], second: tuple[tuple[float, float], ...], apart: bool
) -> None:
    """Of equal counts the later one wins, whether or not it looks as CloudWatch's points do."""
    points = [SummaryPoint(total=1.0, quantiles=first), SummaryPoint(total=2.0, quantiles=second)]
    records = [deliver([point]) for point in points] if apart else [deliver(points)]
    assert _totals(convert(*records)) == [(END_MS, 2.0)]


def test_sample_by_sample() -> None:
    """A point that loses one statistic keeps the others, and then does not count as dropped."""
    larger = SummaryPoint(count=9, quantiles=((0.0, 1.0), (1.0, 2.0)))
    smaller = SummaryPoint(count=1, quantiles=((0.0, 5.0), (0.5, 6.0), (1.0, 7.0)))
    conversion = convert(deliver([larger, smaller]))
    assert_sound(conversion)
    values = (10.0, 9.0, 1.0, 2.0, 6.0)
    assert list(samples_of(conversion).values()) == ([[(END_MS, value)] for value in values])
    assert conversion.dropped_samples == {"duplicate": 4}
    assert conversion.dropped_points == {}


def test_repeated_quantile() -> None:
    """A quantile that a point has twice is one sample; the later one wins."""
    point = SummaryPoint(quantiles=((0.0, 1.0), (0.5, 2.0), (0.5, 3.0), (1.0, 4.0), (1.0, 5.0)))
    conversion = convert(deliver([point]))
    assert_sound(conversion)
    assert by_name(conversion)[f"{_BASE}{{0.5}}"] == 3.0
    assert by_name(conversion)[f"{_BASE}_max"] == 5.0
    assert conversion.dropped_samples == {"duplicate": 2}
    assert conversion.dropped_points == {}


@pytest.mark.parametrize("version", list(Format))
@pytest.mark.parametrize("usual", [True, False])
def test_repeated_percentile(version: Format, usual: bool) -> None:
    """So it is where the point is as CloudWatch's in all else, in whatever order its fields are."""
    quantiles = ((0.0, 1.0), (0.5, 2.0), (0.5, 3.0), (1.0, 4.0))
    point = SummaryPoint(quantiles=quantiles if usual else (*quantiles[1:], quantiles[0]))
    conversion = convert(deliver([point], version))
    assert_sound(conversion)
    assert by_name(conversion)[f"{_BASE}{{0.5}}"] == 3.0
    assert conversion.dropped_samples == {"duplicate": 1}


def test_same_millisecond() -> None:
    """Two points within one millisecond have one timestamp in remote write."""
    points = [SummaryPoint(time_ns=END_NS + n, total=float(n)) for n in (0, 999_999)]
    conversion = convert(deliver(points))
    assert _totals(conversion) == [(END_MS, 999_999.0)]
    assert conversion.dropped_samples == {"duplicate": 4}


_UPPER = SummaryPoint(dimensions=(("InstanceId", "I-1"),), total=1.0)


@pytest.mark.parametrize(
    ("other", "winner"),
    [
        (SummaryPoint(count=5, total=2.0), 2.0),
        (SummaryPoint(count=3, total=2.0), 1.0),
        (SummaryPoint(count=4, total=2.0), 2.0),
        (SummaryPoint(dimensions=(("instanceid", "I-1"),), total=2.0), 2.0),
        (SummaryPoint(dimensions=(("InstanceId", "I-1"), ("x", "")), total=2.0), 2.0),
        (SummaryPoint(namespace="aws/ec2", dimensions=(("InstanceId", "I-1"),), total=2.0), 2.0),
        (SummaryPoint(metric_name="cpuUtilization", total=2.0), 2.0),
    ],
)
def test_case_collision(other: SummaryPoint, winner: float) -> None:
    """Two identities that lower-casing makes one are no duplicate."""
    conversion = convert(deliver([_UPPER, other]))
    assert_sound(conversion)
    assert _totals(conversion) == [(END_MS, winner)]
    assert conversion.dropped_samples == {"case_collision": 4}
    assert conversion.dropped_points == {"case_collision": 1}
    assert conversion.warnings == {"case_collision": (_BASE,)}


def test_no_collision_at_different_times() -> None:
    """Two such identities that never meet at one time share a series, and nothing is lost."""
    conversion = convert(deliver([_UPPER, SummaryPoint(time_ns=END_NS - MINUTE_NS)]))
    assert_sound(conversion)
    assert len(_totals(conversion)) == 2
    assert (conversion.dropped_samples, conversion.warnings) == ({}, {})


def test_kept_case_avoids_collision() -> None:
    """LABEL_VALUE_CASE=keep keeps them apart."""
    conversion = convert(deliver([_UPPER, SummaryPoint()]), rules=SeriesRules(keep_case=True))
    assert conversion.dropped_samples == {}
    assert conversion.series == 8


def test_collision_with_a_duplicate() -> None:
    """A duplicate and a collision at one time are counted each for what it is."""
    points = [_UPPER, SummaryPoint(total=2.0), SummaryPoint(total=3.0)]
    conversion = convert(deliver(points))
    assert conversion.dropped_samples == {"case_collision": 4, "duplicate": 4}
    assert conversion.dropped_points == {"case_collision": 1, "duplicate": 1}


_ACCOUNT, _REGION = ("cloud.account.id", "1"), ("cloud.region", "r")
_A, _B = ("a", "1"), ("b", "2")


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        ((), (("aws.exporter.arn", "arn"),), "duplicate"),
        ((), (("x", ""),), "case_collision"),
        ((_A, _B), (_B, _A), "duplicate"),
        ((_ACCOUNT, _REGION), (_REGION, _ACCOUNT), "duplicate"),
        ((_ACCOUNT, _A, _REGION, _B), (_B, _REGION, _A, _ACCOUNT), "duplicate"),
        ((_A, ("A", "2")), (("A", "2"), _A), "duplicate"),
        ((("a", "1;2"),), (_A, ("a", "2")), "case_collision"),
        ((_ACCOUNT,), (_ACCOUNT, ("cloud.account.id", "")), "case_collision"),
    ],
)
def test_identity_of_the_resource(one: Pairs, other: Pairs, reason: str) -> None:
    """The identity is every attribute but the metric stream's ARN, in whatever order they come."""
    conversion = convert(*(deliver([SummaryPoint()], pairs=pairs) for pairs in (one, other)))
    assert_sound(conversion)
    assert conversion.dropped_samples == {reason: 4}
    assert bool(conversion.warnings) is (reason == "case_collision")


def test_two_accounts() -> None:
    """The same metric of two accounts stays apart, and each series names its own."""
    pairs = [(("cloud.account.id", account),) for account in "12"]
    conversion = convert(*(deliver([SummaryPoint()], pairs=own) for own in pairs))
    assert conversion.dropped_samples == {}
    assert sorted(dict(labels)["account"] for labels in samples_of(conversion)) == list("11112222")


_NAN, _OTHER_NAN = bytes.fromhex("010000000000f87f"), bytes.fromhex("000000000000f8ff")


@pytest.mark.parametrize(
    ("periods", "duplicates"),
    [
        ([(_NAN, _OTHER_NAN)], {"duplicate": 1}),
        ([(_NAN, _OTHER_NAN), (_NAN, _OTHER_NAN)], {"duplicate": 2}),
        ([(_NAN,), (_OTHER_NAN,)], {}),
    ],
)
def test_quantiles_that_are_no_numbers(
    periods: list[tuple[bytes, ...]], duplicates: dict[str, int]
) -> None:
    """Quantiles that are different NaNs make one series, in one period and over several."""
    raws = []
    for n, encoded in enumerate(periods):
        replaced = dict(zip((0.25, 0.75), encoded, strict=False))
        quantiles = ((0.0, 1.0), *((quantile, 2.0) for quantile in replaced), (1.0, 4.0))
        raw = SummaryPoint(time_ns=END_NS - n * MINUTE_NS, quantiles=quantiles).encode()
        for quantile, nan in replaced.items():
            raw = raw.replace(b"\x09" + double_bytes(quantile), b"\x09" + nan)
        raws.append(raw)
    conversion = convert(one_record(summary(SummaryPoint().name, *raws)))
    assert_sound(conversion)
    assert conversion.series == 5
    assert conversion.dropped_samples == duplicates
