"""A receiver on loopback, and connections to it as the platform makes them."""

import contextlib
import http.client
import queue
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from extension.clocks import Clocks
from extension.invocations import Invocations
from extension.receiver import listen
from extension.router import Router
from extension.selection import Selection
from tests.support.extension_parts import LONG, Written

BODY = b'[{"type":"function","record":"hello"}]'


class BodyKeeper(Router):
    """Keeps bodies instead of parsing them.

    Args:
        written: What is logged.

    Attributes:
        bodies: Bodies in the order of arrival.
        dropped: Why bodies were dropped.
        may_parse: While it is not set, `route` takes for ever.
    """

    def __init__(self, written: Written) -> None:
        nothing = Selection("", 1.0, ())
        invocations = Invocations(time.monotonic)
        super().__init__([], invocations, nothing, clocks=Clocks(), log=written.log)
        self.bodies: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.dropped: list[str] = []
        self.may_parse = threading.Event()
        self.may_parse.set()
        self.start()

    def route(self, body: bytes) -> None:
        """Keep a body."""
        self.bodies.put(body)
        self.may_parse.wait(LONG)

    def drop_body(self, reason: str) -> None:
        """Note why."""
        self.dropped.append(reason)


class Listening:
    """A receiver, by default on a free port of loopback.

    Args:
        address: The address in its URI.
        port: The port.

    Attributes:
        router: Keeps the bodies.
    """

    def __init__(self, address: str = "127.0.0.1", port: int = 0) -> None:
        self.written = Written()
        self.router = BodyKeeper(self.written)
        self.uri = listen(address, port, self.router, self.written.log)
        self.port = urlsplit(self.uri).port or 0

    def connection(self) -> http.client.HTTPConnection:
        """Return a connection, as the platform keeps one."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=LONG)

    @contextlib.contextmanager
    def raw(self) -> Iterator[socket.socket]:
        """Connect without HTTP."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=LONG) as connected:
            yield connected

    def body(self) -> bytes:
        """Return the next body that has come."""
        return self.router.bodies.get(timeout=LONG)

    def has_body(self) -> bool:
        """Return whether there is a body that `body` has not returned, once all are parsed."""
        return not (self.router.wait_until_parsed(LONG) and self.router.bodies.empty())

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
