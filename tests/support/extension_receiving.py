"""A receiver on loopback, and connections to it as the platform makes them."""

from __future__ import annotations

import contextlib
import http.client
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from extension.receiver import Inbox, listen
from tests.support.extension_parts import LONG, Written

if TYPE_CHECKING:
    from collections.abc import Iterator

BODY = b'[{"type":"function","record":"hello"}]'
LARGEST = 200_000


class Listening:
    """A receiver, by default on a free port of loopback.

    Args:
        inbox_bytes: The limit of its inbox.
        address: The address in its URI.
        port: The port.
    """

    def __init__(
        self, inbox_bytes: int = 10_000_000, address: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.inbox = Inbox(inbox_bytes)
        self.dropped = 0
        self.written = Written()
        self.uri = listen(address, port, self.inbox, LARGEST, self._drop, self.written.log)
        self.port = urlsplit(self.uri).port or 0

    def _drop(self) -> None:
        self.dropped += 1

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

    def check_kept_connection(self) -> None:
        """Check that POSTs over one connection are each answered with 200, and are queued."""
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
    """Return the first line of a response; empty if the connection ended."""
    return connected.makefile("rb").readline()
