"""One metric in two units: two measurements, which may meet in one series."""

from dataclasses import replace

import pytest
from opentelemetry.proto.metrics.v1 import metrics_pb2 as otlp

from converters.convert import Conversion, Converter, Options
from converters.rules import SeriesRules
from testing.converting import assert_sound, contents, convert, samples_of
from testing.events.otlp import Format
from tests.support.otlp_building import (
    END_MS,
    END_NS,
    MINUTE_NS,
    RESOURCE,
    Pairs,
    Quantiles,
    SummaryPoint,
    deliver,
    field,
    gauge,
    number,
    one_record,
    summary,
)

_BASE = "shop_latency"
_SECONDS = SummaryPoint(
    namespace="Shop",
    metric_name="Latency",
    unit="s",
    count=4,
    total=1.0,
    quantiles=((0.0, 0.1), (1.0, 0.3)),
)
_MILLISECONDS = replace(_SECONDS, unit="ms", total=1000.0, quantiles=((0.0, 100.0), (1.0, 300.0)))
_UNUSUAL = ((1.0, 300.0), (0.0, 100.0), (0.0, 100.0))
_UNIT_LABEL = SeriesRules(unit_label=True)


def _sums(conversion: Conversion) -> list[list[tuple[int, float]]]:
    return [
        samples
        for labels, samples in samples_of(conversion).items()
        if dict(labels)["__name__"] == f"{_BASE}_sum"
    ]


@pytest.mark.parametrize("version", list(Format))
@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize("quantiles", [_MILLISECONDS.quantiles, _UNUSUAL])
@pytest.mark.parametrize(("count", "winner"), [(3, 1.0), (4, 1000.0), (5, 1000.0)])
def test_two_units_at_one_time_are_a_conflict(
    version: Format, apart: bool, quantiles: Quantiles, count: int, winner: float
) -> None:
    """The larger count stays, and the other point counts as a conflict, not as a duplicate."""
    points = [_SECONDS, replace(_MILLISECONDS, count=count, quantiles=quantiles)]
    records = [deliver([p], version) for p in points] if apart else [deliver(points, version)]
    conversion = convert(*records)
    assert_sound(conversion)
    assert _sums(conversion) == [[(END_MS, winner)]]
    assert conversion.dropped_points == {"unit_conflict": 1}
    assert conversion.dropped_samples["unit_conflict"] >= 4
    assert conversion.warnings["unit_conflict"] == (_BASE,)


def test_two_units_at_different_times_share_a_series() -> None:
    """Where no timestamp meets, both are sent, in the order of time."""
    earlier = replace(_MILLISECONDS, time_ns=END_NS - MINUTE_NS)
    for points in ([_SECONDS, earlier], [earlier, _SECONDS]):
        conversion = convert(deliver(points))
        assert_sound(conversion)
        assert _sums(conversion) == [[(END_MS - 60_000, 1000.0), (END_MS, 1.0)]]
        assert (conversion.dropped_samples, conversion.warnings) == ({}, {})


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (_SECONDS, "duplicate"),
        (_MILLISECONDS, "unit_conflict"),
        (replace(_SECONDS, unit=""), "unit_conflict"),
        (replace(_SECONDS, namespace="shop"), "case_collision"),
        (replace(_MILLISECONDS, namespace="shop"), "unit_conflict"),
    ],
)
def test_reasons(other: SummaryPoint, reason: str) -> None:
    """A repetition is a duplicate, another identity a collision, another unit a conflict."""
    conversion = convert(deliver([_SECONDS, other]))
    assert_sound(conversion)
    assert conversion.dropped_samples == {reason: 4}
    assert conversion.warnings == ({} if reason == "duplicate" else {reason: (_BASE,)})


def test_conflicts_of_other_producers() -> None:
    """Two gauges of one name and two units are a conflict too."""
    metrics = [otlp.Metric.FromString(gauge("g", number(1.0))) for _ in range(2)]
    metrics[1].unit = "By"
    conversion = convert(one_record(*(metric.SerializeToString() for metric in metrics)))
    assert conversion.dropped_points == conversion.dropped_samples == {"unit_conflict": 1}


@pytest.mark.parametrize("version", list(Format))
def test_unit_label_keeps_units_apart(version: Format) -> None:
    """With UNIT_LABEL=true each unit has series of its own."""
    conversion = convert(deliver([_SECONDS, _MILLISECONDS], version), rules=_UNIT_LABEL)
    assert_sound(conversion)
    assert sorted(_sums(conversion)) == [[(END_MS, 1.0)], [(END_MS, 1000.0)]]
    assert (conversion.dropped_samples, conversion.warnings) == ({}, {})


@pytest.mark.parametrize("unit", ["s", "{Count}/s", "%", "1", "MBit", ""])
@pytest.mark.parametrize("quantiles", [((0.0, 1.0), (0.5, 2.0), (1.0, 4.0)), _UNUSUAL])
def test_the_label_is_the_unit_as_it_is(unit: str, quantiles: Quantiles) -> None:
    """Every series has the unit as CloudWatch writes it; no unit means no label."""
    record = deliver([replace(_SECONDS, unit=unit, quantiles=quantiles)])
    series = samples_of(convert(record, rules=_UNIT_LABEL))
    assert {dict(labels).get("unit", "") for labels in series} == {unit}
    plain = samples_of(convert(record))
    assert [dict(labels) | {"unit": ""} for labels in plain] == [
        dict(labels) | {"unit": ""} for labels in series
    ]


@pytest.mark.parametrize(
    ("dimensions", "resource", "without", "with_label"),
    [
        ((("Unit", "Rack"),), (), {"unit": "rack"}, {"unit": "s", "dimension_unit": "rack"}),
        ((("unit", "7"),), (), {"unit": "7"}, {"unit": "s", "dimension_unit": "7"}),
        ((), (("unit", "U"),), {"unit": "U"}, {"unit": "s", "resource_unit": "U"}),
        (
            (("unit", "7"),),
            (("unit", "U"),),
            {"unit": "7", "resource_unit": "U"},
            {"unit": "s", "dimension_unit": "7", "resource_unit": "U"},
        ),
    ],
)
def test_attributes_called_unit(
    dimensions: Pairs, resource: Pairs, without: dict[str, str], with_label: dict[str, str]
) -> None:
    """The name `unit` is reserved where the label is on, and free where it is off."""
    record = deliver([replace(_SECONDS, dimensions=dimensions)], pairs=(*RESOURCE, *resource))
    for rules, expected in ((SeriesRules(), without), (_UNIT_LABEL, with_label)):
        for labels in samples_of(convert(record, rules=rules)):
            assert {name: value for name, value in labels if "unit" in name} == expected


def test_a_resource_has_no_unit() -> None:
    """Where the label is on, an attribute of the resource does not pass for a missing unit."""
    record = deliver([replace(_SECONDS, unit="")], pairs=(*RESOURCE, ("unit", "U")))
    for labels in samples_of(convert(record, rules=_UNIT_LABEL)):
        assert {name: value for name, value in labels if "unit" in name} == {"resource_unit": "U"}


def test_a_unit_that_is_not_text() -> None:
    """Bytes that are not UTF-8 do not stop a record, and their label is still valid."""
    point = SummaryPoint().encode()
    record = one_record(field(3, b"\xff") + summary(SummaryPoint().name, point))
    assert samples_of(convert(record)) == samples_of(convert(deliver([SummaryPoint()])))
    labelled = samples_of(convert(record, rules=_UNIT_LABEL))
    assert {dict(labels)["unit"] for labels in labelled} == {"\N{REPLACEMENT CHARACTER}"}


def test_a_warm_converter_finds_the_same_conflicts() -> None:
    """What a converter remembers of one unit does not pass for a conflict with another."""
    converter = Converter(Options())
    both = deliver([_SECONDS, _MILLISECONDS])
    for record in (deliver([_SECONDS]), deliver([_MILLISECONDS]), both, deliver([_SECONDS])):
        warm, cold = convert(record, converter=converter), convert(record)
        assert contents(warm) == contents(cold)
        assert warm.warnings == cold.warnings
