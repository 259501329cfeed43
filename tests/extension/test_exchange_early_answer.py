"""An answer that comes before the end of the request, from a destination that reads no further."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

import pytest

from extension.errors import ExchangeError
from extension.exchange import Exchanges
from extension.messages import Request
from testing.log_destinations.certificates import CertificateAuthority
from tests.support.extension_listeners import listener
from tests.support.extension_parts import LONG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# More than the kernel takes of a connection that nobody reads from.
BODY = b"x" * 16_000_000


@pytest.fixture
def exchanges() -> Iterator[Exchanges]:
    """Give exchanges without a connection."""
    with contextlib.closing(Exchanges()) as made:
        yield made


def answers(status: int) -> Callable[[socket.socket], None]:
    """Return who answers a request by its head, and closes with the body unread: a reset."""

    def talk(connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            piece = connection.recv(4096)
            if not piece:
                return
            head += piece
        connection.sendall(b"HTTP/1.1 %d Early\r\nContent-Length: 0\r\n\r\n" % status)

    return talk


@pytest.mark.parametrize("status", [401, 413, 429, 503])
def test_early_refusal(exchanges: Exchanges, status: int) -> None:
    """What a destination says of a request that it has not read is its answer: a 413 halves."""
    with listener(answers(status)) as port:
        request = Request(f"http://127.0.0.1:{port}/", {}, BODY)
        assert exchanges.post(request, LONG).status == status
        assert exchanges.post(request, LONG).status == status


def test_early_refusal_behind_tls(exchanges: Exchanges, tmp_path: Path) -> None:
    """The same holds behind TLS."""
    authority = CertificateAuthority(tmp_path)
    exchanges._tls.load_verify_locations(authority.file)
    context = authority.server()

    def talk(connection: socket.socket) -> None:
        # Else the answer waits for an acknowledgement of the handshake, and the reset overtakes it.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with context.wrap_socket(connection, server_side=True) as secured:
            answers(413)(secured)

    with listener(talk) as port:
        request = Request(f"https://127.0.0.1:{port}/", {}, BODY)
        assert exchanges.post(request, LONG).status == 413


def test_early_acceptance(exchanges: Exchanges) -> None:
    """A 200 for a request that was not read to its end is no answer: the records are kept."""
    with (
        listener(answers(200)) as port,
        pytest.raises(ExchangeError, match="before the end of the request"),
    ):
        exchanges.post(Request(f"http://127.0.0.1:{port}/", {}, BODY), LONG)
