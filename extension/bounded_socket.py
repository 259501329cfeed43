"""
Sockets whose whole use ends at a moment, however slowly the other side drips.

`socket.settimeout` bounds a single operation; here each operation gets what is left of
the exchange.
"""

from __future__ import annotations

import socket
import ssl
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# After a freeze the answer may lie in the kernel although the time is over: one look at it.
_LAST_LOOK_SECONDS = 0.05


class Deadline:
    """
    The end of an exchange.

    Args:
        end: In seconds on the clock.
        clock: A monotonic clock.
    """

    def __init__(self, end: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._end = end
        self._clock = clock
        self._looked = False

    def left(self) -> float:
        """
        Return the seconds that are left; more than 0.

        Raises:
            TimeoutError: None is left.
        """
        left = self._end - self._clock()
        if left > 0:
            return left
        if self._looked:
            raise TimeoutError("the time for the exchange is over")
        self._looked = True
        return _LAST_LOOK_SECONDS


class BoundedSocket(socket.socket):
    """A TCP connection that is used until `deadline`."""

    deadline: Deadline | None = None

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """Receive within what is left."""
        if self.deadline:
            self.settimeout(self.deadline.left())
        return super().recv_into(*args, **kwargs)

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        """Send within what is left; the timeout is that of all bytes together."""
        if self.deadline:
            self.settimeout(self.deadline.left())
        super().sendall(*args, **kwargs)


class BoundedTlsSocket(ssl.SSLSocket):
    """A TLS connection that is used until `deadline`."""

    deadline: Deadline | None = None

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """Receive within what is left."""
        if self.deadline:
            self.settimeout(self.deadline.left())
        return super().recv_into(*args, **kwargs)

    def send(self, *args: Any, **kwargs: Any) -> int:
        """Send within what is left; `sendall` comes here for each piece."""
        if self.deadline:
            self.settimeout(self.deadline.left())
        return super().send(*args, **kwargs)


def tls_context() -> ssl.SSLContext:
    """Return a context that verifies certificates and host names, and speaks TLS 1.2 or later."""
    context = ssl.create_default_context()
    # Python 3.9 leaves this to OpenSSL's configuration.
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = BoundedTlsSocket
    return context
