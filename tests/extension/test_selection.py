"""Which of a function's records are shipped, and redaction."""

import json
import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extension.json_text import json_text
from extension.line_formats import Context, context_of
from extension.selection import Selection
from tests.support.extension_reading import Reading, event
from tests.support.log_destinations import ENOUGH, destination
from tests.support.properties import examples

REQUEST_ID = "5f87e1a2-0c5b-4a55-9d3e-0123456789ab"
TEXT_LINE = f"[WARNING]\t2024-08-30T10:00:00.123Z\t{REQUEST_ID}\tdisk full\n"
INIT_LINE = "[INFO]\t2024-08-30T10:00:00.123Z\t\tloading\n"


@pytest.mark.parametrize(
    ("record", "level", "request_id"),
    [
        (TEXT_LINE, "WARNING", REQUEST_ID),
        ({"level": "info", "requestId": REQUEST_ID, "message": "m"}, "INFO", REQUEST_ID),
        ({"level": "ERROR", "AWSRequestId": REQUEST_ID}, "ERROR", REQUEST_ID),
        ({"aws_request_id": REQUEST_ID}, None, REQUEST_ID),
        ('{"level":"debug","function_request_id":"a"}', "DEBUG", "a"),
        ({"level": 30, "requestId": 7}, None, None),
        ({"requestId": None, "AWSRequestId": "b"}, None, "b"),
        ("hello", None, None),
        ("[INFO] no tabs", "INFO", None),
        ("[ERROR] ValueError: no such user\nTraceback (most recent call last):", "ERROR", None),
        (INIT_LINE, "INFO", None),
        ({"log_level": "ERROR", "errorType": "ValueError"}, "ERROR", None),
        ('{"log_level":"ERROR","requestId":"a"}', "ERROR", "a"),
        ("[HTTP] no level", None, None),
        ("[ERROR]", None, None),
        ("[", None, None),
        ("{", None, None),
        ('{"level":' + "[" * 60_000, None, None),
        ('{"level":"INFO","x":"' + "x" * 70_000 + '"}', None, None),
        ("", None, None),
        (["INFO"], None, None),
        (7, None, None),
        (None, None, None),
        (True, None, None),
        # Destinations remember both, so one that is too long is ignored.
        ({"level": "x" * 32, "requestId": "y" * 128}, "X" * 32, "y" * 128),
        ({"level": "x" * 33, "requestId": "y" * 129}, None, None),
        ({"requestId": "y" * 129, "AWSRequestId": "short"}, None, "short"),
        (json.dumps({"level": "x" * 33, "requestId": "y" * 129}), None, None),
    ],
)
def test_context(record: Any, level: str | None, request_id: str | None) -> None:
    """The level and the request id are read from the record itself, if it names them."""
    by_runtime = record in (TEXT_LINE, INIT_LINE)
    assert context_of(record) == Context(level, request_id, by_runtime=by_runtime)


CRASHES = [
    "[ERROR] KeyError: 'x'\nTraceback (most recent call last):\n",
    {"log_level": "ERROR", "errorType": "KeyError", "errorMessage": "'x'", "stackTrace": []},
    INIT_LINE.replace("INFO", "ERROR"),
]


@pytest.mark.parametrize("name", ENOUGH)
@pytest.mark.parametrize("crash", CRASHES)
def test_crash_has_a_level(name: str, crash: Any) -> None:
    """An exception that was not caught has the level ERROR, in every destination."""
    reading = Reading(selection=Selection("WARN", 1.0, ()))
    (read,) = reading.read(event(record="[INFO] fine"), event(record=crash))
    assert b'"level":"ERROR"' in destination(name).encode(read)


def test_line_of_the_init_phase() -> None:
    """A line that was logged before the first invocation belongs to none."""
    reading = Reading()
    started = event("platform.start", {"requestId": REQUEST_ID})
    assert reading.read(started, event(record=INIT_LINE))[-1].request_id is None


def shipped(selection: Selection, count: int) -> int:
    """Return how many of some records are shipped."""
    return sum(not selection.reason_to_drop(None) for _ in range(count))


@pytest.mark.parametrize(
    ("level", "reason"),
    [
        *((level, "below_level") for level in ("TRACE", "DEBUG", "INFO")),
        *((level, "") for level in ("WARN", "WARNING", "ERROR", "CRITICAL", "FATAL")),
        *((level, "") for level in ("HOMEMADE", None)),
    ],
)
def test_level(level: str | None, reason: str) -> None:
    """Records of a lower level are dropped; those without a level, or an unknown one, are not."""
    assert Selection("WARN", 1.0, ()).reason_to_drop(level) == reason
    assert Selection("", 1.0, ()).reason_to_drop(level) == ""


@pytest.mark.parametrize(("rate", "count"), [(0.1, 100), (0.25, 250), (1.0, 1000), (0.0, 0)])
def test_share(rate: float, count: int) -> None:
    """Of 1000 records the share is exact."""
    assert shipped(Selection("", rate, ()), 1000) == count


@examples(100)
@given(rate=st.floats(0, 1), count=st.integers(0, 3000))
def test_any_share(rate: float, count: int) -> None:
    """For any share and any number of records it differs by less than one record."""
    assert math.isclose(shipped(Selection("", rate, ()), count), rate * count, abs_tol=1.001)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("GET /health 200\n", "excluded"),
        ({"path": "/health"}, "excluded"),
        ("GET /users 200\n", ""),
        (None, ""),
    ],
)
def test_exclude(record: Any, reason: str) -> None:
    """Lines in which an expression is found are left out, also those that are objects."""
    chosen = Selection("", 1.0, [re.compile("health")], [re.compile("/health")])
    reading = Reading(selection=chosen)
    reading.read(event(record=record), event("platform.report", {"path": "/health"}))
    assert reading.dropped == ({"excluded": 1} if reason else {})
    assert reading.shippers[0].buffer.account().lost == {}


def test_share_of_what_the_level_leaves() -> None:
    """The share applies to the records that pass the level; the reasons are distinct."""
    selection = Selection("WARN", 0.5, ())
    reasons = [selection.reason_to_drop(level) for level in ("INFO", "ERROR") * 10]
    assert reasons.count("below_level") == 10
    assert reasons.count("sampled") == 5


CARD = "4111111111111111"
USER = "bob@example.com"
REDACTING = Selection("", 1.0, [re.compile(r"[0-9]{16}"), re.compile(re.escape(USER))])


def redacted(record: Any, *patterns: str) -> Any:
    """Return a record without what matches; without patterns, without cards and the user."""
    expressions = [re.compile(pattern) for pattern in patterns]
    return (Selection("", 1.0, expressions) if patterns else REDACTING).redacted(record)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        # Values and keys, in objects and arrays.
        ({USER: ["a", {"b": USER}], "n": 7}, {"[redacted]": ["a", {"b": "[redacted]"}], "n": 7}),
        # A number is redacted as it would be in a line of text.
        ({"card": int(CARD), "n": 7}, {"card": "[redacted]", "n": 7}),
        ([int(CARD), [int(CARD)]], ["[redacted]", ["[redacted]"]]),
        (int(CARD), "[redacted]"),
        ({"sum": 4111111111111111.5}, {"sum": "[redacted].5"}),
        ({"t": True, "f": 1.5, "z": None, "i": -3}, {"t": True, "f": 1.5, "z": None, "i": -3}),
    ],
)
def test_redacted(record: Any, expected: Any) -> None:
    """Whatever matches is replaced, and everything else keeps its type."""
    assert json.dumps(redacted(record)) == json.dumps(expected)


def test_nothing_to_redact() -> None:
    """Without an expression a record is the same object: nothing is copied."""
    record = {"a": ["b"]}
    assert Selection("", 1.0, ()).redacted(record) is record


@pytest.mark.parametrize("secret", ["hunter2", "pässwörd", 'a"quoted"word', "back\\slash"])
@pytest.mark.parametrize("depth", [1, 63, 64, 65, 500, 50_000])
def test_redacted_deep(depth: int, secret: str) -> None:
    """A secret is redacted at any depth, whatever its characters."""
    record: Any = secret
    for number in range(depth):
        record = [record] if number % 2 else {"k": record}
    cleaned = redacted(record, re.escape(secret))
    while isinstance(cleaned, (dict, list)):
        (cleaned,) = cleaned.values() if isinstance(cleaned, dict) else cleaned
    assert secret not in cleaned
    assert json.dumps(secret)[1:-1] not in cleaned


def test_redacted_near_the_limit() -> None:
    """At the depth that Python can just write or read, a record is redacted and never raises."""
    record: Any = CARD
    for _ in range(1_100):
        record = [record]
        assert CARD not in json_text(redacted(record))


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
    cleaned = redacted(line, pattern)
    assert json.loads(cleaned) == expected


@pytest.mark.parametrize("line", ['{"n": "\\n", "f": 1.0}', '{"broken\\n', "back\\slash", "[\\"])
def test_other_lines_stay(line: str) -> None:
    """A line in which nothing is to be redacted is not touched."""
    assert redacted(line) == line


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
    reading = Reading(selection=REDACTING, one_at_a_time=one_at_a_time)
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
