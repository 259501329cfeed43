"""Secrets that can be found again in any text, and listeners that repeat all that they are sent."""

import gzip
import html
import json
import socket
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus, unquote_plus

from hypothesis import strategies as st

from testing.misbehaving import Conversation

PART = 8
"""Where a text has this many characters in a row of a secret, it is no coincidence."""

# Letters that seldom meet, so that no part of a secret is an ordinary word or number.
_ASCII = (
    "QX7",
    "zJk",
    "KvW",
    "q'Z",
    'xJ"',
    "zK\\",
    "vW&x",
    "Q<Z",
    "jX>",
    "k%Q",
    "X+/z",
    "J=w",
    "Z:q",
)
_LATIN_1 = ("\u00e9QZ", "x\u00fcJ", "K\u00dfv")


def _joined(pieces: tuple[str, ...]) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(pieces), min_size=4, max_size=10).map("".join)


ascii_secrets = _joined(_ASCII)
"""What an HTTP header can carry."""

secrets = _joined(_ASCII) | _joined(_ASCII + _LATIN_1)
"""The same with letters of Latin-1."""


def leaks(text: str, several: Iterable[str]) -> list[str]:
    """Return the parts of secrets that a text holds, in capitals or not, encoded or not."""
    variants = {text, unquote_plus(text), html.unescape(text), *_strings_of_lines(text)}
    lowered = [variant.lower() for variant in variants]
    parts = {
        secret.lower()[start : start + PART]
        for secret in several
        for start in range(len(secret) - PART + 1)
    }
    return [part for part in parts if any(part in variant for variant in lowered)]


def _strings_of_lines(text: str) -> Iterator[str]:
    """Yield each text in each line that is JSON, as it was before it was written."""
    for line in text.splitlines():
        try:
            yield from _strings(json.loads(line))
        except ValueError:
            continue


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from _strings(name)
            yield from _strings(member)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


SPELLINGS: tuple[Callable[[str], str], ...] = (
    *(str, html.escape, json.dumps, repr, quote, quote_plus),
    *(str.upper, str.lower, lambda text: quote(text, safe="")),
)
"""The ways in which servers repeat a text."""

STATUSES = (200, 204, 301, 302, 307, 400, 401, 403, 404, 408, 413, 422, 429, 500, 503, 999)


@st.composite
def conversations(draw: st.DrawFn, planted: list[str]) -> Conversation:
    """Draw a server that says back what it was sent, and `planted`, in every place of an answer."""
    code = draw(st.sampled_from(STATUSES))
    spell = draw(st.sampled_from(SPELLINGS))
    coding = draw(st.sampled_from(["", "gzip", "a lie"]))
    before = "word " * draw(st.sampled_from([0, 0, 400, 405, 409]))
    malformed = draw(st.sampled_from(["", "", "", "status", "head", "chunk", "length", "nothing"]))
    charset = draw(st.sampled_from(["utf-8", "latin-1"]))

    def converse(connection: socket.socket, request: bytes) -> bytes | None:
        sent = request.partition(b"\r\n\r\n")[0].decode("latin-1")
        repeated = f"{before}{spell(sent)} {' '.join(map(spell, planted))}"
        body = repeated.encode(charset, "replace")
        if coding:
            body = body if coding == "a lie" else gzip.compress(body)
        line = f"{sent} {' '.join(planted)}".replace("\r", " ").replace("\n", " ")
        answer = _answer(malformed, code, line, body, coded=bool(coding))
        connection.sendall(answer)
        return None

    return converse


def _answer(malformed: str, code: int, line: str, body: bytes, *, coded: bool) -> bytes:
    """Write an answer that has a secret in its reason, its headers and its body."""
    text = line.encode("latin-1", "replace")
    head = b"HTTP/1.1 %d %b\r\nLocation: http://127.0.0.1:1/%b\r\nRetry-After: %b\r\n%b" % (
        *(code, text, text.replace(b" ", b"+"), text),
        b"Content-Encoding: gzip\r\n" if coded else b"",
    )
    if malformed == "nothing":
        return b""
    if malformed == "status":
        return text + b"\r\n\r\n"
    if malformed == "head":
        return head + text + b"\r\n : " + text + b"\r\n\r\n" + body
    if malformed == "chunk":
        return head + b"Transfer-Encoding: chunked\r\n\r\n" + text + b"\r\n" + body
    length = text if malformed == "length" else b"%d" % len(body)
    return head + b"Content-Length: " + length + b"\r\n\r\n" + (b"" if code == 204 else body)


class Listener:
    """A server for many examples, each of which says how it answers.

    Attributes:
        url: Where it listens.
        converse: How it answers.
    """

    def __init__(self) -> None:
        self.url = ""
        self.converse: Conversation = lambda _connection, _request: None

    def __call__(self, connection: socket.socket, request: bytes) -> bytes | None:
        """Answer as the example says."""
        return self.converse(connection, request)
