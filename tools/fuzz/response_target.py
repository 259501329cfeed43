"""Target `response`: the bytes that a listener writes back, as HTTP or as anything else."""

import atexit
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
