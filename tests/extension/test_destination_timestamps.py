"""Times of events, and which time of a record counts."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extension.destinations.timestamps import iso, nanoseconds, own_time
from tests.support.log_destinations import TIME, TIME_NS
from tests.support.properties import examples

HOUR_NS = 3_600_000_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 9_200_000_000_000).map(lambda ms: EPOCH + timedelta(milliseconds=ms))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00.000Z", 0),
        ("2024-08-30T10:00:00.123Z", 1_725_012_000_123_000_000),
        ("2024-08-30T10:00:00.123456789Z", 1_725_012_000_123_456_789),
        ("2024-08-30T10:00:00.1234567891Z", 1_725_012_000_123_456_789),
        ("2024-08-30T10:00:00Z", 1_725_012_000_000_000_000),
        ("2024-08-30T10:00:00", 1_725_012_000_000_000_000),
        ("2024-08-30 10:00:00,5", 1_725_012_000_500_000_000),
        ("2024-08-30 12:00:00,123+0200", 1_725_012_000_123_000_000),
        ("2024-08-30T06:30:00-03:30", 1_725_012_000_000_000_000),
        ("2000-02-29T00:00:00Z", 951_782_400_000_000_000),
        ("1969-12-31T23:59:59Z", None),
        ("1970-01-01T00:00:00+01:00", None),
        ("2023-02-29T00:00:00Z", None),
        ("2100-02-29T00:00:00Z", None),
        ("2024-13-01T00:00:00Z", None),
        ("2024-00-01T00:00:00Z", None),
        ("2024-01-32T00:00:00Z", None),
        ("2024-01-01T24:00:00Z", None),
        ("2024-01-01T00:00:00.12²Z", None),
        ("2024-01-01T00:00:00.--1Z", None),
        ("9999-01-01T00:00:00Z", None),
        ("2024-01-01", None),
        ("1725012000", None),
        ("", None),
        ("x" * 1_000_000, None),
    ],
)
def test_forms(text: str, expected: int | None) -> None:
    """Each form in use is read, and what is no time is none."""
    assert nanoseconds(text) == expected


@examples(300)
@given(MOMENTS)
def test_like_datetime(moment: datetime) -> None:
    """Reading and writing agree with `datetime`."""
    text = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    at = (moment - EPOCH) // timedelta(microseconds=1) * 1000
    assert (nanoseconds(text), iso(at)) == (at, text)


@examples(300)
@given(st.text(max_size=40) | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.,Z+-]{0,20}"))
def test_any_text(text: str) -> None:
    """No text raises, and every time is one that fits into 64 bits."""
    at = nanoseconds(text)
    assert at is None or 0 <= at < 2**63


@pytest.mark.parametrize(
    ("timestamp", "ahead"),
    [
        ("2024-08-30T09:59:58.123Z", -1_000_000_000),
        ("2024-08-30T08:59:59.123Z", -HOUR_NS),
        ("2024-08-30T10:59:59.123Z", HOUR_NS),
        ("2024-08-30T08:59:59.122Z", None),
        ("2024-08-30T10:59:59.124Z", None),
        ("1999-01-01T00:00:00Z", None),
        ("2199-01-01T00:00:00Z", None),
        ("yesterday", None),
    ],
)
def test_own_time(timestamp: str, ahead: int | None) -> None:
    """A record's own time counts within an hour of its event's."""
    found = own_time({"timestamp": timestamp}, TIME)
    assert found == (None if ahead is None else TIME_NS + ahead)


def test_event_without_time() -> None:
    """If the event has no valid time, the record's own counts whatever it is."""
    assert own_time({"timestamp": "1999-01-01T00:00:00Z"}, "") == 915_148_800_000_000_000
