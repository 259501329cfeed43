"""What is to be redacted is shipped nowhere in a record: not in numbers, levels or request ids."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from extension.json_text import json_text
from extension.selection import Selection
from tests.support.extension_reading import Reading, event

CARD = "4111111111111111"
USER = "bob@example.com"
REQUEST_ID = "5f87e1a2-0c5b-4a55-9d3e-0123456789ab"


def selection() -> Selection:
    """Return one that redacts card numbers and a user's name."""
    return Selection(None, 1.0, [re.compile(r"[0-9]{16}"), re.compile(re.escape(USER))])


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"card": int(CARD), "n": 7}, {"card": "[redacted]", "n": 7}),
        ([int(CARD), [int(CARD)]], ["[redacted]", ["[redacted]"]]),
        (int(CARD), "[redacted]"),
        ({"sum": 4111111111111111.5}, {"sum": "[redacted].5"}),
        ({"t": True, "f": 1.5, "z": None, "i": -3}, {"t": True, "f": 1.5, "z": None, "i": -3}),
    ],
)
def test_numbers(record: Any, expected: Any) -> None:
    """A number is redacted as it would be in a line of text; others stay numbers."""
    cleaned = selection().redacted(record)
    assert cleaned == expected
    assert json.dumps(cleaned) == json.dumps(expected)


@pytest.mark.parametrize(
    ("line", "pattern", "expected"),
    [
        ('{"password": "p\\u00e4ss"}', "päss", {"password": "[redacted]"}),
        ('{"password": "a\\"b"}', 'a"b', {"password": "[redacted]"}),
        (
            ' {"\\u0070in": "\\u0035\\u0036\\u0037\\u0038"}',
            "pin|5678",
            {"[redacted]": "[redacted]"},
        ),
        ('["C:\\\\secret"]', r"C:\\secret", ["[redacted]"]),
        ('{"n": "\\n", "password": "x"}', "pass$", {"n": "\n", "password": "x"}),
    ],
)
def test_escapes(line: str, pattern: str, expected: Any) -> None:
    """No escape in a line of JSON hides what is redacted from the expressions."""
    cleaned = Selection(None, 1.0, [re.compile(pattern)]).redacted(line)
    assert json.loads(cleaned) == expected


@pytest.mark.parametrize("line", ['{"n": "\\n", "f": 1.0}', '{"broken\\n', "back\\slash", "[\\"])
def test_other_lines_stay(line: str) -> None:
    """A line in which nothing is to be redacted is not touched."""
    assert selection().redacted(line) == line


def test_deep_records_never_raise() -> None:
    """Near the depth that Python can read and write a record is redacted, too."""
    record: Any = {"n": int(CARD)}
    for _ in range(1_100):
        record = [record]
        assert CARD not in json_text(selection().redacted(record))


@pytest.mark.parametrize("one_at_a_time", [True, False])
@pytest.mark.parametrize(
    "record",
    [
        {"level": USER, "message": "m"},
        {"level": CARD, "requestId": CARD},
        json.dumps({"level": USER, "AWSRequestId": f"{USER} {CARD}"}),
    ],
)
def test_level_and_request_id(record: Any, *, one_at_a_time: bool) -> None:
    """What a record calls its level and its request is redacted before it becomes a field."""
    reading = Reading(selection=selection(), one_at_a_time=one_at_a_time)
    reading.read(event("platform.start", {"requestId": REQUEST_ID}), event(record=record))
    shipped = str(reading.records[-1]).lower()
    assert CARD not in shipped
    assert USER not in shipped


def test_levels_still_select() -> None:
    """With redaction a line is left out by its level as without, and has its invocation."""
    chosen = Selection("WARN", 1.0, [re.compile("secret")])
    reading = Reading(selection=chosen)
    records = reading.read(
        event("platform.start", {"requestId": REQUEST_ID}),
        event(record={"level": "info", "message": "secret"}),
        event(record={"level": "error", "message": "secret", "requestId": REQUEST_ID}),
    )
    assert [record.level for record in records] == [None, "ERROR"]
    assert records[1].request_id == REQUEST_ID
    assert records[1].record["message"] == "[redacted]"
