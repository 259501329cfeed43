"""The HTTP server that the platform sends telemetry to.

It answers 200 to everything, before the body is parsed: "Lambda retries to send telemetry … if
the POST request encounters an error" (Telemetry API, "Destination protocols"), so any other
status would bring the same batch again and again.
"""

from __future__ import annotations

import re
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

from extension.own_log import OwnLog
from extension.router import Router

_EVERY_INTERFACE = "0.0.0.0"  # noqa: S104 -- only the platform can connect to the sandbox
_PIECE_BYTES = 65_536
# "The payload can be as large as 2 * maxBytes + metadataBytes" (Telemetry API, "Buffering"), which
# is 3 MiB at most. A body that is larger than this is read to its end and dropped.
LARGEST_BODY_BYTES = 8 * 1_048_576
_LONGEST_CHUNK_LINE = 1_024


def listen(address: str, port: int, router: Router, log: OwnLog) -> str:
    """Start to listen for the platform's POSTs; return the URI to subscribe with.

    If the port is in use a free one is taken, since the URI names the port anyway. The address is
    the host name in the URI, which is not looked up.

    Raises:
        OSError: There is no port to listen on.
    """
    interface = _EVERY_INTERFACE
    if address == "localhost":
        interface = "127.0.0.1"
    elif address.replace(".", "").isdigit():
        interface = address
    try:
        server = _Server((interface, port), _Handler)
    except OSError as error:
        server = _Server((interface, 0), _Handler)
        log.warn_once(
            "port",
            f"cannot listen on RECEIVER_PORT {port} ({error.strerror}); "
            f"{server.server_address[1]} is used instead",
        )
    server.router = router
    threading.Thread(target=server.serve_forever, name="receiver", daemon=True).start()
    return f"http://{address}:{server.server_address[1]}"


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    # Not `http.server.HTTPServer`, which looks up the host's name: that may take seconds.
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    router: Router

    def handle_error(self, request: object, client_address: object) -> None:
        # The platform broke the connection. It sends again what had no response.
        del request, client_address


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Queue the body of the platform's request, the only kind that has one."""
        router = self.server.router
        kept: list[bytes] = []
        size = 0
        try:
            for piece in self._pieces():
                size += len(piece)
                if size <= LARGEST_BODY_BYTES:
                    kept.append(piece)
                else:
                    kept.clear()
        except ValueError:
            self.send_error(400)
            return
        except EOFError:
            self.close_connection = True
            return
        if size > LARGEST_BODY_BYTES:
            router.drop_body("body_too_large")
        elif size:
            router.receive(b"".join(kept))
        self._respond()

    def _pieces(self) -> Iterator[bytes]:
        """Yield the body in pieces (RFC 9112, sections 6.3 and 7.1).

        Raises ValueError if a size is not a number, EOFError if the connection ends too early.
        """
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            yield from self._read(_size(self.headers.get("Content-Length", "0"), 10))
            return
        while size := _size(self._chunk_line().partition(";")[0], 16):
            yield from self._read(size)
            self._chunk_line()
        while self._chunk_line().strip():
            pass

    def _chunk_line(self) -> str:
        line = self.rfile.readline(_LONGEST_CHUNK_LINE)
        if not line.endswith(b"\n"):
            raise EOFError
        return line.decode("latin-1")

    def _read(self, length: int) -> Iterator[bytes]:
        while length:
            piece = self.rfile.read(min(length, _PIECE_BYTES))
            if not piece:
                raise EOFError
            yield piece
            length -= len(piece)

    def _respond(self, *headers: tuple[str, str]) -> None:
        self.send_response_only(200)
        for name, value in (("Content-Length", "0"), *headers):
            self.send_header(name, value)
        self.end_headers()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Respond with 200 to anything else too, and close: where the request ends is unknown."""
        del code, message, explain
        self.request_version = self.protocol_version
        self._respond(("Connection", "close"))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base's name
        """Log no request: each would be a line in the function's log."""


def _size(text: str, base: int) -> int:
    """Return a number of bytes (RFC 9110, section 8.6); raise ValueError if it is none."""
    text = text.strip()
    if not re.fullmatch("[0-9A-Fa-f]{1,15}", text):
        raise ValueError("not a size")
    return int(text, base)
