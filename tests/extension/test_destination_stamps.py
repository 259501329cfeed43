"""Times of events are read as they were written."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extension.destinations.stamps import Stamps
from tests.support.properties import examples

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 9_200_000_000_000).map(lambda ms: EPOCH + timedelta(milliseconds=ms))


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
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
def test_forms(text: str, nanoseconds: "int | None") -> None:
    """Each form in use is read, and what is no time is none."""
    assert Stamps().nanoseconds(text) == nanoseconds


def test_second_is_remembered_rightly() -> None:
    """Times that begin like the one before are not taken for it."""
    stamps = Stamps()
    first = stamps.nanoseconds("2024-08-30T10:00:00.001Z")
    assert first is not None
    for text, later in (
        ("2024-08-30T10:00:00.002Z", 1_000_000),
        ("2024-08-30T10:00:00.00ZZ", None),
        ("2024-08-30T10:00:00.0²2Z", None),
        ("2024-08-30T10:00:00+00:00", -1_000_000),
        ("2024-08-30T10:00:01.001Z", 1_000_000_000),
    ):
        assert stamps.nanoseconds(text) == (None if later is None else first + later)


@examples(300)
@given(st.lists(MOMENTS | st.just(datetime(2024, 8, 30, tzinfo=UTC)), max_size=5))
def test_like_datetime(moments: list[datetime]) -> None:
    """Reading and writing agree with `datetime`, in any order of times."""
    stamps = Stamps()
    for moment in moments:
        text = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        nanoseconds = (moment - EPOCH) // timedelta(microseconds=1) * 1000
        assert stamps.nanoseconds(text) == nanoseconds
        assert stamps.iso(nanoseconds) == text


@examples(300)
@given(st.text(max_size=40) | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.,Z+-]{0,20}"))
def test_any_text(text: str) -> None:
    """No text raises, and every time is one that fits into 64 bits."""
    nanoseconds = Stamps().nanoseconds(text)
    assert nanoseconds is None or 0 <= nanoseconds < 2**63
