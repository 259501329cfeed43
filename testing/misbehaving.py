"""Listeners on loopback that misbehave in ways that an HTTP server cannot."""

import contextlib
import re
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator

Conversation = Callable[[socket.socket, bytes], bytes | None]
"""Takes a connection and a whole request; returns the reply, or None to close without one."""

_CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class _Server(socketserver.ThreadingTCPServer):
    request_queue_size = 16

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """Close at once: the base class would send FIN where a reset was asked for."""
        self.close_request(request)


@contextlib.contextmanager
def tcp_listener(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Accept connections on loopback; yields the port.

    Args:
        talk: Called with each connection in a thread of its own; an OSError ends it.
    """
    connections: list[socket.socket] = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            connections.append(self.request)
            with contextlib.suppress(OSError):
                talk(self.request)

    with _Server(("127.0.0.1", 0), Handler) as server:
        # A daemon, so that a listener which an `atexit` callback closes does not keep its process.
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
            for connection in connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def raw_listener(reply: Conversation) -> Iterator[str]:
    """Serve HTTP byte by byte; yields the URL.

    Args:
        reply: Called with each request of each connection, in one thread for each connection.
    """

    def talk(connection: socket.socket) -> None:
        while request := _read_request(connection):
            replied = reply(connection, request)
            if replied is None:
                return
            connection.sendall(replied)

    with tcp_listener(talk) as port:
        yield f"http://127.0.0.1:{port}/write"


def _read_request(connection: socket.socket) -> bytes:
    """Return head and body of the next request; empty where the connection ended."""
    received = b""
    while not _is_whole(received):
        piece = connection.recv(65536)
        if not piece:
            return b""
        received += piece
    return received


def _is_whole(received: bytes) -> bool:
    """Return whether a head, and as much body as it announces, has come."""
    head, end, body = received.partition(b"\r\n\r\n")
    length = _CONTENT_LENGTH.search(head)
    return bool(end) and len(body) >= (int(length[1]) if length else 0)


@contextlib.contextmanager
def black_hole() -> Iterator[str]:
    """Yield the URL of a port on which a connection is never established."""
    with socket.socket() as server, contextlib.ExitStack() as waiting:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        # Once the queue of the port is full, the kernel answers no further SYN.
        for _ in range(4):
            filler = waiting.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}/write"


@contextlib.contextmanager
def nobody() -> Iterator[str]:
    """Yield the URL of a port that refuses connections, and that no other process can take."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/write"
