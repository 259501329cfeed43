"""Connections to listeners, kept for later requests."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import ssl
import threading
import weakref
from http.client import HTTPConnection, HTTPResponse
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from handler.attempt import NoWayError
from handler.route import DEFAULT_PORTS, proxy_credentials

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from urllib.parse import SplitResult

    from handler.attempt import Attempt
    from handler.route import Route

# Where an operator names the certificates of a private authority.
_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


class TunnelError(NoWayError):
    """The proxy does not connect to the listener."""


class Connection(HTTPConnection):
    """
    A connection to a listener, which serves one attempt after the other.

    Args:
        route: The way to the listener.
        tls: What verifies the listener; None for http.

    Attributes:
        route: The way to the listener.
        reusable: Whether the last answer has been read to its end.
    """

    _attempt: Attempt

    def __init__(self, route: Route, tls: ssl.SSLContext | None) -> None:
        super().__init__(route.host, route.port)
        # Decides whether the header Host names the port.
        self.default_port = DEFAULT_PORTS[route.scheme]
        self.route = route
        self.reusable = False
        self._tls = tls

    def serve(self, attempt: Attempt) -> None:
        """Be the connection of an attempt from here on."""
        self._attempt = attempt
        self.reusable = False
        if self.sock is not None:
            self.sock.settimeout(attempt.left())
            attempt.watch(self.sock)

    def connect(self) -> None:
        """Connect within the time of the attempt; the base calls this where there is no socket."""
        proxy = urlsplit(self.route.proxy) if self.route.proxy else None
        host, port = self.route.host, self.route.port
        if proxy is not None:
            host, port = proxy.hostname or "", proxy.port or DEFAULT_PORTS["http"]
        connected = _reach(host, port, self._attempt)
        with contextlib.ExitStack() as failing:
            failing.callback(connected.close)
            if self._tls is None:
                self.sock = connected
            else:
                if proxy is not None:
                    self._open_tunnel(connected, proxy)
                host_name = _encoded(self.route.host)
                self.sock = self._tls.wrap_socket(connected, server_hostname=host_name)
            failing.pop_all()

    @property
    def forwarded(self) -> bool:
        """Whether a proxy reads the requests, which have to name the listener for it."""
        return self.route.proxy is not None and self._tls is None

    def proxy_headers(self) -> Mapping[str, str]:
        """Return what a proxy that forwards requests wants to see in each of them."""
        return proxy_credentials(urlsplit(self.route.proxy or "")) if self.forwarded else {}

    def is_open(self) -> bool:
        """Tell whether another request can be sent; not where the listener has closed."""
        if self.sock is None:
            return False
        if isinstance(self.sock, ssl.SSLSocket) and self.sock.pending():
            return False
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        # What can be read now is the end, or an answer that nobody has asked for.
        return not poll.poll(0)

    def _open_tunnel(self, connected: socket.socket, proxy: SplitResult) -> None:
        """Let the proxy connect to the listener."""
        target = f"[{self.host}]" if ":" in self.host else _encoded(self.host).decode("ascii")
        target = f"{target}:{self.port}"
        headers = {"Host": target, **proxy_credentials(proxy)}
        lines = [f"CONNECT {target} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items()), "", ""]
        connected.sendall("\r\n".join(lines).encode("ascii"))
        answer = HTTPResponse(connected, method="CONNECT")
        try:
            answer.begin()
            if answer.status != 200:
                raise TunnelError(f"the proxy does not connect: it answered {answer.status}")
        finally:
            answer.close()


class Connections:
    """
    Connections that no request uses now.

    Args:
        limit: How many to keep at most.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._idle: list[Connection] = []
        self._tls: ssl.SSLContext | None = None
        self._lock = threading.Lock()
        weakref.finalize(self, _close_all, self._idle)

    @contextlib.contextmanager
    def one(self, route: Route) -> Iterator[Connection]:
        """
        Give a connection to a request, one that was kept or a new one, and take it back.

        Args:
            route: The way to the listener.

        Raises:
            OSError: There are no certificates to verify the listener with.
        """
        connection = self._take(route)
        try:
            yield connection
        finally:
            if connection.reusable and connection.is_open():
                self._keep(connection)
            else:
                connection.close()

    def _take(self, route: Route) -> Connection:
        while (kept := self._pop(route)) is not None:
            if kept.is_open():
                return kept
            kept.close()
        return Connection(route, self._verifier() if route.scheme == "https" else None)

    def _verifier(self) -> ssl.SSLContext:
        """Return what verifies listeners, the same for all of them."""
        # To read the hundred certificates takes as long as to import a large package: once is
        # enough, also where the first bodies of a delivery come from several threads.
        with self._lock:
            if self._tls is None:
                self._tls = ssl.create_default_context(cafile=_certificates())
                self._tls.set_alpn_protocols(["http/1.1"])
            return self._tls

    def _keep(self, connection: Connection) -> None:
        """Keep a connection; the one that was used longest ago makes room."""
        with self._lock:
            self._idle.append(connection)
            surplus = self._idle.pop(0) if len(self._idle) > self._limit else None
        if surplus is not None:
            surplus.close()

    def _pop(self, route: Route) -> Connection | None:
        """Return the connection of a way that was used last."""
        with self._lock:
            for place in reversed(range(len(self._idle))):
                if self._idle[place].route == route:
                    return self._idle.pop(place)
        return None


def _close_all(connections: list[Connection]) -> None:
    while connections:
        connections.pop().close()


def _reach(host: str, port: int, attempt: Attempt) -> socket.socket:
    """Return a socket connected to a host, whichever of its addresses answers."""
    addresses = socket.getaddrinfo(_encoded(host), port, type=socket.SOCK_STREAM)
    failure: OSError = TimeoutError()
    for number, (family, kind, protocol, _, address) in enumerate(addresses):
        connected = socket.socket(family, kind, protocol)
        try:
            # An address that never answers leaves the others their part of the time.
            connected.settimeout(attempt.left() / (len(addresses) - number))
            attempt.watch(connected)
            connected.connect(address)
            connected.settimeout(attempt.left())
            # The headers must not wait for an answer before the body follows them.
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            connected.close()
            failure = error
        else:
            return connected
    raise failure


def _encoded(host: str) -> bytes:
    # Given text, Python imports its codec for international names: 2 ms of a cold start.
    return host.encode("ascii" if host.isascii() else "idna")


def _certificates() -> str:
    """Return the file with the certificates of the authorities that are trusted."""
    for variable in _CA_VARIABLES:
        if os.environ.get(variable):
            return os.environ[variable]
    # To say where its file is, certifi itself would import what reads files out of archives.
    package = find_spec("certifi")
    if package is None or not package.submodule_search_locations:
        raise FileNotFoundError(errno.ENOENT, "the package certifi is missing")
    return f"{package.submodule_search_locations[0]}/cacert.pem"
