"""The converter against a second one, slow and plain, on random deliveries."""

from collections.abc import Sequence

import pytest
from hypothesis import given

from converters.convert import Converter, Options
from converters.rules import SeriesRules
from testing.converting import assert_sound, bits_of, convert
from testing.events.large import large_points, large_records
from testing.events.otlp import Format
from tests.support.deliveries import deliveries
from tests.support.properties import examples
from tests.support.reference_conversion import expect

_RULES = {
    "default": SeriesRules(),
    "keep": SeriesRules(keep_case=True),
    "unit": SeriesRules(unit_label=True),
}
_WARM = {name: Converter(Options(rules=rules)) for name, rules in _RULES.items()}


def _compare(records: Sequence[bytes], converter: Converter, rules: SeriesRules) -> None:
    expected = expect(records, keep_case=bool(rules.keep_case), unit_label=rules.unit_label)
    conversion = convert(*records, converter=converter)
    assert not conversion.failures
    assert_sound(conversion)
    assert bits_of(conversion) == expected.bits()
    assert conversion.data_points == expected.data_points
    assert conversion.samples == expected.samples
    assert conversion.dropped_points == expected.dropped_points
    assert conversion.dropped_samples == expected.dropped_samples


@pytest.mark.slow
@pytest.mark.parametrize("rules", _RULES)
@given(records=deliveries)
@examples(120)
def test_random_deliveries(rules: str, records: list[bytes]) -> None:
    """A warm converter makes the reference's samples and account of any delivery."""
    _compare(records, _WARM[rules], _RULES[rules])


@pytest.mark.slow
@pytest.mark.parametrize("version", list(Format))
def test_large_delivery(version: Format) -> None:
    """So does a larger delivery, and the next minute of it."""
    converter = Converter(Options())
    for minute in (0, 1):
        records = large_records(large_points(1_000, minute), version)
        _compare(records, converter, SeriesRules())
