"""A connection that was idle for long: who stands in between may have forgotten it silently."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from extension.exchange import Exchanges
from extension.messages import Request
from testing.misbehaving import raw_listener
from tests.support.extension_parts import LONG

if TYPE_CHECKING:
    import socket


class Hand:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1_725_012_000.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.now


@pytest.mark.parametrize(("pause", "connections"), [(0, 1), (59, 1), (60, 2), (86_400, 2), (-1, 2)])
def test_idle(pause: float, connections: int) -> None:
    """After a minute by the wall clock, or where that was set back, a new connection is opened."""
    wall = Hand()
    peers: set[tuple[str, int]] = set()

    def answer(connection: socket.socket, _request: bytes) -> bytes:
        peers.add(connection.getpeername())
        return b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

    with raw_listener(answer) as url, contextlib.closing(Exchanges(wall=wall)) as exchanges:
        exchanges.post(Request(url, {}, b"first"), LONG)
        wall.now += pause
        exchanges.post(Request(url, {}, b"second"), LONG)
    assert len(peers) == connections


def test_forgotten_connection() -> None:
    """An exchange after a long pause does not wait on a connection that swallows everything."""
    wall = Hand()
    forgotten: set[tuple[str, int]] = set()

    def answer(connection: socket.socket, _request: bytes) -> bytes:
        peer = connection.getpeername()
        if peer in forgotten:
            while connection.recv(4096):
                pass
        forgotten.add(peer)
        return b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

    with raw_listener(answer) as url, contextlib.closing(Exchanges(wall=wall)) as exchanges:
        exchanges.post(Request(url, {}, b"first"), LONG)
        wall.now += 3600
        assert exchanges.post(Request(url, {}, b"second"), LONG).status == 200
