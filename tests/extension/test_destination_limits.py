"""Every record, whatever it holds, becomes something that its destination accepts."""

import json
import re
import subprocess
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extension.json_text import UTF_8, UTF_16, cut, json_text
from extension.records import LogRecord
from testing.pythons import pythons
from tests.support.extension_reading import Reading, event
from tests.support.log_destinations import (
    ENOUGH,
    JSON_VALUES,
    LARGE_VALUES,
    TIME,
    body_of,
    destination,
    nested,
    parsed,
    record,
    refuse,
)
from tests.support.properties import examples

KINDS = st.sampled_from(["function", "extension", "platform.report", "", "platform.\ud800" * 99])
NAMES = st.none() | st.text(st.characters(exclude_categories=()), max_size=20)
RECORDS = st.builds(
    LogRecord,
    st.just(TIME) | st.text(max_size=30),
    KINDS,
    JSON_VALUES | LARGE_VALUES,
    NAMES,
    NAMES,
)
EXTREMES: dict[str, Any] = {
    "5 MB": "x" * 5_000_000,
    "5 MB of NUL": "\0" * 5_000_000,
    "5 MB of emoji": "😀" * 1_250_000,
    "5 MB of lone surrogates": "\ud83d" * 1_700_000,
    "5 MB of backslashes": "\\" * 5_000_000,
    "5 MB in an object": {"a": "x" * 5_000_000},
    "5 MB of JSON": json.dumps({f"k{n}": "y" * 5_000 for n in range(1_000)}),
    "5 MB of numbers": list(range(700_000)),
    "5 MB as a name": {"x" * 5_000_000: 1},
    "20 long strings": {str(n): "\0" * 32_000 for n in range(20)},
    "5,000 fields": {str(n): n for n in range(5_000)},
    "5,000 fields below": {"a": {str(n): n for n in range(5_000)}},
    "depth 5,000": nested(5_000, in_objects=True),
    "depth 5,000 of arrays": {"a": nested(5_000, in_objects=False)},
    "depth 900 as a line": "{" + '"a":{' * 900 + "}" * 901,
    "dots in an array": {"a": [{"b.c": {"d.e": 1}}]},
    "a number of 4,000 digits": {"n": 10**4_000},
}


def parts_of(value: Any) -> list[tuple[int, Any]]:
    """Return all values in a value, itself included, each with its depth."""
    found = [(1, value)]
    for depth, each in found:
        if isinstance(each, (dict, list)):
            inner = each.values() if isinstance(each, dict) else each
            found += [(depth + 1, part) for part in inner]
    return found


def depth_of(value: Any) -> int:
    """Return how many objects and arrays lie in one another."""
    depths = [depth for depth, each in parts_of(value) if isinstance(each, (dict, list))]
    return max(depths, default=0)


def members_of(value: Any) -> int:
    """Return how many members all objects have together."""
    return sum(len(each) for _, each in parts_of(value) if isinstance(each, dict))


def check_logzio(each: LogRecord, **environ: str) -> None:
    """Check what "Bulk uploads" and "invalid log errors" of docs.logz.io demand."""
    line = destination("logzio", AWS_REGION="us-east-1", **environ).encode(each)
    assert len(line) <= 500_000
    assert line.index(b"\n") == len(line) - 1
    value = parsed(line)
    assert value["@timestamp"]
    assert value["type"] == "lambda-extension-logs"
    assert depth_of(value) <= 10
    assert members_of(value) <= 1_000
    texts = [each for _, each in parts_of(value) if isinstance(each, str)]
    assert all(len(text.encode("utf-16-le")) // 2 <= 32_700 for text in texts)


def check_loki(each: LogRecord) -> None:
    """Check the limits of Loki's configuration, limits_config."""
    made = destination("loki", LOKI_LABELS="a=" + "x" * 5_000)
    body = body_of(made.request([made.encode(each)]))
    # A line of NUL bytes is six times as long as JSON; to Loki its size is that of the line.
    assert len(body) <= 6 * 256_000 + 10_000
    (stream,) = parsed(body)["streams"]
    ((moment, line, metadata),) = stream["values"]
    assert 0 <= int(moment) < 2**63
    assert len(line.encode()) <= 256 * 1000
    assert sum(len(name) + len(value.encode()) for name, value in metadata.items()) < 65_536
    assert all(len(value.encode()) <= 2_048 for value in stream["stream"].values())


def check_openobserve(each: LogRecord) -> None:
    """Check that the record fits into a body, its depth, and its number of columns."""
    made = destination("openobserve")
    body = body_of(made.request([made.encode(each)]))
    assert len(body) <= 10_485_760
    (value,) = parsed(body)
    assert 0 <= value["_timestamp"] < 2**63
    assert depth_of(value) <= 11
    assert members_of(value) <= 200


def check_datatap(each: LogRecord) -> None:
    """Check that the record fits into a request to a function URL, in base64 too."""
    made = destination("datatap")
    body = body_of(made.request([made.encode(each)]))
    assert len(body) * 4 / 3 < 6_291_456
    assert b"\n" not in body
    # Python's own parser cannot follow a value that is much deeper.
    if depth_of(each.record) < 500:
        assert parsed(body)["retryAttempt"] == 0


CHECKS: dict[str, Callable[[LogRecord], None]] = {
    "logzio": check_logzio,
    "logzio under root": partial(check_logzio, JSON_FIELDS_UNDER_ROOT="true", CUSTOM_FIELDS="a=b"),
    "loki": check_loki,
    "openobserve": check_openobserve,
    "datatap": check_datatap,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("extreme", EXTREMES)
def test_extremes(name: str, extreme: str) -> None:
    """What is far beyond every limit is sent within it."""
    CHECKS[name](record(EXTREMES[extreme]))


@pytest.mark.slow
@pytest.mark.parametrize("name", CHECKS)
@examples(400)
@given(RECORDS)
def test_any_record(name: str, each: LogRecord) -> None:
    """Whatever a record holds, it becomes something that its destination accepts."""
    CHECKS[name](each)


@pytest.mark.slow
@pytest.mark.parametrize("name", ENOUGH)
def test_cut_is_marked(name: str) -> None:
    """A text that was cut has a mark at its end, with its original length."""
    encoded = destination(name).encode(record("x" * 12_000_000))
    assert "… [cut, of 12000000 characters]".encode() in encoded


def test_number_of_bodies() -> None:
    """Records of `max_body_bytes` together make a body within the destination's limit."""
    for name, limit in (("logzio", 10_485_760), ("loki", 1_048_576), ("openobserve", 10_485_760)):
        made = destination(name, AWS_REGION="us-east-1") if name == "logzio" else destination(name)
        one = made.encode(record("\\" * 1_000))
        body = body_of(made.request([one] * (made.max_body_bytes // len(one))))
        assert limit - 5_000 < len(body) <= limit, name


@pytest.mark.slow
@examples(500)
@given(JSON_VALUES)
def test_json_text(value: Any) -> None:
    """A value survives being written, except for what JSON cannot hold."""
    text = json_text(value)
    again = json.loads(text, parse_constant=refuse)
    assert json_text(again) == text


@pytest.mark.parametrize(("encoding", "unit"), [(UTF_16, 2), (UTF_8, 1)])
@examples(300)
@given(st.text(st.characters(exclude_categories=())), st.integers(1, 50), st.integers(80, 400))
def test_cut(encoding: str, unit: int, text: str, times: int, limit: int) -> None:
    """A cut text is within its limit, and as long a beginning of the text as fits."""

    def measure(text: str) -> float:
        return len(text.encode(encoding, "surrogatepass")) / unit

    long = text * times
    found = cut(long, limit, encoding)
    assert measure(found) <= limit
    if found != long:
        beginning, mark = found[: found.rindex("…")], found[found.rindex("…") :]
        assert mark == f"… [cut, of {len(long)} characters]"
        assert re.sub("[\ud800-\udfff]", "\ufffd", long).startswith(beginning)
        assert measure(long) > limit
        assert measure(long[: len(beginning) + 1] + mark) > limit


@pytest.mark.parametrize("name", ENOUGH)
def test_memory(name: str) -> None:
    """Lines whose levels are all different and long do not make a destination grow."""
    made = destination(name)
    reading = Reading()

    def ship(number: int) -> None:
        record = {"level": f"{number:05d}" + "x" * 100_000, "requestId": "y" * 100_000}
        read = reading.read(event(record=record))[-1]
        made.encode(LogRecord(TIME, "function", "m", read.request_id, read.level))
        reading.destinations[0].records.clear()

    ship(0)
    tracemalloc.start()
    try:
        for number in range(1, 101):
            ship(number)
            reading.shippers[0].buffer.drop_all("test")
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert grown < 1_000_000


ROOT = Path(__file__).resolve().parents[2]
# Run by the Python under test: prints the name of each destination that has written a body.
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from extension.destinations import choose
from extension.records import LogRecord
from extension.settings import Settings
environ = {"AWS_REGION": "us-east-1", **dict(pair.split("=", 1) for pair in sys.argv[2:])}
settings = Settings(environ)
chosen = choose(settings.destination_names, environ, "123456789012", str, lambda: 1725012000.0)
deep = []
for _ in range(100_000):
    deep = [deep]
values = ["hi\\n", '{"a": [1]}', {"a": {"b": None}, "timestamp": "2024-08-30T10:00:00Z"},
          [1.5, True], None, float("nan"), "\\ud800\\0", "x" * 600_000,
          {"d": deep}, '{"a":' * 100_000, {str(n): n for n in range(2000)}]
for made in chosen.destinations:
    for kind in ("function", "platform.report"):
        records = [LogRecord("2024-08-30T10:00:00.123Z", kind, v, "r", "INFO") for v in values]
        request = made.request([made.encode(record) for record in records])
        assert request.body
    print(made.name)
    sys.stdout.flush()
import os
os._exit(0)
"""


@pytest.mark.slow
@pytest.mark.parametrize("version", pythons())
@pytest.mark.parametrize("name", ENOUGH)
def test_python(version: str, name: str) -> None:
    """Each destination writes every kind of record."""
    program = [str(pythons()[version]), "-I", "-W", "error", "-c", PROGRAM, str(ROOT)]
    pairs = [f"{key}={value}" for key, value in ENOUGH[name].items()]
    run = subprocess.run([*program, *pairs], capture_output=True, text=True, check=False)
    assert (run.stderr, run.stdout.split("\n")) == ("", [name, ""])
