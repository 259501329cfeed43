"""The level and the request id of lines in the formats of every runtime."""

import json
from typing import Any

import pytest

from extension.line_formats import Context, context_of
from extension.selection import Selection
from tests.support.extension_reading import Reading, event

ID = "5f87e1a2-0c5b-4a55-9d3e-0123456789ab"
ISO = "2024-08-30T10:00:00.123Z"
DATE = "2024-08-30 10:00:00"
RUBY = "[2024-08-30T10:00:00.123456 #8]"
SPAN = f'Lambda runtime invoke{{requestId="{ID}" xrayTraceId="Root=1-2"}}'
RUST = {"timestamp": ISO, "level": "INFO", "fields": {"message": "m"}, "target": "bootstrap"}


@pytest.mark.parametrize(
    ("line", "level", "request_id", "by_runtime"),
    [
        # Node.js
        (f"{ISO}\t{ID}\tINFO\tline", "INFO", ID, True),
        (f'{ISO}\t{ID}\tERROR\tInvoke Error \t{{"errorType":"Error"}}', "ERROR", ID, True),
        (f"{ISO}\tundefined\tWARN\tloading", "WARN", None, True),
        # .NET
        (f"{ISO}\t{ID}\tinfo\tline", "INFO", ID, True),
        (f"{ISO}\t{ID}\tfail\tSystem.Exception: x", "ERROR", ID, True),
        (f"{ISO}\t{ID}\ttrce\t", "TRACE", ID, True),
        (f"{ISO}\t{ID}\tcrit\tx", "CRITICAL", ID, True),
        (f"{ISO}\t\tdbug\tloading", "DEBUG", None, True),
        (f"{ISO}\t{ID}\tonly a message", None, ID, True),
        # Java
        ("[WARN] of the LambdaLogger", "WARN", None, False),
        (f"{DATE} {ID} INFO  Handler:25 - line", "INFO", ID, False),
        (f"{DATE} {ID} ERROR Handler - line", "ERROR", ID, False),
        (f"{DATE}.123 [main] DEBUG com.example.App -- line", "DEBUG", None, False),
        (f"{DATE},123 WARN line", "WARN", None, False),
        # Ruby
        (f"I, {RUBY}  INFO {ID} -- : line", "INFO", ID, True),
        (f"E, {RUBY} ERROR {ID} -- app: line", "ERROR", ID, True),
        (f"W, {RUBY}  WARN -- : line", "WARN", None, False),
        # Go
        ('time=2024-08-30T10:00:00.123Z level=INFO msg="line" x=1', "INFO", None, False),
        ('time="2024-08-30T10:00:00Z" level=warning msg=line', "WARNING", None, False),
        ("level=error msg=line", "ERROR", None, False),
        ("2024/08/30 10:00:00 ERROR line", "ERROR", None, False),
        # Rust
        (f" INFO {SPAN}: bootstrap: line", "INFO", ID, True),
        (f"ERROR {SPAN}: line", "ERROR", ID, True),
        (f"TRACE {SPAN}: line", "TRACE", ID, True),
        (f"{ISO}  INFO {SPAN}: bootstrap: line", "INFO", ID, True),
        (f"{ISO} DEBUG bootstrap: line", "DEBUG", None, False),
        # None of these is a runtime's line.
        (f"{ISO}\tnothing\tINFO\tline", None, None, False),
        (f"{ISO} line", None, None, False),
        ("INFO line", None, None, False),
        ("ERRORS: 3", None, None, False),
        (" INFO line", None, None, False),
        ("2024/08/30 10:00:00 INFOS line", None, None, False),
        ("1234", None, None, False),
        ("level=3 x", None, None, False),
        ("time=now", None, None, False),
    ],
)
def test_text(line: str, level: str | None, request_id: str | None, by_runtime: bool) -> None:
    """Each runtime's text format gives the level, and the request id if it has one."""
    assert context_of(line) == Context(level, request_id, by_runtime)


@pytest.mark.parametrize(
    ("record", "level"),
    [
        pytest.param({"timestamp": ISO, "level": "INFO", "requestId": ID}, "INFO", id="node"),
        pytest.param({"timestamp": ISO, "level": "WARN", "AWSRequestId": ID}, "WARN", id="java"),
        pytest.param({"level": "Information", "requestId": ID}, "INFORMATION", id="dotnet"),
        pytest.param({"level": "ERROR", "message": "m", "requestId": ID}, "ERROR", id="ruby"),
        pytest.param({"time": ISO, "level": "INFO", "msg": "m", "requestId": ID}, "INFO", id="go"),
        pytest.param({**RUST, "span": {"requestId": ID, "name": "n"}}, "INFO", id="rust"),
        pytest.param(
            {**RUST, "span": {"name": "own"}, "spans": [{"requestId": ID}, {"name": "own"}]},
            "INFO",
            id="rust-inner-span",
        ),
    ],
)
def test_json(record: dict[str, Any], level: str) -> None:
    """Each runtime's JSON format gives both, as an object and as text."""
    for content in (record, json.dumps(record)):
        assert context_of(content)[:2] == (level, ID)


@pytest.mark.parametrize("span", [None, [], "x", {"requestId": 7}])
@pytest.mark.parametrize("spans", [None, [], "x", [None], [{}]])
def test_other_spans(span: Any, spans: Any) -> None:
    """A user's own `span` or `spans` is no request id."""
    assert context_of({"span": span, "spans": spans}).request_id is None


@pytest.mark.parametrize(
    "line", [f"{ISO}\t{ID}\tdbug\tx", {"level": "Information"}, f"{DATE} {ID} INFO  App - x"]
)
def test_lower_level(line: Any) -> None:
    """The names of each runtime are compared with `LOGS_MIN_LEVEL`."""
    assert Selection("WARN", 1.0, ()).reason_to_drop(context_of(line).level) == "below_level"


def test_before_the_first_invocation() -> None:
    """A line that Node.js wrote before the first invocation belongs to none."""
    reading = Reading()
    started = event("platform.start", {"requestId": ID})
    line = event(record=f"{ISO}\tundefined\tINFO\tloading")
    assert reading.read(started, line)[-1].request_id is None
