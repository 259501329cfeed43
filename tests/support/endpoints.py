"""Small servers on loopback with one fixed reply."""

import contextlib
from collections.abc import Iterator

from testing.http_server import HttpServer, Reply, Request


class Endpoint(HttpServer):
    """A server that sends the same reply to every request.

    Attributes:
        url: Where it listens.
        authorizations: The header Authorization of each request.
    """

    def __init__(self, status: int, body: bytes, drip_seconds: float = 0.0) -> None:
        self.authorizations: list[str] = []
        self._reply = Reply(status, body=body, drip_seconds=drip_seconds)
        super().__init__()
        self.url = f"http://127.0.0.1:{self.port}"

    def respond(self, request: Request) -> Reply:
        """Keep the header, and reply."""
        self.authorizations.append(request.headers.get("authorization", ""))
        return self._reply


@contextlib.contextmanager
def dripping() -> Iterator[str]:
    """Send a reply of which one byte follows the other every 20 ms; yields the URL."""
    with Endpoint(200, b"{" * 60_000, drip_seconds=0.02) as endpoint:
        yield endpoint.url
