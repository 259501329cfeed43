"""How many connections the client makes, counted by the server."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from handler.client import Client
from tests.support.clocks import SOON

if TYPE_CHECKING:
    import socket

_THREADS = 8


class _Handler(BaseHTTPRequestHandler):
    """Answers 204 once as many requests as threads are there, so that none finds a free one."""

    protocol_version = "HTTP/1.1"
    together = threading.Barrier(_THREADS)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.together.wait(timeout=SOON)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_args: Any) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    accepted = 0

    def get_request(self) -> tuple[socket.socket, Any]:
        self.accepted += 1
        return super().get_request()


def test_first_requests_at_once_make_connections_that_are_used_again() -> None:
    """Threads that begin at once share their connections: later requests need no new ones."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        client = Client(connections=_THREADS)
        url = f"http://127.0.0.1:{server.server_port}/"
        with ThreadPoolExecutor(_THREADS) as pool:
            for _ in range(3):
                answers = [
                    pool.submit(client.post, url, b"body", {}, 2 * SOON) for _ in range(_THREADS)
                ]
                assert {answer.result().status for answer in answers} == {204}
        server.shutdown()
    assert server.accepted == _THREADS
