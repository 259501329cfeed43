"""What `requests` and urllib3 leave open about connections to a listener.

The reading of a response is bounded as a whole, a head that is cut off is an error, and a
connection that was idle for too long or is not clean is not used again.
"""

import io
import socket
import ssl
import time
from http.client import HTTPException, HTTPResponse
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import HTTPResponse as PooledResponse

# A load balancer closes a connection that was idle for 60 s, and a frozen instance cannot see it.
_MAX_IDLE_SECONDS = 50.0


REDIRECT_HEADER = "X-Redirect-To"
"""What the header Location is renamed to."""


class ResponseHeadError(HTTPException):
    """The head of a response cannot be used; the text says why, and repeats nothing of it."""


class KeptConnectionError(OSError):
    """A connection that had been used before failed before there was a response."""


class _BoundedReads(io.RawIOBase):
    """Reads from a socket, all reads together bounded by its timeout."""

    def __init__(self, connected: socket.socket, reads: io.RawIOBase) -> None:
        self._socket = connected
        self._reads = reads
        self._end = time.monotonic() + (connected.gettimeout() or 0.0)
        self.at_end = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
        count: int | None = self._reads.readinto(buffer)
        self.at_end = count == 0
        return count

    def close(self) -> None:
        self._reads.close()
        super().close()


class _Response(HTTPResponse):
    """Sees what `http.client` overlooks: a head that is cut off, or says nothing usable."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self._reads = _BoundedReads(sock, self.fp.detach())
        self.fp = io.BufferedReader(self._reads)

    def begin(self) -> None:
        super().begin()
        # Nothing reads on behind the empty line that ends the head.
        if self._reads.at_end:
            raise ResponseHeadError("the head of the response was cut off")
        if self.status < 200:
            raise ResponseHeadError(f"{self.status} is not the status of a response")
        length = self.headers.get("Content-Length", "0")
        # A refusal stands without its text, and chunks have lengths of their own.
        if self.status < 400 and not self.chunked and not (length.isascii() and length.isdigit()):
            raise ResponseHeadError("the response's Content-Length is not a number")
        # `requests` would parse them, and read an endless body before it looks where to go.
        del self.headers["Set-Cookie"]
        if "Location" in self.headers:
            self.headers[REDIRECT_HEADER] = self.headers["Location"]
            del self.headers["Location"]


class _Connection(HTTPConnection):
    """A connection that knows when it was used last."""

    response_class = _Response
    _used_at = 0.0

    @property
    def is_connected(self) -> bool:
        """Whether the connection can be used again."""
        # By the wall clock: the monotonic one stands still while the instance is frozen.
        if not 0 <= time.time() - self._used_at < _MAX_IDLE_SECONDS:
            return False
        # What can be read now is no response to a request that has not been made yet.
        unread = isinstance(self.sock, ssl.SSLSocket) and self.sock.pending() > 0
        return super().is_connected and not unread

    def connect(self) -> None:
        """Connect; a name look-up that took all the time must not be followed by a request."""
        # The timeout of one address is half of the time.
        end = time.monotonic() + 2 * (self.timeout or 0.0)
        super().connect()
        if time.monotonic() >= end:
            self.close()
            raise TimeoutError

    def getresponse(self) -> PooledResponse:  # type: ignore[override] # as in urllib3
        """Return the response, as soon as its head is there.

        Raises:
            KeptConnectionError: The connection had been used before, and has failed.
        """
        kept = self._used_at > 0
        try:
            response = super().getresponse()
        except TimeoutError:
            # No time is left for another connection.
            raise
        except (OSError, HTTPException) as error:
            if kept:
                raise KeptConnectionError from error
            raise
        self._used_at = time.time()
        return response

    def close(self) -> None:
        """Close the connection; the next request opens a new one."""
        super().close()
        self._used_at = 0.0


class _TlsConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS = {"http": _Pool, "https": _TlsPool}


class Adapter(HTTPAdapter):
    """Makes the connections of a `requests.Session`.

    Args:
        listeners: To how many listeners to keep connections.
        connections: How many to keep to each of them.
    """

    def __init__(self, listeners: int, connections: int) -> None:
        super().__init__(pool_connections=listeners, pool_maxsize=connections)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Return what connects through a proxy."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager
