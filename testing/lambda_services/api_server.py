"""The HTTP server of the services: one thread for each connection, long polls included."""

import contextlib
import http
import http.server
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from testing.lambda_services.exchange import Answer, Call, CallLog

# l_onoff, l_linger: with these, close() sends RST.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class ApiServer(http.server.ThreadingHTTPServer):
    """An HTTP server on a free port of 127.0.0.1 that listens until `close`.

    Args:
        respond: Gives the answer to a call; may block for as long as a long poll does.
        calls: Where each call is noted before it is answered.

    Attributes:
        address: `127.0.0.1:port`, as `AWS_LAMBDA_RUNTIME_API` has it.
        failures: Errors of `respond`, which are errors of this package.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, respond: Callable[[Call], Answer], calls: CallLog) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.respond = respond
        self.calls = calls
        self.address = f"127.0.0.1:{self.server_port}"
        self.failures: list[Exception] = []
        self._closing = False
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def server_bind(self) -> None:
        """Bind without the name lookup that the standard library makes here."""
        # The grandparent's bind; the parent's asks the resolver for the own name.
        super(http.server.HTTPServer, self).server_bind()
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def close(self) -> None:
        """Stop listening and end every connection; a second call does nothing."""
        if self._closing:
            return
        self._closing = True
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.server_port)).close()
        self._accepting.join()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def _accept(self) -> None:
        while not self._closing:
            self.handle_request()

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002
        """Take no connection any more once `close` has begun."""
        return not self._closing

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve one connection, known to `close` meanwhile."""
        with self._lock:
            self._open.add(request)
        try:
            super().finish_request(request, client_address)
        finally:
            with self._lock:
                self._open.discard(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Keep an error of the services; a peer that went away, or was killed, is none."""
        error = sys.exception()
        if isinstance(error, Exception) and not isinstance(error, OSError):
            self.failures.append(error)


class _Connection(http.server.BaseHTTPRequestHandler):
    """Answers the calls of one connection."""

    server: ApiServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Write nothing; the log of calls knows more."""

    def _serve(self) -> None:
        """Take one call and give its answer."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        path = self.path.partition("?")[0]
        call = Call(time.monotonic(), self.command, path, headers, body)
        self.server.calls.add(call)
        answer = self.server.respond(call)
        # Noted before the first byte goes out: who has read the answer finds it noted.
        self.server.calls.answered(call, answer.status, time.monotonic())
        if answer.reset:
            self._reset()
        else:
            self._write(answer)

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815

    def _write(self, answer: Answer) -> None:
        """Write an answer with one call, so that it leaves in as few segments as it can."""
        headers = {"Content-Type": answer.content_type} if answer.content_type else {}
        headers |= {**answer.headers, "Date": self.date_time_string()}
        headers["Content-Length"] = str(len(answer.body))
        phrase = http.HTTPStatus(answer.status).phrase
        lines = [f"HTTP/1.1 {answer.status} {phrase}", *(f"{k}: {v}" for k, v in headers.items())]
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + answer.body)

    def _reset(self) -> None:
        """Close the connection so that the peer gets RST, not the end of a stream."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        # The socket stays open for as long as a file made of it does.
        self.rfile.close()
        self.connection.close()
