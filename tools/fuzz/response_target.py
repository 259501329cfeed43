"""Target `response`: the bytes that a listener writes back, as HTTP or as anything else."""

import atexit
import gzip
import socket
from contextlib import ExitStack

from handler.client import Client, NoResponseError
from testing.misbehaving import raw_listener

_MAX_TEXT = 2048
_TIMEOUT_SECONDS = 2.0


class _Listener:
    """A server on loopback that answers each request with the input, and closes."""

    def __init__(self) -> None:
        self.content = b""
        self._stack = ExitStack()
        atexit.register(self._stack.close)
        self.url = self._stack.enter_context(raw_listener(self._answer))
        self.client = Client(connections=1)

    def _answer(self, connection: socket.socket, _request: bytes) -> None:
        connection.sendall(self.content)


_listeners: list[_Listener] = []


def check(content: bytes) -> None:
    """Check that it is a response with a bounded text, or a NoResponseError."""
    if not _listeners:
        _listeners.append(_Listener())
    listener = _listeners[0]
    listener.content = content
    try:
        response = listener.client.post(listener.url, b"body", {}, _TIMEOUT_SECONDS)
    except NoResponseError as error:
        assert str(error)
        # The URL's query may hold a secret.
        assert "127.0.0.1" not in str(error)
        return
    assert 100 <= response.status < 1000
    assert len(response.text) <= _MAX_TEXT + 1
    response.text.encode()


def seeds() -> dict[str, bytes]:
    """Return answers with a length, in chunks, compressed, and broken ones."""
    zipped = gzip.compress(b"too old sample" * 300, mtime=0)
    head = b"HTTP/1.1 400 Bad Request\r\nContent-Length: "
    return {
        "no-content": b"HTTP/1.1 204 No Content\r\n\r\n",
        "words": head + b"7\r\n\r\ntoo old",
        "long": head + b"3000\r\n\r\n" + "ä".encode() * 1500,
        "chunked": b"HTTP/1.1 500 E\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "gzip": head + b"%d\r\nContent-Encoding: gzip\r\n\r\n" % len(zipped) + zipped,
        "deflate": head + b"4\r\nContent-Encoding: deflate\r\n\r\n\x03\x00\x01\x02",
        "retry": b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
        "continue": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        "redirect": b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n",
        "cut": head + b"700\r\n\r\ntoo old",
        "nothing": b"",
    }
