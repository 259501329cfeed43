"""Bodies of the platform's POSTs: every event is parsed, and the rest is kept as text."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extension.records import Malformed, parse_events
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
    whole = [one for one in found if not isinstance(one, Malformed)]
    return whole, [one.text for one in found if isinstance(one, Malformed)]


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
    """Wherever a body is cut: the events before the cut survive, the rest is one `Malformed`."""
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
    "body", [b"", b" ", b"null", b"{}", b'{"time":1}', b"hello", b"\xff\xfe", b"\0", b"]"]
)
def test_no_array(body: bytes) -> None:
    """A body that is not an array is kept as text."""
    assert read(body) == ([], [body.decode("utf-8", "replace")])


@pytest.mark.parametrize("body", [b"[]", b" [ ] ", b"\r\n[\t]\n"])
def test_no_events(body: bytes) -> None:
    """An empty array has no events, and nothing is wrong with it."""
    assert read(body) == ([], [])


def test_text_after_the_end() -> None:
    """Text after the array is kept."""
    whole, rest = read(json.dumps([LINE]).encode() + json.dumps([LINE]).encode())
    assert whole == [LINE]
    assert rest == [json.dumps([LINE])]


@pytest.mark.parametrize("text", ["\ud800", "a\udfff\ud800b", "\0", "\0\x01\x1f", "\u2028\ufffe"])
def test_strange_characters(text: str) -> None:
    """Lone surrogates, NUL and other strange characters are read as they are."""
    event = {**LINE, "record": text}
    assert read(json.dumps([event, LINE]).encode()) == ([event, LINE], [])


def test_undecodable_bytes() -> None:
    """Bytes that are not UTF-8 cost no event: each is a replacement character."""
    body = json.dumps([{**LINE, "record": "a?b"}, LINE]).encode().replace(b"?", b"\xff")
    assert read(body) == ([{**LINE, "record": "a\ufffdb"}, LINE], [])


def test_too_deep() -> None:
    """An event that is nested too deeply costs no event before it."""
    deep = b"[" * 200_000 + b"]" * 200_000
    whole, rest = read(b"[" + json.dumps(LINE).encode() + b',{"record":' + deep + b"}]")
    assert whole == [LINE]
    assert rest[0].startswith('{"record":[[[')


@pytest.mark.parametrize(
    "record", [b"[" * 200_000 + b"]" * 200_000, b"9" * 5000], ids=["too deep", "too long a number"]
)
def test_poison_takes_nothing_along(record: bytes) -> None:
    """An event that JSON allows but Python cannot parse costs no event after it."""
    line = json.dumps(LINE).encode()
    found = list(parse_events(b"[" + line + b',{"record":' + record + b"}," + line + b"]"))
    assert [found[0], found[-1]] == [LINE, LINE]
