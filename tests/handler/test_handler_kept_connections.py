"""What outlives a request: connections, and the certificates that listeners are verified with."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from handler.client import Client, NoResponseError
from testing.log_destinations.certificates import CertificateAuthority
from testing.misbehaving import raw_listener
from testing.receiver import Receiver
from tests.support.clocks import SOON

if TYPE_CHECKING:
    import socket
    from pathlib import Path

EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"


@pytest.fixture(autouse=True)
def without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep proxies that the machine's environment may name out of the way."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")


def test_kept_connections_are_bounded() -> None:
    """The connection that was used longest ago makes room for one to another listener."""
    connections: list[socket.socket] = []

    def answer(connection: socket.socket, _request: bytes) -> bytes:
        if connection not in connections:
            connections.append(connection)
        return EMPTY

    with raw_listener(answer) as one, raw_listener(answer) as other:
        client = Client(connections=1)
        for url in (one, one, other, other, one):
            assert client.post(url, b"body", {}, SOON).status == 204
    assert len(connections) == 3


def test_certificates_are_read_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Later connections, also to another listener, do not need the file with them any more."""
    authority = CertificateAuthority(tmp_path)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    client = Client(connections=1)
    with Receiver(tls=authority.server()) as one, Receiver(tls=authority.server()) as other:
        client.post(one.url, b"body", {}, SOON)
        authority.file.unlink()
        client.post(other.url, b"body", {}, SOON)
        assert [len(one.requests), len(other.requests)] == [1, 1]


def test_certificates_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the file with the certificates nothing is sent, until it is there."""
    authority = CertificateAuthority(tmp_path)
    missing = tmp_path / "missing.pem"
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(missing))
    client = Client(connections=1)
    with Receiver(tls=authority.server()) as receiver:
        with pytest.raises(NoResponseError, match="FileNotFoundError"):
            client.post(receiver.url, b"body", {}, SOON)
        missing.write_bytes(authority.file.read_bytes())
        client.post(receiver.url, b"body", {}, SOON)
        assert len(receiver.requests) == 1


@pytest.mark.parametrize("head", [b"HTTP/1.0 200 OK", b"HTTP/1.1 200 OK\r\nConnection: close"])
def test_answer_on_a_connection_that_will_close_is_bounded(head: bytes) -> None:
    """A body that drips in is cut off in time, also where nobody keeps the connection."""
    over = threading.Event()

    def drip(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(head + b"\r\n\r\n")
        # Faster than a single read times out, and for minutes.
        for _ in range(9000):
            if over.wait(0.02):
                return
            connection.sendall(b"x")

    with raw_listener(drip) as url:
        begun = time.monotonic()
        with pytest.raises(NoResponseError, match=r"no answer within 0\.3 s"):
            Client(1).post(url, b"body", {}, 0.3)
        seconds = time.monotonic() - begun
        over.set()
    assert seconds < SOON


def test_url_in_any_alphabet() -> None:
    """A path that is no ASCII is sent as UTF-8, escaped; what is escaped already stays."""
    heads: list[bytes] = []

    def answer(_connection: socket.socket, request: bytes) -> bytes:
        heads.append(request.split(b"\r\n")[0])
        return EMPTY

    with raw_listener(answer) as url:
        Client(1).post(f"{url}//\u00e4%2F?a=%20b&c=\u00fc", b"body", {}, SOON)
    assert heads == [b"POST /write//%C3%A4%2F?a=%20b&c=%C3%BC HTTP/1.1"]


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example.com", "\u00fc" * 70])
def test_host_that_is_no_name(host: str) -> None:
    """A host that no resolver can be asked for is an error of the connection."""
    with pytest.raises(NoResponseError):
        Client(1).post(f"https://{host}/write", b"body", {}, SOON)
