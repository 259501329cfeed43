"""Every destination that does not answer is held to the time for the whole exchange."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from extension.errors import ExchangeError
from extension.exchange import Exchanges
from extension.messages import Request
from extension.resolver import Resolver
from testing.misbehaving import black_hole, raw_listener
from tests.support.extension_holding import BUDGET, held
from tests.support.extension_listeners import drip, dripping_after, listener, silent, unread
from tests.support.extension_parts import LONG, ShiftedTime

if TYPE_CHECKING:
    from collections.abc import Iterator

LINE = b"hello"


@pytest.fixture
def exchanges() -> Iterator[Exchanges]:
    """Give exchanges without a connection."""
    with contextlib.closing(Exchanges()) as made:
        yield made


def test_stalled(exchanges: Exchanges) -> None:
    """A destination that reads and never answers is held to the budget."""
    with listener(silent) as port:
        held(exchanges, f"http://127.0.0.1:{port}/")


def test_never_read(exchanges: Exchanges) -> None:
    """A destination that hardly reads a large request is held to the budget."""
    with listener(unread) as port:
        held(exchanges, f"http://127.0.0.1:{port}/", b"x" * 30_000_000)


@pytest.mark.parametrize(
    ("head", "text"),
    [
        (b"", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 60_000),
        (b"HTTP/1.1 200 OK\r\n", b"A: b\r\n" + b"C: " + b"d" * 60_000),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0" * 60_000),
        (b"HTTP/1.0 200 OK\r\n\r\n", b"x"),
    ],
    ids=["status", "headers", "continue", "body", "chunks", "chunk size", "until the end"],
)
def test_dripping(exchanges: Exchanges, head: bytes, text: bytes) -> None:
    """One byte each few milliseconds, for ever, keeps nobody beyond the budget."""
    with raw_listener(dripping_after(head, text)) as url:
        held(exchanges, url)


def test_black_hole(exchanges: Exchanges) -> None:
    """A destination that never accepts a connection is held to the budget."""
    with black_hole() as url:
        held(exchanges, url)


def test_name_that_fails(exchanges: Exchanges) -> None:
    """A name server that fails, or does not answer, is held to the budget."""
    held(exchanges, "http://nowhere.invalid/")


class Hanging(Resolver):
    """Looks up for as long as nobody releases it."""

    def __init__(self) -> None:
        super().__init__("hanging.invalid", 80)
        self.released = threading.Event()
        self.looked_up = 0
        self.port = 0

    def _look(self, looking: threading.Event) -> None:
        self.looked_up += 1
        self.released.wait()
        self._found = [(socket.AF_INET, ("127.0.0.1", self.port))]
        self._looking = None
        looking.set()


def test_name_that_hangs(exchanges: Exchanges) -> None:
    """A look-up that hangs is held to the budget, is not doubled, and serves once it is over."""
    resolver = Hanging()
    exchanges._resolvers["hanging.invalid", 80] = resolver
    for _ in range(3):
        held(exchanges, "http://hanging.invalid/")
    assert resolver.looked_up == 1

    def answer(_connection: socket.socket, _request: bytes) -> bytes:
        return b"HTTP/1.1 204 x\r\n\r\n"

    with raw_listener(answer) as url:
        resolver.port = int(url.split(":")[2].split("/")[0])
        resolver.released.set()
        answered = exchanges.post(Request("http://hanging.invalid/", {}, LINE), LONG)
    assert answered.status == 204


def test_stale_then_stalled() -> None:
    """The second try over a new connection has no time of its own, only what is left."""
    clock = ShiftedTime()
    answers: list[bytes | None] = [b"HTTP/1.1 204 x\r\n\r\n", None]

    def answer_once(connection: socket.socket, _request: bytes) -> bytes | None:
        if not answers:
            silent(connection)
            return None
        answer = answers.pop(0)
        if answer is None:
            # The first try has used up nearly everything.
            clock.leap(2 * LONG - BUDGET)
        return answer

    with contextlib.closing(Exchanges(clock)) as exchanges, raw_listener(answer_once) as url:
        assert exchanges.post(Request(url, {}, LINE), LONG).status == 204
        began = time.monotonic()
        with pytest.raises(ExchangeError):
            exchanges.post(Request(url, {}, LINE), 2 * LONG)
        assert time.monotonic() - began < LONG


def test_handshake_stalls(exchanges: Exchanges) -> None:
    """A handshake that is not answered is held to the budget."""
    with listener(silent) as port:
        held(exchanges, f"https://127.0.0.1:{port}/")


def test_handshake_drips(exchanges: Exchanges) -> None:
    """A handshake of one byte each few milliseconds is held to the budget."""

    def talk(connection: socket.socket) -> None:
        # A handshake record of 16 kB (RFC 8446, section 5.1), of which the head comes at once.
        connection.sendall(b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb")
        drip(connection, b"\x03")

    with listener(talk) as port:
        held(exchanges, f"https://127.0.0.1:{port}/")
