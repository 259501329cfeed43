"""Bodies of the platform's POSTs: every event is parsed, and the rest is kept as text."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extension.records import parse_events
from tests.support.properties import examples

TEXT = st.text(st.characters(exclude_categories=()), max_size=12)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=6,
)
EVENTS = st.lists(st.fixed_dictionaries({"time": TEXT, "type": TEXT, "record": VALUES}), max_size=4)
SPACES = st.sampled_from(["", " ", "\n", "\r\n\t "])
LINE = {"time": "2024-08-30T10:00:00.123Z", "type": "function", "record": "hello\n"}


def read(body: bytes) -> tuple[list[Any], list[str]]:
    """Return the events of a body, and the malformed parts."""
    found = list(parse_events(body))
    return [it for it in found if isinstance(it, dict)], [it for it in found if isinstance(it, str)]


@pytest.mark.slow
@examples(200)
@given(sent=EVENTS, space=SPACES, ascii_only=st.booleans())
def test_whole(sent: list[Any], space: str, ascii_only: bool) -> None:
    """The events come as they were sent: every kind of value, however it is written."""
    text = json.dumps(sent, separators=(f"{space},{space}", f"{space}:{space}"))
    if not ascii_only:
        text = json.dumps(sent, ensure_ascii=False).encode("utf-8", "replace").decode()
        sent = json.loads(text)
    body = f"{space}[{space}{text[1:-1]}{space}]{space}".encode()
    assert read(body) == (sent, [])


@examples(60)
@given(sent=EVENTS.filter(bool))
def test_truncated_everywhere(sent: list[Any]) -> None:
    """Wherever a body is cut: the events before the cut survive, the rest is one text."""
    encoded = [json.dumps(event).encode() for event in sent]
    body = b"[" + b",".join(encoded) + b"]"
    ends = [len(b",".join(encoded[: number + 1])) + 1 for number in range(len(sent))]
    for cut in range(len(body)):
        number = sum(end <= cut for end in ends)
        begin = min(ends[number - 1] + 1 if number else 0, cut)
        whole, rest = read(body[:cut])
        assert whole == sent[:number]
        assert len(rest) == 1
        assert rest[0] in (body[begin:cut].decode(), body[begin + 1 : cut].decode())


@examples(300)
@given(body=st.binary(max_size=200))
def test_anything(body: bytes) -> None:
    """No bytes raise an error."""
    read(body)


@pytest.mark.slow
@examples(200)
@given(sent=EVENTS.filter(bool), data=st.data())
def test_damaged(sent: list[Any], data: st.DataObject) -> None:
    """A wrong byte costs no event before or after it."""
    encoded = [json.dumps(event).encode() for event in sent]
    intact = data.draw(st.integers(0, len(sent) - 1))
    whole, rest = read(b"[" + b",".join([*encoded[:intact], b"\xff", *encoded[intact:]]) + b"]")
    assert whole == sent
    assert rest == ["\ufffd"]


@pytest.mark.parametrize(
    "malformed",
    [b"[1,2", b"[", b'["a",[1', b'"abc', b'{"record":[1,2', b'{"x":"y', b'{"x', b"{", b"7", b"nul"],
)
def test_malformed_event(malformed: bytes) -> None:
    """A malformed event costs itself, whatever it begins with, and no event behind it."""
    line = json.dumps(LINE).encode()
    body = b"[" + b",".join([line, malformed, line, malformed, line]) + b"]"
    assert read(body) == ([LINE] * 3, [malformed.decode()] * 2)


def test_many_malformed_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of a body is searched for the next event a limited number of times."""
    searches: list[int] = []

    class Pattern:
        def search(self, text: str, position: int) -> None:
            searches.append(len(text) - position)

    monkeypatch.setattr("extension.records._EVENT_START", Pattern())
    assert list(parse_events(b"[" + b",".join([b"1"] * 1_000) + b"]")) == [1] * 1_000
    assert len(searches) == 100


def test_text_behind_an_event() -> None:
    """What stands between an event and the comma costs neither of the events around it."""
    line = json.dumps(LINE).encode()
    assert read(b"[" + line + b"x," + line + b"]") == ([LINE, LINE], ["x"])


def encoded(*records: Any) -> bytes:
    """Return a body with lines of the function."""
    return json.dumps([{**LINE, "record": record} for record in records]).encode()


@pytest.mark.parametrize(
    ("body", "records", "rest"),
    [
        # No array: all of it is kept as text.
        *((text.encode(), [], [text]) for text in ("", " ", "null", "{}", "hello", "\0", "]")),
        (b"\xff\xfe", [], ["\ufffd\ufffd"]),
        # An empty array.
        *((text, [], []) for text in (b"[]", b" [ ] ", b"\r\n[\t]\n")),
        (encoded("x") + b'["after"]', ["x"], ['["after"]']),
        # Strange characters are read as they are, undecodable bytes as U+FFFD.
        *((encoded(text, "x"), [text, "x"], []) for text in ("\ud800", "a\udfff\ud800b", "\0\x1f")),
        (encoded("\u2028\ufffe"), ["\u2028\ufffe"], []),
        (encoded("a?b", "x").replace(b"?", b"\xff"), ["a\ufffdb", "x"], []),
    ],
)
def test_bodies(body: bytes, records: list[str], rest: list[str]) -> None:
    """Events are parsed, and anything else is kept as text."""
    assert read(body) == ([{**LINE, "record": record} for record in records], rest)


@pytest.mark.parametrize(
    "record", [b"[" * 200_000 + b"]" * 200_000, b"9" * 5000], ids=["too deep", "too long a number"]
)
def test_python_cannot_parse(record: bytes) -> None:
    """An event that JSON allows but Python cannot parse is text, and costs no other event."""
    line = json.dumps(LINE).encode()
    whole, rest = read(b"[" + line + b',{"record":' + record + b"}," + line + b"]")
    assert whole == [LINE, LINE]
    assert "".join(rest).startswith('{"record":' + record[:3].decode())
