"""What the chaos run expects, against the reference converter and the function's own."""

import functools
import itertools
from collections.abc import Iterator

import pytest

from testing.converting import bits, convert, samples_of
from testing.events.fleet import END_MS
from tests.support.reference_conversion import expect
from tools.chaos.expectation import Sample
from tools.chaos.plan import ENVIRONMENT, Plan
from tools.chaos.records import Planned, planned_records

COMPARED = 150


@functools.cache
def planned(seed: int, records: int = COMPARED) -> tuple[Planned, ...]:
    """Return the first records of a run."""
    return tuple(itertools.islice(planned_records(Plan(seed), END_MS), records))


def converted(one: Planned) -> Iterator[Sample]:
    """Yield the samples that the function's converter makes of a record."""
    conversion = convert(one.content, p8s_logzio_name=ENVIRONMENT)
    for labels, samples in samples_of(conversion).items():
        for at, value in samples:
            yield labels, at, value


@pytest.mark.parametrize("seed", [1, 2])
def test_against_both_converters(seed: int) -> None:
    """The reference and the function's converter make of a record what the run expects."""
    for one in filter(lambda one: one.samples, planned(seed)):
        expected = expect([one.content], ENVIRONMENT)
        found = {(labels, *slot) for labels, slots in expected.bits().items() for slot in slots}
        assert found == {(labels, at, bits(value)) for labels, at, value in one.samples}
        assert expected.data_points == len(one.points)
        assert sorted(converted(one)) == sorted(one.samples)


def test_records() -> None:
    """The records follow from the seed; both formats, marks and malformed ones are among them."""
    several = planned(1, 1_000)
    assert several[:COMPARED] == planned(1) != planned(2)
    assert any(one.poison for one in several)
    assert any(one.cursed for one in several)
    # The key Dimensions is in 1.0 alone.
    with_dimensions = b"".join(one.content for one in several).count(b"Dimensions")
    assert 0 < with_dimensions < sum(len(one.points) for one in several)
    malformed = [one for one in several if not one.samples]
    assert malformed
    for one in malformed:
        assert list(convert(one.content).failures) == [0]
