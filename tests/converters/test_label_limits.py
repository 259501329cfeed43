"""Series with many labels: which ones stay under MAX_LABELS, and what is counted."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.convert import Conversion, Converter, Options
from converters.profiles import PROFILES
from converters.rules import SeriesRules
from testing.converting import assert_sound, contents, samples_of, time_series
from testing.converting import convert as convert_records
from testing.events.otlp import Format
from testing.rules import labels_of
from tests.support.otlp_building import (
    END_NS,
    MINUTE_NS,
    RESOURCE,
    Pairs,
    Quantiles,
    SummaryPoint,
    deliver,
    gauge,
    number,
    one_record,
)
from tests.support.properties import examples

_BASE = "aws_ec2_cpuutilization"
_PLAIN = ((0.0, 1.0), (1.0, 4.0))
_WITH_MEDIAN = ((0.0, 1.0), (0.5, 2.0), (1.0, 4.0))
# Account, region, cloud_provider, p8s_logzio_name, namespace, metricname.
_SHARED = 6
_ALWAYS = {"account", "cloud_provider", "metricname", "namespace", "p8s_logzio_name", "region"}


def _convert(*records: bytes, max_labels: int | None = None, **rules: Any) -> Conversion:
    conversion = convert_records(*records, rules=SeriesRules(max_labels=max_labels, **rules))
    assert_sound(conversion)
    return conversion


def _dimensions(number: int) -> Pairs:
    return tuple((f"k{n:02}", "v") for n in range(number))


def _label_counts(conversion: Conversion) -> set[int]:
    return {len(labels) for labels in samples_of(conversion)}


@pytest.mark.parametrize("version", list(Format))
@pytest.mark.parametrize(
    ("dimensions", "quantiles", "most", "warned"),
    [
        (22, _WITH_MEDIAN, 30, False),
        (23, _PLAIN, 30, False),
        (23, _WITH_MEDIAN, 31, True),
        (24, _PLAIN, 31, True),
        (60, _PLAIN, 67, True),
    ],
)
def test_more_than_thirty_labels_are_warned_of(
    version: Format, dimensions: int, quantiles: Quantiles, most: int, warned: bool
) -> None:
    """A series with 31 labels has its metric named, one with 30 has not; nothing is left out."""
    point = SummaryPoint(dimensions=_dimensions(dimensions), quantiles=quantiles)
    conversion = _convert(deliver([point], version))
    assert max(_label_counts(conversion)) == most
    assert conversion.warnings == ({"many_labels": (_BASE,)} if warned else {})
    assert conversion.attributes_left_out == 0


@pytest.mark.parametrize("version", list(Format))
@pytest.mark.parametrize(
    ("max_labels", "dimensions", "resource", "kept", "left_out"),
    [
        (None, _dimensions(40), (), {f"k{n:02}" for n in range(40)}, 0),
        (11, (("b", "1"), ("a", "1"), ("c", "1")), (), {"a", "b", "c"}, 0),
        (10, (("b", "1"), ("a", "1"), ("c", "1")), (), {"a", "b"}, 1),
        (10, (("B", "1"), ("a", "1"), ("C", "1"), ("d", "1")), (), {"a", "b"}, 2),
        (10, (("x", "1"), ("Namespace", "1"), ("a", "1")), (), {"a", "dimension_namespace"}, 1),
        (10, (("x", ""), ("y", "1"), ("z", "1")), (), {"y", "z"}, 0),
        (10, (("a", "1"), ("b", "1"), ("x-y", "1"), ("x.y", "2")), (), {"a", "b"}, 2),
        (10, (("a", "1"), ("b", "1")), (("r", "1"), ("s", "1")), {"r", "s"}, 2),
        (10, (("a", "1"), ("b", "1")), (("z", "1"),), {"a", "z"}, 1),
        (10, (("a", "1"),), (("r", "1"), ("s", "1"), ("t", "1")), {"r", "s", "t"}, 1),
        (10, (("a", "1"), ("b", "1")), (("b", "R"),), {"a", "resource_b"}, 1),
    ],
)
def test_which_labels_stay(
    version: Format,
    max_labels: int | None,
    dimensions: Pairs,
    resource: Pairs,
    kept: set[str],
    left_out: int,
) -> None:
    """Reserved and resource labels stay, then point attributes in the order of label names."""
    point = SummaryPoint(dimensions=dimensions)
    record = deliver([point], version, (*RESOURCE, *resource))
    conversion = _convert(record, max_labels=max_labels)
    for labels in samples_of(conversion):
        assert {name for name, _ in labels} == {"__name__", *_ALWAYS, *kept}
    assert conversion.attributes_left_out == left_out
    if left_out:
        assert conversion.warnings == {"attributes_left_out": (_BASE,)}


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_every_profile_uses_all_labels_that_it_may(profile: str) -> None:
    """A label is kept free for `quantile` only in a profile that has it."""
    point = SummaryPoint(dimensions=_dimensions(20), quantiles=_WITH_MEDIAN)
    conversion = _convert(deliver([point]), max_labels=12, profile=PROFILES[profile]())
    assert max(_label_counts(conversion)) == 12


def test_a_unit_is_a_label_too() -> None:
    """The label `unit` takes the place of a dimension."""
    point = SummaryPoint(dimensions=_dimensions(3), unit="s")
    conversion = _convert(deliver([point]), max_labels=11, unit_label=True)
    assert {dict(labels).get("unit") for labels in samples_of(conversion)} == {"s"}
    assert conversion.attributes_left_out == 1


@given(
    keys=st.lists(st.sampled_from([*"abcdefghij", "Namespace", "a.b", "A"]), max_size=14),
    max_labels=st.integers(_SHARED + 2, 20),
    quantiles=st.sampled_from([_PLAIN, _WITH_MEDIAN]),
)
@examples(60)
def test_no_series_has_more_labels(keys: list[str], max_labels: int, quantiles: Quantiles) -> None:
    """Whatever the dimensions are, `__name__` and `quantile` included."""
    point = SummaryPoint(dimensions=tuple((key, "v") for key in keys), quantiles=quantiles)
    assert max(_label_counts(_convert(deliver([point]), max_labels=max_labels))) <= max_labels


def test_bounds_of_histograms_are_labels_too() -> None:
    """A point of another producer keeps a label free for `le`."""
    pairs = tuple((f"k{n}", "v") for n in range(9))
    conversion = _convert(one_record(gauge("g", number(1.0, pairs))), max_labels=10)
    # Account, region, cloud_provider, p8s_logzio_name, four attributes, __name__.
    assert _label_counts(conversion) == {9}
    assert conversion.attributes_left_out == 5


def test_attributes_are_counted_for_each_point() -> None:
    """Several points of a series, points of any form and points of a collision all count."""
    dimensions = (("a", "1"), ("b", "1"), ("z", "1"))
    points = [
        SummaryPoint(dimensions=dimensions),
        SummaryPoint(dimensions=dimensions, time_ns=END_NS - MINUTE_NS),
        SummaryPoint(dimensions=dimensions, time_ns=END_NS - 2 * MINUTE_NS, quantiles=()),
        SummaryPoint(dimensions=(("a", "1"),), metric_name="Other"),
    ]
    conversion = _convert(deliver(points), max_labels=10)
    assert conversion.attributes_left_out == 3
    assert conversion.dropped_points == {}


def test_series_that_become_equal_collide() -> None:
    """Two series that differ in what is left out become one, and that is counted as a collision."""
    points = [
        SummaryPoint(dimensions=(("a", "1"), ("b", "1"), ("z", value)), count=count)
        for value, count in (("1", 5), ("2", 4))
    ]
    conversion = _convert(deliver(points), max_labels=10)
    assert conversion.dropped_points == {"case_collision": 1}
    assert conversion.dropped_samples == {"case_collision": 4}
    assert conversion.attributes_left_out == 2
    assert {dict(labels_of(s))["__name__"] for s in time_series(conversion)} == {
        f"{_BASE}{suffix}" for suffix in ("_sum", "_count", "_min", "_max")
    }


def test_each_delivery_counts_again() -> None:
    """A warm converter counts what it left out in every delivery, and only for its points."""
    converter = Converter(Options(rules=SeriesRules(max_labels=10)))
    many = deliver([SummaryPoint(dimensions=_dimensions(5))])
    few = deliver([SummaryPoint()])
    found = [convert_records(record, converter=converter) for record in (many, few, many)]
    assert [conversion.attributes_left_out for conversion in found] == [3, 0, 3]
    assert [bool(conversion.warnings) for conversion in found] == [True, False, True]
    assert contents(found[0]) == contents(found[2])
