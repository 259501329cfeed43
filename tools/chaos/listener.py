"""The listener that the function sends to: a proxy in front of Prometheus, which misbehaves."""

import contextlib
import http.server
import socket
import struct
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from testing import rules
from testing.ports import free_port
from testing.until_closed import UntilClosed
from tools.chaos.faults import AFTER, Fault, Faults

INSTANCE_HEADER = "X-Chaos-Instance"
"""Names the function's instance that sends a request, so that it can be killed."""

# l_onoff, l_linger: with these, close() sends RST.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

# Longer than any sender waits.
_STALL_SECONDS = 60.0

_STATUSES = {
    Fault.SAY_429: 429,
    Fault.SAY_500: 500,
    Fault.SAY_503: 503,
    Fault.SAY_503_AFTER: 503,
    Fault.SAY_413: 413,
    Fault.SAY_400: 400,
    Fault.POISON: 400,
    Fault.CURSED: 503,
    Fault.BLACKOUT: 503,
}


@dataclass(frozen=True, slots=True)
class Forwarded:
    """What the server behind the listener has said: status and words."""

    status: int
    words: bytes


Forward = Callable[[bytes, Mapping[str, str]], Forwarded]
"""Takes body and headers of a request to the server behind; gives its answer."""


class Listener(UntilClosed):
    """The listener, on one port of 127.0.0.1 until the end of `with`.

    Args:
        faults: Decides about each request.
        forward: Brings a request to the server behind.
        kill: Kills the instance of a number.

    Attributes:
        url: Where to send.
        behind: How often the server behind answered with which status.
        requests: How many requests have come.
    """

    def __init__(self, faults: Faults, forward: Forward, kill: Callable[[int], object]) -> None:
        self.faults = faults
        self.forward = forward
        self.kill = kill
        self.behind: Counter[int] = Counter()
        self.requests = 0
        self.arrived = threading.Condition()
        self._port = free_port()
        self._server: _Server | None = _Server(self._port, self)
        self.url = f"http://127.0.0.1:{self._port}/api/v1/write"

    def close(self) -> None:
        """End all connections and stop listening."""
        self.refuse()

    def open(self) -> None:
        """Take connections again, on the same port."""
        self._server = _Server(self._port, self)

    def refuse(self) -> None:
        """Refuse connections from here on, and cut those that there are."""
        if self._server is not None:
            self._server.end()
            self._server = None

    def note_request(self) -> None:
        """Count a request, for whoever waits for so many."""
        with self.arrived:
            self.requests += 1
            self.arrived.notify_all()

    def note_answer(self, status: int) -> None:
        """Count an answer of the server behind."""
        with self.arrived:
            self.behind[status] += 1


class _Server(http.server.ThreadingHTTPServer):
    """The sockets of a listener."""

    request_queue_size = 128
    daemon_threads = True

    def __init__(self, port: int, listener: Listener) -> None:
        super().__init__(("127.0.0.1", port), _Connection)
        self.listener = listener
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._accepting = threading.Thread(target=self.serve_forever, args=(0.05,))
        self._accepting.start()

    def end(self) -> None:
        """Stop listening at once and cut every connection."""
        self.shutdown()
        self._accepting.join()
        self.socket.close()
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection to its end, known to `end` meanwhile."""
        with self._lock:
            self._connections.add(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._connections.discard(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Take a broken connection for what it is here; anything else is printed."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Connection(http.server.BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Write nothing."""

    def do_POST(self) -> None:
        """Take a remote-write request."""
        listener = self.server.listener
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            return
        listener.note_request()
        fault, words = listener.faults.draw(rules.decode(body))
        forwarded = Forwarded(_STATUSES.get(fault, 200), words.encode() or fault.value.encode())
        if fault in AFTER:
            said = listener.forward(body, dict(self.headers.items()))
            listener.note_answer(said.status)
            if fault not in _STATUSES:
                forwarded = said
        if fault in (Fault.STALL, Fault.STALL_AFTER):
            self._stall()
        elif fault in (Fault.RESET, Fault.RESET_AFTER):
            self._reset()
        elif fault in (Fault.KILL, Fault.KILL_AFTER):
            listener.kill(int(self.headers[INSTANCE_HEADER]))
            self._reset()
        else:
            self._give(forwarded, cut=fault is Fault.CUT_AFTER)

    def _give(self, answer: Forwarded, *, cut: bool) -> None:
        """Answer, or answer half; a 204 has nothing that could be cut."""
        status = 200 if cut and answer.status == 204 else answer.status
        self.send_response(status)
        if status == 429:
            self.send_header("Retry-After", "1")
        if status != 204:
            self.send_header("Content-Length", str(len(answer.words) + (100 if cut else 0)))
        self.end_headers()
        self.wfile.write(answer.words)
        if cut:
            self._reset()

    def _stall(self) -> None:
        """Say nothing until the sender has given up."""
        self.connection.settimeout(_STALL_SECONDS)
        with contextlib.suppress(OSError):
            self.rfile.read(1)
        self.close_connection = True

    def _reset(self) -> None:
        """Close the connection with RST."""
        self.close_connection = True
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        # The socket stays open for as long as a file made of it does.
        self.rfile.close()
        self.connection.close()
