"""Listeners that misbehave in ways that an HTTP server cannot."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from testing.misbehaving import Conversation

DRIP_SECONDS = 0.005


@contextlib.contextmanager
def listener(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Accept connections on loopback; yields the port.

    Args:
        talk: Called with each connection, in a thread of its own; its OSErrors end it.
    """
    server = socket.create_server(("127.0.0.1", 0), backlog=16)
    threads: list[threading.Thread] = []
    connections: list[socket.socket] = []

    def converse(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            talk(connection)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connections.append(server.accept()[0])
                threads.append(threading.Thread(target=converse, args=(connections[-1],)))
                threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield server.getsockname()[1]
    finally:
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()
        accepting.join()
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()


def silent(connection: socket.socket) -> None:
    """Read everything and never respond."""
    while connection.recv(65536):
        pass


def unread(connection: socket.socket) -> None:
    """Read a byte now and then until the test ends: a large request is never read to its end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    ended = select.poll()
    ended.register(connection, select.POLLRDHUP)
    while not ended.poll(DRIP_SECONDS * 1000):
        connection.recv(1)


def echo(connection: socket.socket) -> None:
    """Send back what comes, as the echo protocol does (RFC 862)."""
    while piece := connection.recv(65536):
        connection.sendall(piece)


def drip(connection: socket.socket, text: bytes) -> None:
    """Send one byte at a time, for ever."""
    place = 0
    while True:
        connection.sendall(text[place % len(text) :][:1])
        place += 1
        time.sleep(DRIP_SECONDS)


def dripping_after(head: bytes, text: bytes) -> Conversation:
    """Return a conversation that sends a head at once, and then drips."""

    def converse(connection: socket.socket, _request: bytes) -> bytes | None:
        connection.sendall(head)
        drip(connection, text)
        return None

    return converse


def reset(connection: socket.socket, _request: bytes) -> bytes | None:
    """Reset the connection instead of answering."""
    # SO_LINGER of 0 s: closing resets.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    return None
