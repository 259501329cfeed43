"""What each destination is sent for a value, what the record says beside it, and its time."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extension.destinations import choose
from extension.destinations.timestamps import DistinctTimes, iso, nanoseconds, own_time
from tests.support.log_destinations import (
    ACCOUNT,
    ENOUGH,
    FUNCTION,
    NOW,
    TIME,
    TIME_NS,
    destination,
    parsed,
    record,
)
from tests.support.properties import examples

NAN = float("nan")
BESIDE: dict[str, dict[str, Any]] = {
    "openobserve": {
        "_timestamp": TIME_NS // 1000,
        "type": "function",
        "function_name": "my-fn",
        "function_version": "$LATEST",
        "region": "eu-central-1",
        "account": "123456789012",
    },
    "datatap": {
        "time": TIME,
        "type": "function",
        "version": "$LATEST",
        "region": "eu-central-1",
        "logGroup": "my-fn",
        "logStream": f"2024-08-30T10:00:00.000Z_{os.getpid()}",
        "retryAttempt": 0,
    },
}
"""The fields of the original extensions, and those of the function."""


def sent(name: str, value: Any, **fields: Any) -> Any:
    """Return what a record becomes, without the comma or newline at its end."""
    return parsed(destination(name).encode(record(value, **fields))[:-1])


@pytest.mark.parametrize(
    ("value", "line", "content"),
    [
        ("hello\n", "hello", "hello\n"),
        ("hello\n\n", "hello\n", "hello\n\n"),
        ("", "", ""),
        ({"a": {"b": [1.5]}}, '{"a":{"b":[1.5]}}', {"a": {"b": [1.5]}}),
        ([1, None], "[1,null]", [1, None]),
        (None, "null", None),
        (7, "7", 7),
        (NAN, "null", None),
        ("\0\ud800", "\0\ufffd", "\0\ufffd"),
    ],
)
def test_value(value: Any, line: str, content: Any) -> None:
    """Loki gets a line without its newline, or JSON; the others get the value as it is."""
    assert sent("loki", value) == [str(TIME_NS), line, {"type": "function"}]
    for name, beside in BESIDE.items():
        assert sent(name, value) == {**beside, "record": content}


def test_known_invocation() -> None:
    """The invocation and the level are fields, for Loki metadata, if they are known."""
    for name in BESIDE:
        found = sent(name, "x", request_id="r-1", level="WARN")
        assert (found["requestId"], found["level"]) == ("r-1", "WARN")
    _, _, metadata = sent("loki", "x", request_id="r-1", level="WARN")
    assert metadata == {"type": "function", "requestId": "r-1", "level": "WARN"}


@pytest.mark.parametrize("name", ENOUGH)
@pytest.mark.parametrize(
    ("kind", "rate", "is_said"),
    [("function", "0.25", True), ("function", "1", False), ("platform.report", "0.25", False)],
)
def test_sample_rate(name: str, kind: str, rate: str, is_said: bool) -> None:
    """A line that stands for several says which share of the lines is shipped."""
    encoded = destination(name, LOGS_SAMPLE_RATE=rate).encode(record("x", kind))
    said = b'"sampleRate":"0.25"' if name == "loki" else b'"sampleRate":0.25'
    assert (said in encoded) == is_said
    assert (b"sampleRate" in encoded) == is_said


def test_no_metadata() -> None:
    """A Loki that does not allow structured metadata can be sent entries without any."""
    made = destination("loki", LOKI_STRUCTURED_METADATA="false")
    assert parsed(made.encode(record("x", request_id="r"))[:-1]) == [str(TIME_NS), "x"]


@pytest.mark.parametrize(
    ("value", "time", "at"),
    [
        ({"timestamp": "2024-08-30T09:59:58.000001Z"}, TIME, 1_725_011_998_000_001_000),
        # A time in whole seconds says no more than that of the event.
        ({"timestamp": "2024-08-30T09:59:59Z"}, TIME, TIME_NS),
        # One with milliseconds does, also at the beginning of a second.
        ({"timestamp": "2024-08-30T09:59:59.000Z"}, TIME, 1_725_011_999_000_000_000),
        ({"timestamp": "2024-08-30 09:59:59,000"}, TIME, 1_725_011_999_000_000_000),
        ({"timestamp": None}, TIME, TIME_NS),
        ({"timestamp": 5}, TIME, TIME_NS),
        # A record about something old is not refused for it.
        ({"timestamp": "1999-01-01T00:00:00Z", "order": 7}, TIME, TIME_NS),
        ("x", "x" * 1_000, 1_725_012_000_000_000_000),
        ("x", "", 1_725_012_000_000_000_000),
    ],
)
def test_time(value: Any, time: str, at: int) -> None:
    """The time is that of the object, of the event, or of the clock."""
    assert sent("loki", value, time=time)[0] == str(at)
    assert sent("openobserve", value, time=time)["_timestamp"] == at // 1000
    assert sent("logzio", value, time=time)["@timestamp"] == iso(at)


@pytest.mark.parametrize(
    ("name", "environ", "types"),
    [
        ("logzio", {}, {"function"}),
        ("logzio", {"ENABLE_PLATFORM_LOGS": "true"}, {"function", "platform"}),
        ("loki", {}, {"function"}),
        ("openobserve", {}, {"function", "platform", "extension"}),
        ("datatap", {}, {"function", "platform", "extension"}),
    ],
)
def test_types(name: str, environ: dict[str, str], types: set[str]) -> None:
    """The types that the original extension ships are shipped by default."""
    assert destination(name, **environ).types == types


HOUR_NS = 3_600_000_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 9_200_000_000_000).map(lambda ms: EPOCH + timedelta(milliseconds=ms))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00.000Z", 0),
        ("2024-08-30T10:00:00.123Z", 1_725_012_000_123_000_000),
        ("2024-08-30T10:00:00.123456789Z", 1_725_012_000_123_456_789),
        ("2024-08-30T10:00:00Z", 1_725_012_000_000_000_000),
        ("2024-08-30T10:00:00", 1_725_012_000_000_000_000),
        ("2024-08-30 10:00:00,5", 1_725_012_000_500_000_000),
        ("2024-08-30 12:00:00,123+0200", 1_725_012_000_123_000_000),
        ("2024-08-30T06:30:00-03:30", 1_725_012_000_000_000_000),
        ("2000-02-29T00:00:00Z", 951_782_400_000_000_000),
        ("1969-12-31T23:59:59Z", None),
        ("1970-01-01T00:00:00+01:00", None),
        ("2023-02-29T00:00:00Z", None),
        ("2024-13-01T00:00:00Z", None),
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
        ("2024-08-30T09:59:59Z", None),
        ("2024-08-30T10:00:00Z", None),
        ("2024-08-30T09:59:58Z", -1_123_000_000),
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


MILLISECOND = st.integers(0, 1_000).map(lambda number: number * 1_000_000)
TIMES = MILLISECOND | st.integers(0, 1_000_000).map(lambda number: number * 1_000)


@examples(200)
@given(st.lists(MILLISECOND, max_size=50), st.lists(TIMES | st.integers(0, 10**9), max_size=50))
def test_distinct_times(whole: list[int], mixed: list[int]) -> None:
    """Each entry has a nanosecond of its own, near its time; those of a millisecond keep order."""
    random = iter([0.1, 0.999_999, 0.5] * 100)
    times = DistinctTimes(lambda: next(random))
    given_times = whole + mixed
    found = [times.of(at) for at in given_times]
    assert len(set(found)) == len(found)
    assert all(new >= at for at, new in zip(given_times, found, strict=True))
    assert all(new - at < 1_000_000 for at, new in zip(whole, found, strict=False))
    for at in whole:
        of_one = [new for old, new in zip(given_times, found, strict=True) if old == at]
        assert of_one == sorted(of_one)


def test_equal_lines_that_alternate() -> None:
    """Equal lines of one millisecond stay apart, whatever comes between them."""
    made = destination("loki")
    times = ["2024-08-30T10:00:00.001Z", "2024-08-30T10:00:00.002Z"]
    found = [parsed(made.encode(record("x", time=times[n % 2]))[:-1])[0] for n in range(10)]
    assert len(set(found)) == 10


@pytest.mark.parametrize("line", ["x", {"timestamp": "2024-08-30T09:59:59.123456Z"}])
def test_two_environments(line: object) -> None:
    """Equal lines of two environments at one milli- or microsecond stay apart."""
    made = [
        choose(
            ["loki"], {**FUNCTION, **ENOUGH["loki"]}, ACCOUNT, str, lambda: NOW, start
        ).destinations[0]
        for start in (lambda: 0.25, lambda: 0.5)
    ]
    found = {parsed(it.encode(record(line))[:-1])[0] for it in made for _ in range(100)}
    assert len(found) == 200


def test_event_without_time() -> None:
    """If the event has no valid time, the record's own counts whatever it is."""
    assert own_time({"timestamp": "1999-01-01T00:00:00Z"}, "") == 915_148_800_000_000_000
