"""One request and its answer, within one time for everything: name, connection, TLS, bytes."""

from __future__ import annotations

import errno
import http.client
import os
import select
import socket
import time
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from extension.bounded_socket import BoundedSocket, BoundedTlsSocket, Deadline, tls_context
from extension.errors import AbandonedExchange, ExchangeError, StaleConnection
from extension.messages import Response
from extension.resolver import Resolver

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from extension.messages import Request

# Counts and errors fit into it; what a hostile destination sends beyond it is not read.
_LARGEST_ANSWER_BYTES = 65_536
# Who stands in between, a load balancer or a firewall, forgets idle connections after a minute
# or some, and not everyone says so: an exchange over such a one would wait in vain.
_LONGEST_IDLE_SECONDS = 60.0
_REFUSALS = 300


class Exchanges:
    """
    The exchanges with one destination, one at a time, over a connection that is kept.

    No proxy is used and no redirect followed: the token goes to the configured host alone.

    Args:
        clock: A monotonic clock in seconds.
        wall: A clock that goes on while the environment is frozen, or stored (SnapStart).
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._wall = wall
        self._used = 0.0
        self._connection: _Connection | None = None
        self._resolvers: dict[tuple[str, int], Resolver] = {}
        self._tls = tls_context()

    def post(self, request: Request, seconds: float) -> Response:
        """
        Send a request and return its answer.

        A kept connection that turns out to be closed is replaced once, within the same time; one
        that was idle for a minute is not used again.

        Raises:
            AbandonedExchange: `abandon` was called.
            ExchangeError: There was no whole answer within `seconds`.
        """
        deadline = Deadline(self._clock() + seconds, self._clock)
        if not 0 <= self._wall() - self._used < _LONGEST_IDLE_SECONDS:
            self.close()
        try:
            return self._post(request, deadline)
        except StaleConnection:
            return self._post(request, deadline)
        finally:
            self._used = self._wall()

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

    def _post(self, request: Request, deadline: Deadline) -> Response:
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
            whole = connection.say(target or "/", request)
            response = connection.getresponse()
            body = response.read(_LARGEST_ANSWER_BYTES)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise _failure(error, connection, kept=kept) from None
        if not whole or not response.isclosed() or response.will_close:
            # More of one of the two would follow, or the destination ends the connection.
            self.close()
        if not whole and response.status < _REFUSALS:
            raise ExchangeError("the answer came before the end of the request")
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Response(response.status, headers, body)

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

    def say(self, target: str, request: Request) -> bool:
        """
        Send a request; tell whether all of it could be sent.

        Some refuse a request by its head, as too large for instance, and read no more of it. What
        they have said counts, and is to be read.

        Raises:
            OSError: There was no connection to send it over.
        """
        try:
            self.request(request.method, target, request.body, dict(request.headers))
        except OSError:
            if self.sock is None or self.abandoned:
                raise
            return False
        return True

    def abandon(self) -> None:
        """Make what waits for the other side fail at once."""
        self.abandoned = True
        sock = self._bounded
        if sock is not None:
            try:
                # That of a TLS socket takes away the object that the other thread is using.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
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
        sock: BoundedSocket | BoundedTlsSocket
        sock = BoundedSocket(family, socket.SOCK_STREAM)
        try:
            # Only what is under way can be broken: a `shutdown` before it would be lost.
            sock.setblocking(False)
            error = sock.connect_ex(address)
            self._may_be_broken(sock)
            _await_connected(sock, error, seconds)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                secured = self._tls.wrap_socket(
                    sock, server_hostname=self.host, do_handshake_on_connect=False
                )
                sock = cast("BoundedTlsSocket", secured)
                self._may_be_broken(sock)
                # This is the time for the whole handshake.
                sock.settimeout(deadline.left())
                sock.do_handshake()
        except OSError:
            sock.close()
            raise
        sock.deadline = deadline
        return sock

    def _may_be_broken(self, sock: BoundedSocket | BoundedTlsSocket) -> None:
        """Let `abandon` break the wait that follows; it notes first, and then breaks."""
        self._bounded = sock
        if self.abandoned:
            raise ConnectionAbortedError("abandoned")


def _await_connected(sock: socket.socket, error: int, seconds: float) -> None:
    """Wait for a connection that `connect_ex` began with `error`, at most so many seconds."""
    if error == errno.EINPROGRESS:
        ready = select.poll()
        ready.register(sock, select.POLLOUT)
        if not ready.poll(seconds * 1000):
            raise TimeoutError("timed out")
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error:
        raise OSError(error, os.strerror(error))


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
