"""The table of arrived log records shows the same for each of the four destinations."""

from typing import Any

import pytest

from testing.log_destinations.log_table import Row, log_table, row_of
from testing.log_destinations.loki import LokiEntry

MOMENT = "2024-08-30T10:00:00.123Z"
US = 1_725_012_000_123_000
COMMON = {"requestId": "r-1", "level": "INFO"}
ROW = Row("10:00:00.123", "function", "r-1", "INFO", "hello")


@pytest.mark.parametrize(
    "record",
    [
        {"@timestamp": MOMENT, "lambda.log.type": "function", "message": "hello\n", **COMMON},
        {
            "@timestamp": MOMENT,
            "type": "lambda-extension-logs",
            "lambda.log.type": "function",
            "message_nested": {"message": "hello", "more": 1},
            **COMMON,
        },
        LokiEntry({"source": "lambda"}, US * 1000, "hello", {"type": "function", **COMMON}),
        LokiEntry({"type": "function"}, US * 1000, '{"message":"hello"}', COMMON),
        {"_timestamp": US, "type": "function", "record": "hello\n", **COMMON},
        {"time": MOMENT, "type": "function", "record": {"message": "hello"}, **COMMON},
    ],
)
def test_same_row(record: Any) -> None:
    """The same line is the same row, whatever the destination and the form of the record."""
    assert row_of(record) == ROW


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": "ä"}, '{"a": "ä"}'),
        ('{"a":1}', '{"a": 1}'),
        ("[1]", "[1]"),
        ("a\n\tb", "a b"),
        (None, "null"),
        (["x"], '["x"]'),
    ],
)
def test_without_message(content: Any, message: str) -> None:
    """What has no message is shown whole, on one line."""
    record = {"time": MOMENT, "type": "platform.start", "record": content}
    assert row_of(record) == Row("10:00:00.123", "platform.start", "", "", message)


def test_platform_record() -> None:
    """A platform event of Logz.io is shown by its record."""
    record = {"@timestamp": MOMENT, "lambda.log.type": "platform.start", "lambda.record": {"a": 1}}
    assert row_of(record).message == '{"a": 1}'


def test_wide_and_long() -> None:
    """A long message is cut, and what is too much for a screen is counted."""
    records = [{"@timestamp": MOMENT, "message": "x" * 100} for _ in range(201)]
    lines = log_table(records).splitlines()
    assert len(lines) == 2 + 200 + 1
    assert lines[0].split() == ["time", "(UTC)", "type", "request", "id", "level", "message"]
    assert lines[2].endswith(" " + "x" * 77 + "…")
    assert lines[-1] == "+1 more"
