"""Two captured real deliveries, kept beside the tree: CAPTURES_DIR says where."""

import json
import os
from pathlib import Path

import pytest

from converters.convert import Converter, Options
from testing.converting import assert_sound, bits_of, contents, convert, samples_of
from tests.support.event_records import records_of
from tests.support.reference_conversion import expect

_FOLDER = os.environ.get("CAPTURES_DIR")
pytestmark = pytest.mark.skipif(not _FOLDER, reason="CAPTURES_DIR is not set")

_DELIVERIES = ["otlp-0.7", "otlp-1.0"]


def _records(name: str) -> list[bytes]:
    text = (Path(_FOLDER or "") / f"{name}.json").read_text(encoding="utf-8")
    return records_of(json.loads(text))


@pytest.mark.parametrize(
    ("name", "points", "samples", "series"),
    [("otlp-0.7", 953, 3941, 2727), ("otlp-1.0", 710, 2840, 2696)],
)
def test_counts(name: str, points: int, samples: int, series: int) -> None:
    """All points of a delivery arrive, with all statistics, in as many series as there are."""
    conversion = convert(*_records(name), delivered_ms=None)
    assert_sound(conversion)
    assert not conversion.failures
    assert conversion.dropped_points == conversion.dropped_samples == {}
    assert (conversion.data_points, conversion.samples) == (points, samples)
    found = samples_of(conversion)
    assert (len(found), sum(map(len, found.values()))) == (series, samples)


@pytest.mark.parametrize("name", _DELIVERIES)
def test_reference(name: str) -> None:
    """The slow converter makes the same of it."""
    records = _records(name)
    assert bits_of(convert(*records)) == expect(records).bits()


@pytest.mark.parametrize("name", _DELIVERIES)
def test_warm_and_in_one_record(name: str) -> None:
    """A warm converter, and one record instead of several, make the same bytes."""
    records = _records(name)
    expected = contents(convert(*records))
    warm = Converter(Options())
    for delivery in (records, records, [b"".join(records)]):
        assert contents(convert(*delivery, converter=warm)) == expected
