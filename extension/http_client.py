"""HTTP requests to a log destination over `http.client`, each within a total time.

A socket's timeout bounds one operation; a destination that sends a byte now and then would
hold a connection for ever. So a thread watches each exchange and shuts the socket down when its
time is over. It cannot interrupt a name look-up, or a connection attempt, which has a timeout of
its own; no flush waits longer than its budget for either.

A freeze of the environment is no part of that time. After one the response may have arrived
already, or the connection may be dead: an exchange that began before gets a moment for its
response, and then is to be sent again.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from extension.errors import AbandonedExchange, ExchangeError
from extension.proxies import Proxies

# Enough for counts and errors; the rest of a longer response is not read.
_LARGEST_RESPONSE_BYTES = 65_536
# Load balancers and firewalls drop idle connections after a minute or more, often silently:
# a request over such a connection would wait in vain.
_LONGEST_IDLE_SECONDS = 60.0
_TICK_SECONDS = 0.1
# A tick that takes this long was a freeze, or the machine was very busy.
_FROZEN_SECONDS = 1.0
# After a longer freeze the connection may be dead: what then is left of an exchange.
_DEADLY_SECONDS = 5.0
_AFTER_FREEZE_SECONDS = 0.5
# OpenSSL's codes for what only VERIFY_X509_STRICT refuses, which Python 3.13 sets (x509_vfy.h).
_STRICT = range(80, 95)
_OLD_STYLE = (
    "the certificate or that of its authority is of an old style, which Python 3.13 and later "
    "refuse: issue both anew"
)


class Request(NamedTuple):
    """One request; `body` is already compressed if `headers` say so."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"


class Response(NamedTuple):
    """One response; header names are in lower case, and a long `body` is cut."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Exchange:
    """One call of `send`: it ends with `reason` when no seconds are left.

    `cut_off` is the same once it has been interrupted; `over` is set when `send` returns.
    """

    def __init__(self, seconds: float) -> None:
        self.left = seconds
        self.reason: type[ExchangeError] = ExchangeError
        self.cut_off: type[ExchangeError] | None = None
        self.over = threading.Event()


class HttpClient:
    """Sends requests one at a time, over a connection that is kept for its host.

    No redirect is followed: the token goes to the configured host only.

    Args:
        wall: A clock that goes on while the environment is frozen, or stored (SnapStart).
        environ: May name a proxy, and a file of certificates to trust.

    Attributes:
        on_thaw: Called, by another thread, after a freeze during an exchange.
    """

    def __init__(
        self, wall: Callable[[], float] = time.time, environ: Mapping[str, str] | None = None
    ) -> None:
        environ = os.environ if environ is None else environ
        self._wall = wall
        self._proxies = Proxies(environ)
        # OpenSSL reads SSL_CERT_FILE itself.
        self._authorities = environ.get("REQUESTS_CA_BUNDLE", "").strip()
        self._used = 0.0
        self._origin = ("", "")
        self._connection: http.client.HTTPConnection | None = None
        # `http.client` forgets it once a response is to end with the connection.
        self._sock: socket.socket | None = None
        self._exchange = _Exchange(0.0)
        # What an error begins with until a tunnel is open.
        self._culprit = ""
        self._tls: ssl.SSLContext | None = None
        self.on_thaw: Callable[[], object] = lambda: None

    def prepare(self) -> ssl.SSLContext:
        """Load the certificates, which takes some 20 ms, unless they are loaded.

        Raises:
            OSError: They cannot be read.
        """
        if self._tls is None:
            context = ssl.create_default_context()
            if self._authorities:
                try:
                    context.load_verify_locations(self._authorities)
                except OSError:
                    problem = "the file in REQUESTS_CA_BUNDLE has no certificates"
                    raise OSError(problem) from None
            # Python 3.9 leaves this to OpenSSL's configuration.
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            self._tls = context
        return self._tls

    def send(self, request: Request, seconds: float) -> Response:
        """Send a request and return the response.

        If a kept connection turns out to be closed, the request is sent again once over a new
        one, within the same time. A connection that was idle for a minute is not used again.

        Raises:
            AbandonedExchange: `abandon` was called, or there was a freeze and no response after it.
            ExchangeError: There was no complete response within `seconds`.
        """
        if not 0 <= self._wall() - self._used < _LONGEST_IDLE_SECONDS:
            self.close()
        exchange = self._exchange = _Exchange(seconds)
        threading.Thread(target=self._watch, args=(exchange,), name="watch", daemon=True).start()
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
                        raise exchange.cut_off(f"{self._culprit}timed out") from None
                    # `http.client.RemoteDisconnected` is a ConnectionError too.
                    if not (kept and isinstance(error, ConnectionError)):
                        raise ExchangeError(f"{self._culprit}{_reason(error)}") from None
        finally:
            self._culprit = ""
            exchange.over.set()
            self._used = self._wall()

    def abandon(self, after: float = 0.0) -> None:
        """Cut off the request in flight from another thread, at once or after some seconds."""
        exchange = self._exchange
        exchange.left, exchange.reason = min(exchange.left, after), AbandonedExchange
        if after <= 0:
            self._cut_off(exchange)

    def close(self) -> None:
        """Close the kept connection."""
        connection, self._connection, self._sock = self._connection, None, None
        if connection is not None:
            connection.close()

    def _watch(self, exchange: _Exchange) -> None:
        """Cut off an exchange when it has had its time; count a freeze as one tick."""
        while exchange.left > 0:
            tick = min(exchange.left, _TICK_SECONDS)
            began = time.monotonic(), self._wall()
            if exchange.over.wait(tick):
                return
            took = max(time.monotonic() - began[0], self._wall() - began[1])
            exchange.left -= tick
            if took > _DEADLY_SECONDS:
                exchange.left = min(exchange.left, _AFTER_FREEZE_SECONDS)
                exchange.reason = AbandonedExchange
            if took > _FROZEN_SECONDS:
                self.on_thaw()
        self._cut_off(exchange)

    def _cut_off(self, exchange: _Exchange) -> None:
        exchange.cut_off = exchange.reason
        sock = self._sock
        if exchange is self._exchange and sock is not None:
            with contextlib.suppress(OSError):
                # `SSLSocket.shutdown` would also discard the TLS state, which the other thread
                # is using: a response that has arrived already is still read.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def _attempt(self, request: Request, exchange: _Exchange, end: float) -> Response:
        url = urlsplit(request.url)
        connection = self._connected(url, exchange, end)
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
        if not complete and response.status < http.client.MULTIPLE_CHOICES:
            raise ExchangeError("the response came before the end of the request")
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Response(response.status, headers, body)

    def _connected(
        self, url: SplitResult, exchange: _Exchange, end: float
    ) -> http.client.HTTPConnection:
        """Return the kept connection to the host of a URL, or a new one.

        Raises TimeoutError if the exchange was cut off meanwhile.
        """
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
        proxy = self._proxies.of(host, connection.port) if tls else None
        place = (proxy.host, proxy.port) if proxy else (host, connection.port)
        self._culprit = "the proxy in HTTPS_PROXY: " if proxy else ""
        connection.sock = self._sock = _connect(*place, end)
        self._sock.settimeout(None)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if exchange.cut_off:
            raise TimeoutError
        if proxy:
            proxy.open_tunnel(connection.sock, host, connection.port)
            self._culprit = ""
        if tls:
            # The watch can interrupt the handshake of a socket that it knows.
            connection.sock = self._sock = tls.wrap_socket(
                connection.sock, server_hostname=host, do_handshake_on_connect=False
            )
            if exchange.cut_off:
                raise TimeoutError
            self._sock.do_handshake()
        return connection


def _connect(host: str, port: int, end: float) -> socket.socket:
    """Connect to a host; each of its addresses has an equal share of the time that is left."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for left, (*_, place) in zip(range(len(found), 0, -1), found):
        # No time at all would mean a socket that does not block.
        seconds = max((end - time.monotonic()) / left, 0.001)
        try:
            return socket.create_connection((str(place[0]), int(place[1])), seconds)
        except OSError:
            if left == 1:
                raise
    raise OSError("the host has no address")


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
    is_strict = isinstance(error, ssl.SSLCertVerificationError) and error.verify_code in _STRICT
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return f"{text}; {_OLD_STYLE}" if is_strict else text
