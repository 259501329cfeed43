"""The listener that the function sends to: a proxy in front of Prometheus, which misbehaves."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

from testing import rules
from testing.closing import Closing
from testing.http_server import HttpServer, Reply, Request
from testing.ports import free_port
from tools.chaos.faults import Fault, Faults

INSTANCE_HEADER = "X-Chaos-Instance"
"""Names the function's instance that sends a request, so that it can be killed."""

Forward = Callable[[bytes, Mapping[str, str]], Reply]
"""Forwards body and headers of a request to the server behind; returns its reply."""


class Listener(Closing):
    """The listener, on one port of 127.0.0.1 until the end of `with`.

    Args:
        faults: Decides about each request.
        forward: Forwards a request to the server behind.
        kill: Kills the instance with a number.

    Attributes:
        url: Where to send.
        behind: How often the server behind replied with which status.
        requests: How many requests have come.
        arrived: Notified of each.
    """

    def __init__(self, faults: Faults, forward: Forward, kill: Callable[[int], object]) -> None:
        self.faults = faults
        self.behind: Counter[int] = Counter()
        self.requests = 0
        self.arrived = threading.Condition()
        self._forward = forward
        self._kill = kill
        self._port = free_port()
        self._servers: list[_Server] = []
        self.url = f"http://127.0.0.1:{self._port}/api/v1/write"
        self.open()

    @property
    def failures(self) -> list[Exception]:
        """Errors of the threads that respond."""
        return [error for server in self._servers for error in server.failures]

    def close(self) -> None:
        """Stop listening, and end all connections."""
        self.refuse()

    def open(self) -> None:
        """Accept connections, again on the same port."""
        self._servers.append(_Server(self, self._port))

    def refuse(self) -> None:
        """Refuse connections from now on, and cut those that there are."""
        self._servers[-1].close()

    def respond(self, request: Request) -> Reply:
        """Return the reply to a remote-write request, after it was forwarded perhaps."""
        with self.arrived:
            self.requests += 1
            self.arrived.notify_all()
        fault, text = self.faults.draw(rules.decode(request.body))
        reply = fault.value.reply
        if fault.value.forwarded:
            behind = self._forward(request.body, request.headers)
            with self.arrived:
                self.behind[behind.status] += 1
            # An answer is cut, but what the server behind refuses is not turned into a success.
            reply = behind if reply is None or (reply.body and behind.status >= 300) else reply
        if fault in (Fault.KILL, Fault.KILL_AFTER):
            self._kill(int(request.headers[INSTANCE_HEADER.lower()]))
        assert reply is not None
        if reply.status >= 400 and not reply.body:
            return replace(reply, body=(text or fault.value.text).encode())
        return reply


class _Server(HttpServer):
    """The sockets of a listener, from when it opens until it refuses."""

    def __init__(self, listener: Listener, port: int) -> None:
        self._respond = listener.respond
        super().__init__(port=port)

    def respond(self, request: Request) -> Reply:
        """Respond as the listener."""
        return self._respond(request)
