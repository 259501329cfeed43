"""Which of a function's records are shipped, and redaction."""

import json
import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extension.selection import Context, Selection, context_of
from tests.support.properties import examples

REQUEST_ID = "5f87e1a2-0c5b-4a55-9d3e-0123456789ab"
TEXT_LINE = f"[WARNING]\t2024-08-30T10:00:00.123Z\t{REQUEST_ID}\tdisk full\n"


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
        ("[INFO] no tabs", None, None),
        ("[", None, None),
        ("{", None, None),
        ('{"level":' + "[" * 60_000, None, None),
        ('{"level":"INFO","x":"' + "x" * 70_000 + '"}', None, None),
        ("", None, None),
        (["INFO"], None, None),
        (7, None, None),
        (None, None, None),
        (True, None, None),
    ],
)
def test_context(record: Any, level: str | None, request_id: str | None) -> None:
    """The level and the request id are read from the record itself, if it names them."""
    assert context_of(record) == Context(level, request_id, by_runtime=record == TEXT_LINE)


def shipped(selection: Selection, count: int) -> int:
    """Return how many of some records are shipped."""
    return sum(not selection.reason_to_drop(None) for _ in range(count))


@pytest.mark.parametrize(
    ("level", "reason"),
    [
        ("TRACE", "below_level"),
        ("DEBUG", "below_level"),
        ("INFO", "below_level"),
        ("WARN", ""),
        ("WARNING", ""),
        ("ERROR", ""),
        ("CRITICAL", ""),
        ("FATAL", ""),
        ("HOMEMADE", ""),
        (None, ""),
    ],
)
def test_level(level: str | None, reason: str) -> None:
    """Records of a lower level are dropped; those without a level, or an unknown one, are not."""
    assert Selection("WARN", 1.0, ()).reason_to_drop(level) == reason


def test_no_level_chosen() -> None:
    """Without a choice every level is shipped."""
    assert Selection(None, 1.0, ()).reason_to_drop("TRACE") == ""


@pytest.mark.parametrize(("rate", "count"), [(0.1, 100), (0.25, 250), (1.0, 1000), (0.0, 0)])
def test_share(rate: float, count: int) -> None:
    """Of 1000 records the share is exact."""
    assert shipped(Selection(None, rate, ()), 1000) == count


@examples(100)
@given(rate=st.floats(0, 1), count=st.integers(0, 3000))
def test_any_share(rate: float, count: int) -> None:
    """For any share and any number of records it differs by less than one record."""
    assert math.isclose(shipped(Selection(None, rate, ()), count), rate * count, abs_tol=1.001)


def test_share_of_what_the_level_leaves() -> None:
    """The share applies to the records that pass the level; the reasons are distinct."""
    selection = Selection("WARN", 0.5, ())
    reasons = [selection.reason_to_drop(level) for level in ("INFO", "ERROR") * 10]
    assert reasons.count("below_level") == 10
    assert reasons.count("sampled") == 5


def redacted(record: Any, *patterns: str) -> Any:
    """Return a redacted record."""
    expressions = [re.compile(pattern) for pattern in patterns]
    return Selection(None, 1.0, expressions).redacted(record)


def test_redacted_everywhere() -> None:
    """Values and keys are redacted, in objects and arrays."""
    record = {"secret-1": ["a", {"b": "secret-2"}], "n": 7, "t": True, "z": None}
    expected = {"[redacted]": ["a", {"b": "[redacted]"}], "n": 7, "t": True, "z": None}
    assert redacted(record, r"secret-\d") == expected


@pytest.mark.parametrize("secret", ["hunter2", "pässwörd", 'a"quoted"word', "back\\slash"])
@pytest.mark.parametrize("depth", [1, 63, 64, 65, 500, 50_000])
def test_redacted_deep(depth: int, secret: str) -> None:
    """A secret is redacted at any depth, whatever its characters."""
    record: Any = secret
    for number in range(depth):
        record = [record] if number % 2 else {"k": record}
    cleaned = redacted(record, re.escape(secret))
    texts = []
    waiting = [cleaned]
    while waiting:
        value = waiting.pop()
        if isinstance(value, (dict, list)):
            waiting += value.values() if isinstance(value, dict) else value
        else:
            texts.append(value)
    assert secret not in str(texts)
    assert secret not in "".join(texts)
    assert json.dumps(secret)[1:-1] not in "".join(texts)


def test_nothing_to_redact() -> None:
    """Without an expression a record is the same object: nothing is copied."""
    record = {"a": ["b"]}
    assert redacted(record) is record
