"""What each destination is sent for a value, and what the record says beside it."""

import os
from typing import Any

import pytest

from extension.destinations.timestamps import iso
from tests.support.log_destinations import TIME, TIME_NS, destination, parsed, record

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


def test_no_metadata() -> None:
    """A Loki that does not allow structured metadata can be sent entries without any."""
    made = destination("loki", LOKI_STRUCTURED_METADATA="false")
    assert parsed(made.encode(record("x", request_id="r"))[:-1]) == [str(TIME_NS), "x"]


@pytest.mark.parametrize(
    ("value", "time", "at"),
    [
        ({"timestamp": "2024-08-30T09:59:58.000001Z"}, TIME, 1_725_011_998_000_001_000),
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
    assert destination(name, **environ).default_types == types
