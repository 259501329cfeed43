"""A receiver on loopback, and connections to it as the platform makes them."""

from __future__ import annotations

import contextlib
import http.client
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from extension.receiver import Inbox, Receiver
from tests.support.extension_parts import LONG, Written

if TYPE_CHECKING:
    from collections.abc import Iterator

BODY = b'[{"type":"function","record":"hello"}]'
LARGEST = 200_000


class Listening:
    """A receiver on a free port of loopback.

    Args:
        room: Of its inbox, in bytes.
    """

    def __init__(self, room: int = 10_000_000) -> None:
        self.inbox = Inbox(room)
        self.drop_body: list[int] = []
        self.written = Written()
        receiver = Receiver(self.inbox, LARGEST, self.drop_body.append, self.written.log)
        self.uri = receiver.listen("127.0.0.1", 0)
        self.port = urlsplit(self.uri).port or 0

    def connection(self) -> http.client.HTTPConnection:
        """Return a connection, as the platform keeps one."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=LONG)

    @contextlib.contextmanager
    def raw(self) -> Iterator[socket.socket]:
        """Connect without HTTP."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=LONG) as connected:
            yield connected

    def body(self) -> bytes | None:
        """Return the next body that has come."""
        return self.inbox.take(LONG)

    def keeps_the_connection(self) -> None:
        """Check that POSTs over one connection are each answered with 200, and are taken."""
        connection = self.connection()
        with contextlib.closing(connection):
            sockets = set()
            for number in range(20):
                connection.request("POST", "/", b"[%d]" % number)
                sockets.add(connection.sock)
                answer = connection.getresponse()
                assert (answer.status, answer.version, answer.read()) == (200, 11, b"")
        assert len(sockets) == 1
        assert [self.body() for _ in range(20)] == [b"[%d]" % number for number in range(20)]


def status_line(connected: socket.socket) -> bytes:
    """Return the first line of an answer; empty where the connection ended."""
    return connected.makefile("rb").readline()
