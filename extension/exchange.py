"""One request and its answer, within one time for everything: name, connection, TLS, bytes."""

from __future__ import annotations

import http.client
import socket
import time
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from extension.bounded_socket import BoundedSocket, BoundedTlsSocket, Deadline, tls_context
from extension.destinations.destination import Answer
from extension.errors import AbandonedExchange, ExchangeError, StaleConnection
from extension.resolver import Resolver

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from extension.destinations.destination import Request

# Counts and errors fit into it; what a hostile destination sends beyond it is not read.
_LARGEST_ANSWER_BYTES = 65_536


class Exchanges:
    """
    The exchanges with one destination, one at a time, over a connection that is kept.

    No proxy is used and no redirect followed: the token goes to the configured host alone.

    Args:
        clock: A monotonic clock in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._connection: _Connection | None = None
        self._resolvers: dict[tuple[str, int], Resolver] = {}
        self._tls = tls_context()

    def post(self, request: Request, seconds: float) -> Answer:
        """
        Send a request and return its answer.

        A kept connection that turns out to be closed is replaced once, within the same time.

        Raises:
            AbandonedExchange: `abandon` was called.
            ExchangeError: There was no whole answer within `seconds`.
        """
        deadline = Deadline(self._clock() + seconds, self._clock)
        try:
            return self._post(request, deadline)
        except StaleConnection:
            return self._post(request, deadline)

    def abandon(self) -> None:
        """Break the exchange that is on its way, from another thread."""
        connection = self._connection
        if connection is not None:
            connection.abandon()

    def close(self) -> None:
        """Close the kept connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _post(self, request: Request, deadline: Deadline) -> Answer:
        connection = self._connection
        kept = connection is not None
        try:
            url = urlsplit(request.url)
            target = url.path + (f"?{url.query}" if url.query else "")
            if connection is None:
                connection = self._connection = self._connect(
                    url.scheme, url.hostname or "", url.port
                )
            connection.bound(deadline)
            connection.request("POST", target or "/", request.body, dict(request.headers))
            response = connection.getresponse()
            body = response.read(_LARGEST_ANSWER_BYTES)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise _failure(error, connection, kept=kept) from None
        if not response.isclosed() or response.will_close:
            # More of the answer would follow, or the destination ends the connection.
            self.close()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, body)

    def _connect(self, scheme: str, host: str, port: int | None) -> _Connection:
        secure = scheme == "https"
        port = port or (443 if secure else 80)
        resolver = self._resolvers.setdefault((host, port), Resolver(host, port))
        return _Connection(host, port, resolver, self._tls if secure else None)


class _Connection(http.client.HTTPConnection):
    def __init__(
        self, host: str, port: int, resolver: Resolver, tls: ssl.SSLContext | None
    ) -> None:
        super().__init__(host, port)
        self._resolver = resolver
        self._tls = tls
        self._deadline: Deadline | None = None
        self._bounded: BoundedSocket | BoundedTlsSocket | None = None
        self.abandoned = False

    def bound(self, deadline: Deadline) -> None:
        """Set when the next request and its answer must have ended."""
        self._deadline = deadline
        if self._bounded is not None:
            self._bounded.deadline = deadline

    def abandon(self) -> None:
        """Make what waits for the other side fail at once."""
        self.abandoned = True
        sock = self._bounded
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                # It is closed already.
                return

    def connect(self) -> None:
        """Connect to the first address that answers, and secure the connection."""
        deadline = self._deadline
        if deadline is None:
            raise RuntimeError("bound() comes before a request")
        addresses = self._resolver.addresses(deadline.left())
        errors: list[OSError] = []
        for remaining, (family, address) in zip(range(len(addresses), 0, -1), addresses):
            if self.abandoned:
                raise ConnectionAbortedError("abandoned")
            try:
                # One address that swallows everything leaves time for the others.
                self.sock = self._connected(family, address, deadline, deadline.left() / remaining)
            except OSError as error:
                errors.append(error)
                continue
            if self.abandoned:
                raise ConnectionAbortedError("abandoned")
            return
        self._resolver.forget()
        try:
            raise errors[0] if errors else OSError("the host has no address")
        finally:
            # The error holds this frame, and this frame the error: together they would keep
            # the records of the request, megabytes of them, until the next collection.
            errors.clear()

    def _connected(
        self, family: int, address: Any, deadline: Deadline, seconds: float
    ) -> BoundedSocket | BoundedTlsSocket:
        # `_bounded` is set before each wait, for `abandon` to break it.
        sock: BoundedSocket | BoundedTlsSocket
        sock = self._bounded = BoundedSocket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(seconds)
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                secured = self._tls.wrap_socket(
                    sock, server_hostname=self.host, do_handshake_on_connect=False
                )
                sock = self._bounded = cast("BoundedTlsSocket", secured)
                # This is the time for the whole handshake.
                sock.settimeout(deadline.left())
                sock.do_handshake()
        except OSError:
            sock.close()
            raise
        sock.deadline = deadline
        return sock


def _failure(error: Exception, connection: _Connection | None, *, kept: bool) -> ExchangeError:
    if connection is not None and connection.abandoned:
        return AbandonedExchange(_reason(error))
    # `http.client.RemoteDisconnected` is a ConnectionError too.
    if kept and isinstance(error, ConnectionError):
        return StaleConnection(_reason(error))
    return ExchangeError(_reason(error))


def _reason(error: Exception) -> str:
    if not isinstance(error, OSError):
        # What `http.client` says quotes the answer or a header: the token may be in both.
        return f"no HTTP ({type(error).__name__})"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
