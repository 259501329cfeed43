"""
The HTTP server that the platform sends telemetry to.

It answers 200 whatever comes, and before the body is read as JSON: "Lambda retries to
send telemetry … if the POST request encounters an error" (Telemetry API, "Destination
protocols"), so that anything else would bring the same batch again and again.
"""

from __future__ import annotations

import re
import socketserver
import threading
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from extension.inbox import Inbox
    from extension.own_log import OwnLog

_EVERY_INTERFACE = "0.0.0.0"  # noqa: S104 -- the sandbox lets nobody in but the platform
_PIECE_BYTES = 65_536
_CHUNK_LINE_BYTES = 1_024


class Receiver:
    """
    Listens for the platform's POSTs and puts their bodies into the inbox.

    Args:
        inbox: Takes the bodies; a connection's next request is read once it has room.
        largest: Bodies of more bytes are read to their end and left out.
        left_out: Is told the size of each such body.
        log: Is told when the port had to be another one.
    """

    def __init__(
        self, inbox: Inbox, largest: int, left_out: Callable[[int], None], log: OwnLog
    ) -> None:
        self._inbox = inbox
        self._largest = largest
        self._left_out = left_out
        self._log = log

    def listen(self, address: str, port: int) -> str:
        """
        Start to listen; return the URI to subscribe with.

        A port in use is replaced by a free one, for the URI names the port anyway.

        Raises:
            OSError: No port can be listened on.
        """
        try:
            server = _Server(self, address, port)
        except OSError as error:
            server = _Server(self, address, 0)
            self._log.warn_once(
                "port",
                f"RECEIVER_PORT {port} cannot be listened on ({error.strerror}); "
                f"{server.server_address[1]} is used instead",
            )
        threading.Thread(target=server.serve_forever, name="receiver", daemon=True).start()
        return f"http://{address}:{server.server_address[1]}"

    def received(self, body: bytes) -> None:
        """Take a whole body."""
        if body:
            self._inbox.put(body)

    def too_large(self, size: int) -> None:
        """Note a body that was read and left out."""
        self._left_out(size)

    @property
    def largest(self) -> int:
        """The size of the largest body that is taken."""
        return self._largest

    def wait_for_room(self) -> None:
        """Wait until another body may be read from the wire."""
        self._inbox.wait_for_room()


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    # `http.server.HTTPServer` would look up the host's name here, which may take seconds.
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, receiver: Receiver, address: str, port: int) -> None:
        self.receiver = receiver
        super().__init__((_interface(address), port), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        # The platform broke the connection: it sends again what was not answered.
        del request, client_address


def _interface(address: str) -> str:
    """Return what to bind for a host name, without resolving it."""
    if address == "localhost":
        return "127.0.0.1"
    if address.replace(".", "").isdigit():
        return address
    return _EVERY_INTERFACE


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __getattr__(self, name: str) -> Callable[[], None]:
        # The base class looks for `do_` and the method; every method is answered alike.
        if name.startswith("do_"):
            return self._take
        raise AttributeError(name)

    def _take(self) -> None:
        receiver = self.server.receiver
        # Before the body is read, so that a new connection is held up, too.
        receiver.wait_for_room()
        try:
            whole, body = self._body(receiver)
        except ValueError:
            self.send_error(400)
            return
        if not whole:
            self.close_connection = True
            return
        receiver.received(body)
        self._answer()

    def _body(self, receiver: Receiver) -> tuple[bool, bytes]:
        """Return whether the body came to its end, and the body."""
        pieces = _Pieces(receiver.largest)
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            whole = self._read_chunks(pieces)
        else:
            whole = self._read(_size(self.headers.get("Content-Length", "0"), 10), pieces)
        if whole and pieces.size > receiver.largest:
            receiver.too_large(pieces.size)
        return whole, pieces.body()

    def _read(self, length: int, pieces: _Pieces) -> bool:
        while length:
            piece = self.rfile.read(min(length, _PIECE_BYTES))
            if not piece:
                return False
            pieces.add(piece)
            length -= len(piece)
        return True

    def _read_chunks(self, pieces: _Pieces) -> bool:
        # RFC 9112, section 7.1: size in hexadecimal, extensions after a semicolon.
        while True:
            line = self.rfile.readline(_CHUNK_LINE_BYTES)
            if not line.endswith(b"\n"):
                return False
            size = _size(line.split(b";")[0].decode("latin-1"), 16)
            if size == 0:
                while self.rfile.readline(_CHUNK_LINE_BYTES).strip():
                    pass
                return True
            if not self._read(size, pieces):
                return False
            self.rfile.readline(_CHUNK_LINE_BYTES)

    def _answer(self) -> None:
        self.send_response_only(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer 200 to what is not HTTP, too, and close: where it ends is not known."""
        del code, message, explain
        self.request_version = self.protocol_version
        self.close_connection = True
        self.send_response_only(200)
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base's name
        """Log no request: each would be a line in the function's log."""


def _size(text: str, base: int) -> int:
    """Return a number of bytes; a ValueError where it is none (RFC 9110, section 8.6)."""
    text = text.strip()
    if not re.fullmatch("[0-9A-Fa-f]{1,15}", text):
        raise ValueError("no size")
    return int(text, base)


class _Pieces:
    """A body as it is read; what exceeds the largest is counted and not kept."""

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._kept: list[bytes] = []
        self.size = 0

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.size <= self._largest:
            self._kept.append(piece)
        else:
            self._kept.clear()

    def body(self) -> bytes:
        return b"".join(self._kept) if self.size <= self._largest else b""
