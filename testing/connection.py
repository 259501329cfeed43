"""The sockets of the log destinations, until they use `testing.http_server`."""

import contextlib
import http.server
import socket
import ssl
import sys
import threading
from typing import Any

from testing.ledger import Ledger


class Server(http.server.ThreadingHTTPServer):
    """An HTTP server on a free port of 127.0.0.1 that listens until `close`.

    Args:
        ledger: Keeps the requests and decides about them.
        tls: Speak HTTPS with this server-side context; None: HTTP.
    """

    request_queue_size = 128

    def __init__(self, ledger: Ledger, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
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
