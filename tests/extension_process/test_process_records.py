"""Everything that the platform sends is answered with 200, arrives, and does no harm."""

import json
from collections.abc import Iterator

import pytest

from testing.log_destinations.logzio import LogzioDestination
from tests.extension_process.running import (
    AT_ONCE,
    DEBUG,
    Shipping,
    Side,
    messages,
    shipping,
)
from tests.support.extension_parts import is_balanced

MARKER = "and on it goes"
DEEP = 20_000


def event(record: str) -> bytes:
    """Return an event of the function with a record in JSON."""
    return f'{{"type":"function","record":{record}}}'.encode()


KINDS = {
    "string": event('"a line\\n"'),
    "empty string": event('""'),
    "JSON in a string": event('"{\\"level\\":\\"INFO\\",\\"message\\":\\"m\\"}"'),
    "object": event('{"timestamp":"yesterday","level":7,"requestId":[],"message":{}}'),
    "empty object": event("{}"),
    "array": event('[1,"two",null,{"three.four":3}]'),
    "number": event("-1.5e300"),
    "huge number": event("9" * 4000),
    "infinity": event("1e999"),
    "null": event("null"),
    "true": event("true"),
    "5 MB": event(f'"{"x" * 5_000_000}"'),
    "5 MB of emoji": event(json.dumps("😀" * 1_250_000, ensure_ascii=False)),
    "lone surrogates": event('"\\ud800 and \\udfff"'),
    "surrogates in names": event('{"\\udc00":"\\ud8ff"}'),
    "NUL": event('"\\u0000\\u0001\\u001f"'),
    "deep array": event("[" * DEEP + "]" * DEEP),
    "deep object": event('{"a":' * 300 + "1" + "}" * 300),
    "many members": event(json.dumps({f"name{number}": number for number in range(5_000)})),
    "NaN": event('{"value":NaN,"other":-Infinity}'),
    "repeated names": event('{"a":1,"a":2}'),
    "without type": b'{"record":"no type"}',
    "type of no text": b'{"type":7,"record":"bad type"}',
    "without time": b'{"type":"function","record":"no time"}',
    "time of no text": b'{"type":"function","time":{},"record":"bad time"}',
    "nonsense for a time": b'{"type":"function","time":"soon","record":"bad time"}',
    "without record": b'{"type":"function"}',
    "no object": b'"just text"',
    "null event": b"null",
    "line in the terminal": event('"\\u001b[31mred\\r\\n\\ttab\\u2028"'),
    "not UTF-8": b'{"type":"function","record":"\xff\xfe"}',
}


@pytest.mark.parametrize("kind", KINDS)
def test_kind(side: Side, kind: str) -> None:
    """Each kind of record arrives, and so does the line after it."""
    before = len(messages(side.destination))
    assert side.run.services.post(b"[" + KINDS[kind] + b"]").status == 200
    side.run.services.invoke([MARKER])
    if kind.startswith("5 MB"):
        # Larger than the budget of one invocation, perhaps.
        side.destination.wait_for(lambda it: messages(it)[-1:] == [MARKER])
    assert len(messages(side.destination)) == before + 2
    assert messages(side.destination)[-1] == MARKER
    assert_untouched(side)


def assert_untouched(side: Side) -> None:
    """Fail if the destination, the platform or the operator would notice a problem."""
    assert side.destination.violations == []
    assert side.destination.invalid == []
    assert [it.status for it in side.run.services.deliveries if it.status != 200] == []
    assert side.run.output == ""


BODIES = {
    "truncated": (b'[{"type":"function","record":"whole"},{"type":"function","rec', 2),
    "no JSON": (b"<html>", 1),
    "no array": (b'{"type":"function","record":"alone"}', 1),
    "empty": (b"", 0),
    "empty array": (b"[]", 0),
    "white space": (b' [ {"type":"function","record":"spaced"} ]\r\n', 1),
    "numbers": (b"[1,2,3]", 3),
    "rest": (b'[{"type":"function","record":"whole"}] and more', 2),
    "binary": (bytes(range(256)), 1),
    "deep": (b"[" * 100_000, 1),
    "behind a deep one": (b"[" + KINDS["deep array"] + b"," + event('"behind"') + b"]", 2),
}


@pytest.mark.parametrize("kind", BODIES)
def test_body(side: Side, kind: str) -> None:
    """Each body is answered with 200; its events arrive, and the rest as text."""
    body, records = BODIES[kind]
    before = len(messages(side.destination))
    assert side.run.services.post(body).status == 200
    side.run.services.invoke([MARKER])
    assert len(messages(side.destination)) == before + records + 1
    assert_untouched(side)


@pytest.fixture
def small(logzio: LogzioDestination) -> Iterator[Shipping]:
    """Run an extension with the smallest buffer."""
    environ = {"BUFFER_MAX_BYTES": "65536", **DEBUG}
    with shipping(logzio, environ=environ, platform=AT_ONCE) as run:
        yield run


def test_delivery_of_the_platform(logzio: LogzioDestination, small: Shipping) -> None:
    """Nothing of one delivery of the platform is lost at a destination that works."""
    lines = [f"{number:03d} {'x' * 1000}" for number in range(200)]
    small.services.invoke(lines)
    small.end()
    assert messages(logzio) == lines


def test_too_large(logzio: LogzioDestination, small: Shipping) -> None:
    """A body that is larger than any of the platform's is counted, and answered with 200."""
    assert small.services.post(b"[" + event(f'"{"x" * 9_000_000}"') + b"]").status == 200
    small.services.invoke([MARKER])
    small.end()
    assert MARKER in messages(logzio)
    account = small.account()
    assert sum(account.dropped.values()) == 1
    assert is_balanced(account)
