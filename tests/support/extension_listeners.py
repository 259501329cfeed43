"""Listeners that misbehave in ways that an HTTP server cannot."""

import select
import socket
import time

DRIP_SECONDS = 0.005


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


def reset(connection: socket.socket, _request: bytes) -> bytes | None:
    """Reset the connection instead of answering."""
    # SO_LINGER of 0 s: closing resets.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    return None


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Name: value\r\n\r\nok"


class Server:
    """Answers, keeps the connection, and records requests and connections.

    Args:
        answers: One for each request, then `OK`. After one that begins with `closes:` or
            `resets:` the connection ends, although the answer does not say so.
    """

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.requests: list[bytes] = []
        self.connections: set[tuple[str, int]] = set()

    def __call__(self, connection: socket.socket, request: bytes) -> bytes | None:
        """Answer one request."""
        self.requests.append(request)
        self.connections.add(connection.getpeername())
        answer = self.answers.pop(0) if self.answers else OK
        how, _, rest = answer.partition(b":")
        if how not in (b"closes", b"resets"):
            return answer
        connection.sendall(rest)
        return reset(connection, request) if how == b"resets" else None
