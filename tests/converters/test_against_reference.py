"""The converter against a second one, slow and plain, on random deliveries."""

from collections.abc import Sequence

import pytest
from hypothesis import given

from converters.convert import Converter, Options
from converters.profiles import PROFILES
from converters.relabel import RelabelConfigs, parse_relabel_configs
from converters.rules import SeriesRules
from converters.statistics import selection_of
from testing.converting import assert_sound, bits_of, convert
from testing.events.large import large_points, large_records
from testing.events.otlp import Format
from tests.support.deliveries import deliveries
from tests.support.properties import examples
from tests.support.reference_conversion import Choices, expect

_RELABEL = parse_relabel_configs(
    """
    - {source_labels: [__name__], regex: .*_(min|p99.*), action: drop}
    - {source_labels: [quantile], regex: "0.99", action: drop}
    - {source_labels: [region], regex: us-(.*), target_label: AREA}
    - {source_labels: [__name__], regex: (.*)_(count|sum|sample_count), target_label: __name__}
    - {regex: instanceid|dimension_InstanceId|instance_id|InstanceId, action: labeldrop}
    """
)
_ALL = frozenset(("Sum", "SampleCount", "Minimum", "Maximum", "Average", "quantile"))
_EXTERNAL = (("ENV", "production"), ("job", "Stream"), ("account", "mine"), ("cluster", ""))

_CHOICES = {
    "default": Choices(),
    "keep": Choices(keep_case=True),
    "unit": Choices(unit_label=True),
    **{name: Choices(name, keep_case=True) for name in PROFILES if name != "logzio"},
    "logzio, all": Choices("logzio", _ALL, external=_EXTERNAL),
    "yace, lower": Choices("yace", frozenset(("Average", "quantile")), external=_EXTERNAL),
    "otel, average": Choices("otel", frozenset(("Average",)), keep_case=True, unit_label=True),
    **{f"{name}, rules": Choices(name, _ALL, relabel=_RELABEL.apply) for name in PROFILES},
}


def _rules(choices: Choices) -> SeriesRules:
    statistics = None
    if choices.statistics is not None:
        names = ["p*" if kind == "quantile" else kind for kind in choices.statistics]
        statistics = selection_of(names)
    return SeriesRules(
        PROFILES[choices.profile](),
        statistics,
        choices.keep_case,
        choices.unit_label,
        external_labels=dict(choices.external),
        relabel=_RELABEL if choices.relabel else RelabelConfigs(),
    )


_WARM = {
    name: Converter(Options(rules=_rules(choices), max_bytes=20_000))
    for name, choices in _CHOICES.items()
}


def _compare(records: Sequence[bytes], converter: Converter, choices: Choices) -> None:
    expected = expect(records, choices=choices)
    conversion = convert(*records, converter=converter)
    assert not conversion.failures
    assert_sound(conversion)
    assert bits_of(conversion) == expected.bits()
    assert conversion.data_points == expected.data_points
    assert conversion.samples == expected.samples
    assert conversion.points_without_statistics == expected.without_statistics
    assert conversion.dropped_points == expected.dropped_points
    assert conversion.dropped_samples == expected.dropped_samples


@pytest.mark.slow
@pytest.mark.parametrize("name", _CHOICES)
@given(records=deliveries)
@examples(20)
def test_random_deliveries(name: str, records: list[bytes]) -> None:
    """A warm converter makes the reference's samples and account of any delivery."""
    _compare(records, _WARM[name], _CHOICES[name])


@pytest.mark.slow
@pytest.mark.parametrize("version", list(Format))
@pytest.mark.parametrize("name", ["default", "yace"])
def test_large_delivery(version: Format, name: str) -> None:
    """So does a larger delivery, and the next minute of it."""
    converter = Converter(Options(rules=_rules(_CHOICES[name])))
    for minute in (0, 1):
        records = large_records(large_points(300, minute), version)
        _compare(records, converter, _CHOICES[name])
