"""The HTTP server of every stand-in: one thread for each connection, and replies that misbehave.

A stand-in subclasses `HttpServer` and implements `respond`. `close` ends all connections and
threads, also those that would reply in an hour or never.
"""

import contextlib
import http.server
import itertools
import socket
import ssl
import struct
import sys
import threading
import time
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from testing.closing import Closing
from testing.http_messages import Reply, Request

__all__ = ["LOOPBACK", "HttpServer", "Reply", "Request"]

LOOPBACK = "127.0.0.1"

# SO_LINGER with l_onoff=1 and l_linger=0: close() sends RST and discards what is unsent.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_READ_BYTES = 65536


class HttpServer(Closing):
    """A server that listens from its construction until `close`.

    The methods that subclasses implement are called from several threads at once, as soon as
    this constructor has run: a subclass calls it last.

    Args:
        tls: Use HTTPS with this server-side context; None: HTTP.
        port: Where to listen; 0: on a free port.
        address: The address of this machine on which to listen.

    Attributes:
        port: Where it listens.
        address: As given.
        closing: Set as soon as `close` begins.
    """

    def __init__(
        self, tls: ssl.SSLContext | None = None, port: int = 0, address: str = LOOPBACK
    ) -> None:
        self.closing = threading.Event()
        self.address = address
        self._failures: list[Exception] = []
        self._listener = _Listener(self, tls, port)
        self.port = self._listener.server_port
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    @abstractmethod
    def respond(self, request: Request) -> Reply:
        """Return the reply to a whole request; may block, as a long poll does."""

    def respond_early(self, request: Request) -> Reply | None:  # noqa: ARG002 -- for subclasses
        """Return a reply for which the body is not read; None: read it and call `respond`."""
        return None

    def replied(self, request: Request, status: int) -> None:
        """Note how a request ended, before the first byte of the reply is sent.

        Args:
            request: With its body, as far as that was read.
            status: Status of the reply; 0: there is none.
        """

    @property
    def failures(self) -> list[Exception]:
        """What the subclass's methods have raised, without errors of broken connections."""
        return self._failures

    @property
    def connections(self) -> int:
        """How many connections were accepted, also those without any request."""
        return self._listener.accepted

    def close(self) -> None:
        """Stop listening and end every connection and thread; a second call does nothing."""
        if self.closing.is_set():
            return
        self.closing.set()
        # Wakes the accepting thread; serve_forever would instead poll for the end.
        with contextlib.suppress(OSError):
            socket.create_connection((self.address, self.port)).close()
        self._accepting.join()
        self._listener.end()

    def _accept(self) -> None:
        while not self.closing.is_set():
            self._listener.handle_request()


class _Listener(http.server.ThreadingHTTPServer):
    """The listening socket and the connections of a server."""

    request_queue_size = 128

    def __init__(self, owner: HttpServer, tls: ssl.SSLContext | None, port: int) -> None:
        self.owner = owner
        self._tls = tls
        self._lock = threading.Lock()
        self._open: dict[threading.Thread, socket.socket] = {}
        # `next` of a counter is atomic.
        self.connections, self.requests = itertools.count(1), itertools.count(1)
        self.accepted = 0
        super().__init__((owner.address, port), _Connection)

    def server_bind(self) -> None:
        """Bind without the name look-up of `HTTPServer`, which can take seconds."""
        super(http.server.HTTPServer, self).server_bind()
        self.server_name, self.server_port = self.owner.address, self.server_address[1]

    def end(self) -> None:
        """Close the listening socket, then every connection."""
        self.server_close()
        with self._lock:
            connections = list(self._open.items())
        for thread, connection in connections:
            with contextlib.suppress(OSError):
                # Not SSLSocket.shutdown, which drops the TLS state while another thread reads.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
            thread.join()

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; its own thread makes the TLS handshake."""
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
        """Accept no connection after `close` has begun."""
        return not self.owner.closing.is_set()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start the thread of a connection, which `end` knows before it runs."""
        self.accepted += 1
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

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Keep an error for the user of the server, but not that a connection broke."""
        error = sys.exception()
        if isinstance(error, Exception) and not isinstance(error, OSError):
            self.owner.failures.append(error)


class _Connection(http.server.BaseHTTPRequestHandler):
    """Replies to the requests of one connection."""

    server: _Listener
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        """Number the connection, and make the TLS handshake where there is one."""
        self._number = next(self.server.connections)
        if isinstance(self.request, ssl.SSLSocket):
            self.request.do_handshake()
        super().setup()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Write nothing; the owner records more."""

    def _serve(self) -> None:
        """Read one request and send its reply."""
        owner = self.server.owner
        headers: dict[str, str] = {}
        for name, value in self.headers.items():
            key = name.lower()
            headers[key] = f"{headers[key]}, {value}" if key in headers else value
        if "content-length" not in headers and self.command != "GET":
            # Without a length the server cannot know where the next request begins.
            self.close_connection = True
        request = Request(
            next(self.server.requests),
            self._number,
            self.command,
            self.path,
            MappingProxyType(headers),
            self.headers.items(),
            time.monotonic(),
        )
        early = self._ask(owner.respond_early, request)
        if early is not None:
            self.close_connection = True
            if self._send(early, request):
                self._drain()
            return
        length = int(headers.get("content-length", "0"))
        request = replace(request, body=self.rfile.read(length))
        if len(request.body) < length:
            self.close_connection = True
            owner.replied(request, 0)
            return
        self._send(self._ask(owner.respond, request) or Reply(), request)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

    def _ask(self, respond: Callable[[Request], Reply | None], request: Request) -> Reply | None:
        """Return the owner's reply; 500 where it raises, which the user of the server learns of."""
        try:
            return respond(request)
        except Exception as error:  # noqa: BLE001 -- raised at the end of `with`, see `Closing`
            self.server.owner.failures.append(error)
            return Reply(500, body=f"the stand-in failed: {error!r}".encode())

    def _send(self, reply: Reply, request: Request) -> bool:
        """Send a reply, or misbehave.

        Returns:
            Whether the whole reply was sent.
        """
        owner = self.server.owner
        stopped = owner.closing.wait(None if reply.stall else reply.delay_seconds)
        if stopped or reply.reset == "before_answer" or reply.hang_up:
            owner.replied(request, 0)
            self.close_connection = True
            if reply.reset and not stopped:
                self._reset()
            return False
        # Noted before the first byte is sent: whoever has read the reply finds it noted.
        owner.replied(request, reply.status)
        content = reply.head(close=self.close_connection) + reply.body
        if reply.reset == "mid_body":
            self.wfile.write(content[: len(content) - len(reply.body) // 2])
            self._reset()
            return False
        return self._write(content, reply.drip_seconds)

    def _write(self, content: bytes, drip_seconds: float) -> bool:
        """Write at once, or byte by byte; return whether everything was written."""
        if drip_seconds <= 0:
            self.wfile.write(content)
            return True
        for byte in content:
            self.wfile.write(bytes((byte,)))
            if self.server.owner.closing.wait(drip_seconds):
                self.close_connection = True
                return False
        return True

    def _reset(self) -> None:
        """Close the connection so that the peer receives RST instead of the end of a stream."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        # A socket stays open for as long as a file that was made from it.
        self.rfile.close()
        self.connection.close()

    def _drain(self) -> None:
        """Read and discard a body.

        Closing over unread bytes would send RST, and the peer might lose the reply.
        """
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.connection, socket.SHUT_WR)
        while self.rfile.read1(_READ_BYTES):
            pass
