"""The body of an HTTP delivery: base64, gzip in one or more members, JSON; and bounds."""

import gzip
import json
import re
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from handler.app import Function
from handler.delivery import MAX_INFLATED_BYTES, inflate, parse_body, parse_record
from handler.errors import BodyError
from testing.events import ingresses
from testing.events.firehose import headers
from testing.receiver import Receiver
from tests.support.clocks import processor_seconds
from tests.support.invoking import (
    ACCESS_KEY,
    REQUEST_ID,
    body_of,
    function_for,
    invoke,
    peak_of,
    points,
    record_of,
)
from tests.support.properties import examples

BODY = body_of([record_of(points(3))]).encode()
HALF = len(BODY) // 2
HEADERS = headers(REQUEST_ID, ACCESS_KEY)
NO_TEXT: tuple[object, ...] = (None, 5, [], {}, "")
EMPTY_MEMBER = gzip.compress(b"", mtime=0)


_STRICT_BASE64 = re.compile("([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


@given(text=st.text(st.sampled_from("AQz9+/=-_ \n\0é\ud800"), max_size=9))
@example(text="AAAA=")
@example(text="AA==AAAA")
@example(text="AA=A")
@example(text="====")
@example(text="QUJD")
@examples(300)
def test_base64_is_strict(text: str) -> None:
    """A record or a body is taken where it is base64 to its last character, and only there."""
    record = parse_record(0, {"data": text})
    if _STRICT_BASE64.fullmatch(text):
        assert record.content == b64decode(text)
        return
    assert record.content is None
    assert record.problem.startswith("its data is not base64: ")
    with pytest.raises(BodyError, match="marked as base64 but is not"):
        parse_body({"body": text, "isBase64Encoded": True})


@pytest.mark.parametrize(
    ("values", "count"),
    [("1,", 1), ("[],", 2), ("{},", 2), ('{"a":1},', 3), ('{"a":[{}]},', 5)],
)
def test_the_number_of_values_is_exact(values: str, count: int) -> None:
    """A body with the most values that are allowed is parsed; with one more it is refused."""
    # The object, the list and the colon before it count too.
    repeated, rest = divmod(250_000 - 3, count)
    body = '{"records":[' + values * repeated + "1," * rest + "1]}"
    assert len(parse_body({"body": body})["records"]) == repeated + rest + 1
    with pytest.raises(BodyError, match="more than 250000 JSON values"):
        parse_body({"body": body.replace("1]}", "1,1]}")})


@pytest.fixture(scope="module")
def sent() -> Iterator[tuple[Function, Receiver]]:
    """Give a function and the listener that it sends to."""
    with Receiver() as receiver:
        yield function_for(receiver.url), receiver


@pytest.mark.parametrize(
    ("body", "base64"),
    [
        (BODY, False),
        (BODY, True),
        (gzip.compress(BODY), True),
        (gzip.compress(BODY[:HALF]) + gzip.compress(BODY[HALF:]), True),
        (EMPTY_MEMBER + gzip.compress(BODY) + EMPTY_MEMBER, True),
        (gzip.compress(BODY) + b"\0" * 512, True),
        (gzip.compress(BODY, 0), True),
    ],
    ids=["text", "base64", "gzip", "two members", "empty members", "padding", "stored"],
)
def test_body_in_any_wrapping(body: bytes, base64: bool, sent: tuple[Function, Receiver]) -> None:
    """A body counts the same as text, as base64, gzipped, and gzipped in several members."""
    function, receiver = sent
    event = ingresses.function_url(HEADERS, body, base64=base64)
    assert invoke(function, event).status == 200
    assert receiver.requests[-1].body == receiver.requests[0].body


def test_gzip_is_known_by_its_magic_not_by_the_header(sent: tuple[Function, Receiver]) -> None:
    """A header that promises gzip means nothing: an ingress may have inflated the body."""
    event = ingresses.rest_v1(HEADERS | {"Content-Encoding": "gzip"}, BODY)
    assert invoke(sent[0], event).status == 200


def refused(body: object, *, base64: bool = True) -> str:
    """Return what the answer to a body says, which is not accepted."""
    event = ingresses.function_url(HEADERS, "") | {"body": body, "isBase64Encoded": base64}
    answer = invoke(function_for("https://listener.example.com"), event)
    assert (answer.status, answer.request_id) == (400, REQUEST_ID)
    return answer.error


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no body"),
        (b"not JSON", "not JSON"),
        (b'{"records":', "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"\xff\xfe\xfd", "not JSON"),
        (b"9" * 5000, "not JSON"),
        (b"[]", "no list records"),
        (b"null", "no list records"),
        (b"{}", "no list records"),
        (b'{"records": {}}', "no list records"),
        (b'{"records": null}', "no list records"),
        (gzip.compress(BODY)[:-1], "cut off"),
        (gzip.compress(BODY)[:50], "cut off"),
        (b"\x1f\x8b", "cut off"),
        (b"\x1f\x8b\x08" + b"\xff" * 40, "cut off"),
        (gzip.compress(BODY)[:-8] + bytes(8), "broken gzip"),
        (gzip.compress(BODY) + b"tail", "broken gzip"),
        (gzip.compress(gzip.compress(BODY)), "not JSON"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_unusable_body_is_answered_with_400(body: bytes, words: str) -> None:
    """A body that is missing, broken, no JSON or without records is answered with 400."""
    assert words in refused(b64encode(body).decode())


@pytest.mark.parametrize(
    ("body", "base64", "words"),
    [
        *((body, False, "no body") for body in NO_TEXT),
        *((body, True, "base64") for body in ("%%%", "YQ", "YQ==YQ==", "YQ ==")),
        # A gzip body that was decoded as UTF-8 is answered with the way out.
        (
            gzip.compress(BODY).decode(errors="replace"),
            False,
            "turn Firehose's content encoding off",
        ),
    ],
)
def test_body_of_another_kind_is_answered_with_400(body: object, base64: bool, words: str) -> None:
    """A body that is no text, no base64 where it should be, or destroyed is answered with 400."""
    assert words in refused(body, base64=base64)


def bomb(size: int) -> bytes:
    """Make a gzip file of zeros."""
    deflater = zlib.compressobj(1, zlib.DEFLATED, 31)
    block = bytes(1 << 20)
    pieces = [deflater.compress(block) for _ in range(size >> 20)]
    return b"".join([*pieces, deflater.compress(bytes(size & 0xFFFFF)), deflater.flush()])


@pytest.mark.slow
def test_gzip_bomb_is_refused_in_bounded_memory() -> None:
    """A gzip body of half a gigabyte is refused, and never more than the bound inflated."""
    body = b64encode(bomb(1 << 29)).decode()
    words: list[str] = []
    assert peak_of(lambda: words.append(refused(body))) < 2.2 * MAX_INFLATED_BYTES
    assert "inflates beyond" in words[0]


@pytest.mark.slow
def test_the_bound_itself_is_allowed() -> None:
    """A body of exactly the bound is inflated; one byte more is not, nor in several members."""
    assert len(inflate(bomb(MAX_INFLATED_BYTES))) == MAX_INFLATED_BYTES
    for content in (bomb(MAX_INFLATED_BYTES + 1), bomb(MAX_INFLATED_BYTES // 2 + 1) * 2):
        with pytest.raises(BodyError, match="inflates beyond"):
            inflate(content)


def test_thousands_of_members_take_linear_time() -> None:
    """A file of a hundred thousand empty members is read in a moment, not in minutes."""
    content = EMPTY_MEMBER * 100_000 + gzip.compress(BODY)
    read: list[bytes] = []
    assert processor_seconds(lambda: read.append(inflate(content))) < 5
    assert read == [BODY]


def test_text_beyond_the_bound_is_refused() -> None:
    """The bound holds for a body that was never compressed too."""
    with pytest.raises(BodyError, match="larger than"):
        parse_body({"body": "a" * (MAX_INFLATED_BYTES + 1)})


@examples(100)
@given(
    flips=st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, 255)), min_size=1, max_size=3)
)
def test_flipped_bits_are_found(flips: list[tuple[int, int]]) -> None:
    """A gzip body with flipped bits is refused or whole, and nothing else is raised."""
    content = bytearray(gzip.compress(BODY, mtime=0))
    for position, mask in flips:
        content[position % len(content)] ^= mask
    try:
        parsed = parse_body(
            {"body": b64encode(content).decode(), "isBase64Encoded": True},
        )
    except BodyError:
        return
    assert parsed == json.loads(BODY)
