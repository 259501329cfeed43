"""HTTP requests to a log destination over `http.client`, each within a total time.

A socket's timeout bounds one operation; a destination that sends a byte now and then would
hold a connection for ever. So a timer shuts the socket down when the time is over. It cannot
interrupt a name look-up, a connection attempt or a TLS handshake. The last two have timeouts
of their own, and no flush waits longer than its budget for any of the three.
"""

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit

from extension.errors import AbandonedExchange, ExchangeError
from extension.messages import Request, Response

# Enough for counts and errors; the rest of a longer response is not read.
_LARGEST_RESPONSE_BYTES = 65_536
# Load balancers and firewalls drop idle connections after a minute or more, often silently:
# a request over such a connection would wait in vain.
_LONGEST_IDLE_SECONDS = 60.0
_FIRST_ERROR_STATUS = 300


class _Exchange:
    """One call of `send`; `cut_off` says why it was interrupted, if it was."""

    def __init__(self) -> None:
        self.cut_off: type[ExchangeError] | None = None


class HttpClient:
    """Sends requests one at a time, over a connection that is kept for its host.

    No proxy is used and no redirect followed: the token goes to the configured host only.

    Args:
        wall: A clock that goes on while the environment is frozen, or stored (SnapStart).
    """

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._used = 0.0
        self._origin = ("", "")
        self._connection: http.client.HTTPConnection | None = None
        # `http.client` forgets it once a response is to end with the connection.
        self._sock: socket.socket | None = None
        self._exchange = _Exchange()
        self._tls: ssl.SSLContext | None = None

    def prepare(self) -> ssl.SSLContext:
        """Load the certificates, which takes some 20 ms, unless they are loaded.

        Raises:
            OSError: There are none, or they cannot be read.
        """
        if self._tls is None:
            context = ssl.create_default_context()
            # Python 3.9 leaves this to OpenSSL's configuration.
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            self._tls = context
        return self._tls

    def send(self, request: Request, seconds: float) -> Response:
        """Send a request and return the response.

        If a kept connection turns out to be closed, the request is sent again once over a new
        one, within the same time. A connection that was idle for a minute is not used again.

        Raises:
            AbandonedExchange: `abandon` was called.
            ExchangeError: There was no complete response within `seconds`.
        """
        if not 0 <= self._wall() - self._used < _LONGEST_IDLE_SECONDS:
            self.close()
        exchange = self._exchange = _Exchange()
        timer = threading.Timer(seconds, self._cut_off, (exchange, ExchangeError))
        timer.daemon = True
        timer.start()
        end = time.monotonic() + seconds
        try:
            while True:
                connection = self._connection
                try:
                    return self._attempt(request, exchange, end)
                except (OSError, http.client.HTTPException, ValueError) as error:
                    kept = connection is not None and connection is self._connection
                    self.close()
                    if exchange.cut_off:
                        raise exchange.cut_off("timed out") from None
                    # `http.client.RemoteDisconnected` is a ConnectionError too.
                    if not (kept and isinstance(error, ConnectionError)):
                        raise ExchangeError(_reason(error)) from None
        finally:
            timer.cancel()
            self._used = self._wall()

    def abandon(self) -> None:
        """Cut off the request in flight, from another thread."""
        self._cut_off(self._exchange, AbandonedExchange)

    def close(self) -> None:
        """Close the kept connection."""
        connection, self._connection, self._sock = self._connection, None, None
        if connection is not None:
            connection.close()

    def _cut_off(self, exchange: _Exchange, reason: type[ExchangeError]) -> None:
        exchange.cut_off = reason
        sock = self._sock
        if exchange is self._exchange and sock is not None:
            with contextlib.suppress(OSError):
                # `SSLSocket.shutdown` would also discard the TLS state, which the other thread
                # is using: a response that has arrived already is still read.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def _attempt(self, request: Request, exchange: _Exchange, end: float) -> Response:
        url = urlsplit(request.url)
        connection = self._connected(url, end)
        if exchange.cut_off:
            raise TimeoutError
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        complete = _send(connection, target, request)
        response = connection.getresponse()
        body = response.read(_LARGEST_RESPONSE_BYTES)
        if exchange.cut_off and response.length != 0:
            # Only a length shows that nothing is missing.
            raise TimeoutError
        if not complete or not response.isclosed() or response.will_close:
            # More of the request or the response would follow, or the other side closes.
            self.close()
        if not complete and response.status < _FIRST_ERROR_STATUS:
            raise ExchangeError("the response came before the end of the request")
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Response(response.status, headers, body)

    def _connected(self, url: SplitResult, end: float) -> http.client.HTTPConnection:
        origin = (url.scheme, url.netloc)
        if origin != self._origin:
            self.close()
        if self._connection is not None:
            return self._connection
        host, tls = url.hostname or "", self.prepare() if url.scheme == "https" else None
        connection = (
            http.client.HTTPSConnection(host, url.port, context=tls)
            if tls
            else http.client.HTTPConnection(host, url.port)
        )
        self._connection, self._origin = connection, origin
        connection.sock = _connect(host, connection.port, end)
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sock.settimeout(_left(end))
        if tls:
            connection.sock = tls.wrap_socket(connection.sock, server_hostname=host)
        self._sock = connection.sock
        return connection


def _left(end: float) -> float:
    """Return the seconds that are left; none would mean a socket that does not block."""
    return max(end - time.monotonic(), 0.001)


def _connect(host: str, port: int, end: float) -> socket.socket:
    """Connect to an address of a host; each but the last has half of the time that is left."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    *first, last = ((str(place[0]), int(place[1])) for *_, place in found)
    for address in first:
        with contextlib.suppress(OSError):
            return socket.create_connection(address, _left(end) / 2)
    return socket.create_connection(last, _left(end))


def _send(connection: http.client.HTTPConnection, target: str, request: Request) -> bool:
    """Send a request; return whether all of it was sent.

    Some servers refuse a request by its head, because it is too large for instance, and read no
    further. Their response counts, and is to be read.
    """
    try:
        connection.request(request.method, target, request.body, dict(request.headers))
    except OSError:
        if connection.sock is None:
            raise
        return False
    return True


def _reason(error: Exception) -> str:
    if not isinstance(error, OSError):
        # The text of `http.client` quotes the response or a header, which may hold the token.
        return f"no valid HTTP response ({type(error).__name__})"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
