"""The receiver's sockets and threads: reads requests, and writes answers, also broken ones."""

import contextlib
import http
import http.server
import socket
import ssl
import struct
import sys
import threading
from types import MappingProxyType
from typing import Any

from testing.exchange import Answer, Received
from testing.ledger import Ledger

# l_onoff, l_linger: with these, close() sends RST and forgets what is unsent.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_READ_BYTES = 65536


class Server(http.server.ThreadingHTTPServer):
    """An HTTP server on a free port of 127.0.0.1 that listens until `close`.

    Args:
        ledger: Keeps the requests and decides about them.
        tls: Speak HTTPS with this server-side context; None: HTTP.
    """

    request_queue_size = 128

    def __init__(self, ledger: Ledger, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.ledger = ledger
        self.closing = threading.Event()
        self._tls = tls
        self._lock = threading.Lock()
        self._open: dict[threading.Thread, socket.socket] = {}
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def close(self) -> None:
        """Stop listening and end every connection and thread; a second call does nothing."""
        if self.closing.is_set():
            return
        self.closing.set()
        # The accepting thread waits for a connection; serve_forever would
        # instead look for an end twice a second.
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.server_port)).close()
        self._accepting.join()
        self.server_close()
        with self._lock:
            open_connections = list(self._open.items())
        for thread, connection in open_connections:
            with contextlib.suppress(OSError):
                # Not SSLSocket.shutdown: it takes the TLS state away from
                # under the thread that reads.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
            thread.join()

    def _accept(self) -> None:
        while not self.closing.is_set():
            self.handle_request()

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; the TLS handshake is left to the connection's own thread."""
        connection, address = super().get_request()
        if self._tls is not None:
            try:
                connection = self._tls.wrap_socket(
                    connection, server_side=True, do_handshake_on_connect=False
                )
            except OSError:
                connection.close()
                raise
        return connection, address

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002
        """Take no connection any more once `close` has begun."""
        return not self.closing.is_set()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start the thread of a connection, known to `close` before it runs."""
        thread = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), daemon=True
        )
        with self._lock:
            self._open[thread] = request
        thread.start()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                del self._open[threading.current_thread()]

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Make the TLS handshake, where there is one, and answer requests."""
        if isinstance(request, ssl.SSLSocket):
            request.do_handshake()
        super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Keep an error for whoever uses the receiver; a connection that broke is none."""
        error = sys.exception()
        if isinstance(error, Exception) and not isinstance(error, OSError):
            self.ledger.failures.append(error)


class _Connection(http.server.BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Write nothing; the ledger knows more."""

    def _serve(self) -> None:
        """Take one request and give its answer."""
        ledger = self.server.ledger
        headers: dict[str, str] = {}
        for name, value in self.headers.items():
            key = name.lower()
            headers[key] = f"{headers[key]}, {value}" if key in headers else value
        received = ledger.begin(self.command, self.path, MappingProxyType(headers))
        early = ledger.decide_early(received)
        if early is not None:
            self.close_connection = True
            if self._give(early, received):
                self._drain()
            return
        length = int(headers.get("content-length", "0"))
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            ledger.end(received)
            return
        if "content-length" not in headers:
            # Where the next request would begin is not known.
            self.close_connection = True
        received = ledger.read(received, body)
        self._give(ledger.decide(received), received)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

    def _give(self, answer: Answer, received: Received) -> bool:
        """Answer a request, well or badly.

        Returns:
            Whether the whole answer was sent.
        """
        closing = self.server.closing
        if closing.wait(None if answer.stall else answer.delay_seconds):
            self.close_connection = True
            self.server.ledger.end(received)
            return False
        if answer.reset == "before_answer":
            self.server.ledger.end(received)
            self._reset()
            return False
        # Kept before the first byte goes out: who has read the answer finds it kept.
        self.server.ledger.end(received, answer.status)
        content = _head(answer, close=self.close_connection) + answer.body
        if answer.reset == "mid_body":
            content = content[: len(content) - len(answer.body) // 2]
        sent = self._send(content, answer.drip_seconds)
        if answer.reset == "mid_body":
            self._reset()
        return sent and answer.reset is None

    def _send(self, content: bytes, drip_seconds: float) -> bool:
        """Write at once, or byte by byte; say whether everything was written."""
        if drip_seconds <= 0:
            self.wfile.write(content)
            return True
        for position in range(len(content)):
            self.wfile.write(content[position : position + 1])
            if self.server.closing.wait(drip_seconds):
                self.close_connection = True
                return False
        return True

    def _reset(self) -> None:
        """Close the connection so that the peer gets RST, not the end of a stream."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        # The socket stays open for as long as a file made of it does.
        self.rfile.close()
        self.connection.close()

    def _drain(self) -> None:
        """Read away a body that nobody wants.

        Closing over unread bytes would send RST, and the peer might lose the answer.
        """
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.connection, socket.SHUT_WR)
        while self.rfile.read1(_READ_BYTES):
            pass


def _head(answer: Answer, *, close: bool) -> bytes:
    """Write status line and headers of an answer.

    Args:
        answer: The answer.
        close: Whether the connection ends with it.
    """
    try:
        reason = http.HTTPStatus(answer.status).phrase
    except ValueError:
        reason = ""
    headers = {"Content-Type": "text/plain; charset=utf-8"} if answer.body else {}
    headers |= answer.headers
    if answer.redirect:
        headers["Location"] = answer.redirect
    if answer.status not in (204, 304):
        headers["Content-Length"] = str(len(answer.body))
    if close:
        headers["Connection"] = "close"
    lines = [f"HTTP/1.1 {answer.status} {reason}", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
