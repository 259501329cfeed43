"""What the chaos run expects, against the reference converter and the function's own."""

import functools
import itertools
from collections.abc import Iterator

import pytest

from converters.convert import Converter, Profile
from testing.converting import bits, convert, samples_of
from testing.events.fleet import END_MS
from tests.support.reference_conversion import expect
from tools.chaos.expectation import Sample
from tools.chaos.plan import ENVIRONMENT, Plan
from tools.chaos.records import Planned, planned_records

COMPARED = 150


@functools.cache
def planned(seed: int, records: int = COMPARED) -> tuple[Planned, ...]:
    """Give the first records of a run."""
    return tuple(itertools.islice(planned_records(Plan(seed), END_MS), records))


def converted(one: Planned) -> Iterator[Sample]:
    """Yield the samples that the function's converter makes of a record."""
    conversion = convert(one.content, p8s_logzio_name=ENVIRONMENT)
    for labels, samples in samples_of(conversion).items():
        for at, value in samples:
            yield labels, at, value


@pytest.mark.parametrize("seed", [1, 2])
def test_against_the_reference(seed: int) -> None:
    """Every sound record becomes for the reference converter what the run expects of it."""
    for one in planned(seed):
        if one.samples:
            expected = expect([one.content], ENVIRONMENT)
            found = {
                (labels, at, value)
                for labels, slots in expected.bits().items()
                for at, value in slots
            }
            assert found == {(labels, at, bits(value)) for labels, at, value in one.samples}
            assert expected.data_points == one.points


def test_against_the_converter() -> None:
    """So it does for the converter that is tried."""
    for one in planned(1):
        if one.samples:
            assert sorted(converted(one)) == sorted(one.samples)


def test_malformed_records() -> None:
    """A malformed record fails and brings nothing."""
    malformed = [one for one in planned(1, 1_000) if not one.samples]
    assert malformed
    for one in malformed:
        conversion = Converter(Profile()).convert(
            [(0, one.content)], p8s_logzio_name="", delivered_ms=None
        )
        assert list(conversion.failures) == [0]


def test_same_seed_same_records() -> None:
    """Records, marks and expectations follow from the seed."""
    again = itertools.islice(planned_records(Plan(2), END_MS), COMPARED)
    assert tuple(again) == planned(2)
    assert planned(1) != planned(2)


def test_both_formats_and_all_marks() -> None:
    """Records of a run hold poison and curses, and their points are in both formats."""
    several = planned(1, 1_000)
    assert any(one.poison for one in several)
    assert any(one.cursed for one in several)
    contents = b"".join(one.content for one in several)
    # The key Dimensions is in 1.0 alone.
    with_dimensions = contents.count(b"Dimensions")
    assert 0 < with_dimensions < sum(one.points for one in several)
