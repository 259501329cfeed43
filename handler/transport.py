"""
One HTTP request to a listener, bounded as a whole.

`urllib3` bounds single socket operations; a listener that sends a byte now and
then holds such a request for ever. Here a watchdog cuts the connection when the
time for the attempt is over, whatever the attempt is doing.
"""

from __future__ import annotations

import codecs
import logging
import os
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from urllib3 import PoolManager, ProxyManager, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import DecodeError, HTTPError
from urllib3.exceptions import TimeoutError as UrllibTimeoutError
from urllib3.util import make_headers, parse_url

from handler.redaction import CUT_OFF

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from urllib3 import BaseHTTPResponse

# An answer's words matter as far as an operator reads them.
_MAX_WORDS = 2048

_FAILURES = (HTTPError, OSError)

# Where an operator names the certificates of a private authority.
_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")

# It logs what it cannot read of an answer, which may repeat the token.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class ListenerAnswer:
    """What the listener said: status, the beginning of the body, and when to come back."""

    status: int
    words: str
    retry_after: str | None


class TransportError(Exception):
    """
    The listener has not answered; the text says how it failed.

    It has no cause: that one's text may repeat the URL and what the listener said.
    """


class Transport:
    """
    Sends bodies over kept-alive connections.

    Args:
        connections: How many connections to keep.
    """

    def __init__(self, connections: int) -> None:
        self._connections = connections
        self._managers: dict[str | None, PoolManager] = {}
        self._lock = threading.Lock()

    def post(
        self, url: str, content: bytes, headers: Mapping[str, str], timeout: float
    ) -> ListenerAnswer:
        """
        Send one body, and return the answer.

        Args:
            url: The remote-write URL. A redirect is an answer, never followed.
            content: The body.
            headers: All headers of the request.
            timeout: Seconds for the whole exchange.

        Raises:
            TransportError: There was no whole answer within the time. A 4xx
                counts without all of its words: it must not be retried.
        """
        with _Attempt(timeout) as attempt:
            try:
                response = self._manager(url).urlopen(
                    "POST",
                    url,
                    body=content,
                    headers=dict(headers),
                    timeout=Timeout(connect=timeout, read=timeout),
                    redirect=False,
                    retries=False,
                    preload_content=False,
                )
            except _FAILURES as error:
                raise TransportError(attempt.describe(error)) from None
            final = 400 <= response.status < 500
            try:
                words = _read_words(response)
            except _FAILURES as error:
                # What cannot be decoded is there all the same.
                if not final and not isinstance(error, DecodeError):
                    raise TransportError(attempt.describe(error)) from None
                words = ""
            finally:
                response.close()
                response.release_conn()
            # A connection that was cut looks like one that has come to its end.
            if attempt.cut_off and not final:
                raise TransportError(attempt.describe(TimeoutError()))
        return ListenerAnswer(response.status, words, response.headers.get("Retry-After"))

    def _manager(self, url: str) -> PoolManager:
        """Return the connections for a URL, through the proxy that the environment names."""
        proxy = _proxy_for(url)
        # The first bodies of a delivery come from several threads at once, and
        # must not each make connections that nobody uses again.
        with self._lock:
            if proxy not in self._managers:
                self._managers[proxy] = _new_manager(proxy, self._connections)
            return self._managers[proxy]


def _new_manager(proxy: str | None, connections: int) -> PoolManager:
    # Takes a twentieth of the import time, and only to say where a file is.
    from certifi import where  # noqa: PLC0415

    options: dict[str, Any] = {
        "maxsize": connections,
        "cert_reqs": "CERT_REQUIRED",
        "ca_certs": next((os.environ[v] for v in _CA_VARIABLES if os.environ.get(v)), where()),
    }
    if proxy is None:
        manager = PoolManager(**options)
    else:
        credentials = make_headers(proxy_basic_auth=parse_url(proxy).auth)
        manager = ProxyManager(proxy, proxy_headers=credentials, **options)
    manager.pool_classes_by_scheme = _POOLS
    return manager


def _proxy_for(url: str) -> str | None:
    """Return the proxy that the environment names for a URL, as HTTPS_PROXY and NO_PROXY say."""
    if not any(name.lower().endswith("_proxy") for name in os.environ):
        return None
    # Costs as much to import as a tenth of the function, for the few who have a proxy.
    from urllib.request import getproxies_environment, proxy_bypass  # noqa: PLC0415

    parts = urlsplit(url)
    if proxy_bypass(parts.netloc):
        return None
    proxies = getproxies_environment()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy


def _read_words(response: BaseHTTPResponse) -> str:
    """Return the beginning of an answer's body."""
    words = response.read(_MAX_WORDS, decode_content=True)
    # An answer read to its end gives its connection back; from a longer one the
    # connection is closed with it.
    more = response.read(1, decode_content=True)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    return decoder.decode(words, final=not more) + (CUT_OFF if more else "")


class _Attempt:
    """The exchange that this thread is in, and the watchdog over it."""

    current = threading.local()

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._timer = threading.Timer(timeout, self._cut)
        self._timer.daemon = True
        self._lock = threading.Lock()
        self._over = False
        self.cut_off = False
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        _Attempt.current.attempt = self
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        with self._lock:
            # From here on the connection may be another attempt's.
            self._over = True
            self._socket = None
        _Attempt.current.attempt = None

    def watch(self, watched: socket.socket) -> None:
        """Make a socket the one that is cut when the time is over."""
        with self._lock:
            self._socket = watched
            if self.cut_off:
                _shut_down(watched)

    def describe(self, error: Exception) -> str:
        """Return how the exchange failed, without the URL, whose query may hold a secret."""
        cause: BaseException = error
        while cause.__cause__ is not None or cause.__context__ is not None:
            cause = cause.__cause__ or cause.__context__ or cause
        timed_out = isinstance(error, UrllibTimeoutError) or isinstance(cause, TimeoutError)
        if self.cut_off or timed_out:
            return f"no answer within {self._timeout:.1f} s"
        return f"{type(error).__name__} ({type(cause).__name__})"

    def _cut(self) -> None:
        with self._lock:
            self.cut_off = True
            if not self._over and self._socket is not None:
                _shut_down(self._socket)


def _shut_down(watched: socket.socket) -> None:
    try:
        watched.shutdown(socket.SHUT_RDWR)
    except OSError:
        # The other side was faster; the exchange ends either way.
        return


class _Watched(HTTPConnection):
    """A connection that shows its socket to the attempt it serves."""

    # A second descriptor of the connection: TLS takes the first one over, and
    # the handshake has to be cut off too.
    _watched: socket.socket | None = None

    def _new_conn(self) -> socket.socket:
        connected = super()._new_conn()
        self._forget()
        self._watched = connected.dup()
        self._show()
        return connected

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._show()
        super().request(*args, **kwargs)

    def close(self) -> None:
        super().close()
        self._forget()

    def _show(self) -> None:
        attempt = getattr(_Attempt.current, "attempt", None)
        if attempt is not None and self._watched is not None:
            attempt.watch(self._watched)

    def _forget(self) -> None:
        if self._watched is not None:
            self._watched.close()
            self._watched = None


class _WatchedTls(_Watched, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTls


_POOLS = {"http": _Pool, "https": _TlsPool}
