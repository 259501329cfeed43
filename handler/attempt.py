"""
One attempt to send a body, and the time it may take as a whole.

Sockets bound single operations; a listener that sends a byte now and then holds
such a request for ever. Here a watchdog cuts the connection when the time is
over, whatever the attempt is doing.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType


class NoWayError(OSError):
    """There is no way to the listener; the text says why, and holds no secret."""


class Attempt:
    """
    An exchange with the listener, and the watchdog over it.

    Args:
        seconds: The time for all of it.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._lock = threading.Lock()
        self._watched: socket.socket | None = None
        self.cut_off = False

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        # From here on the connection may be another attempt's.
        self._watch(None)

    def left(self) -> float:
        """
        Return how many seconds are left.

        Raises:
            TimeoutError: None are.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def watch(self, connected: socket.socket) -> None:
        """Make a socket the one that is cut when the time is over."""
        # A descriptor of its own: TLS takes the first one over, and the handshake
        # has to be cut off too.
        self._watch(socket.socket(fileno=os.dup(connected.fileno())))

    def describe(self, error: Exception) -> str:
        """Return how the exchange failed, without the error's text, which may hold a secret."""
        if self.cut_off or isinstance(error, TimeoutError):
            return f"no answer within {self._seconds:.1f} s"
        if isinstance(error, NoWayError):
            return str(error)
        if isinstance(error, ConnectionRefusedError):
            return "the connection is refused: nothing listens at the URL's host and port"
        if isinstance(error, socket.gaierror):
            return "the URL's host name is not known"
        return type(error).__name__

    def _watch(self, watched: socket.socket | None) -> None:
        with self._lock:
            if self._watched is not None:
                self._watched.close()
            self._watched = watched
            if self.cut_off:
                self._shut_down()

    def _cut(self) -> None:
        with self._lock:
            self.cut_off = True
            self._shut_down()

    def _shut_down(self) -> None:
        if self._watched is None:
            return
        try:
            self._watched.shutdown(socket.SHUT_RDWR)
        except OSError:
            # The other side was faster; the exchange ends either way.
            return
