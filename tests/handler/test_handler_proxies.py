"""Requests through a proxy, and past it."""

import base64
import contextlib
import socket
import ssl
from pathlib import Path

import pytest

from handler.client import Client, NoResponseError
from testing.log_destinations.certificates import CertificateAuthority
from testing.misbehaving import raw_listener, tcp_listener
from testing.receiver import Receiver
from tests.support.clocks import SOON
from tests.support.invoking import delivery_of, function_for, invoke, points

EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"
TOKEN = "Bearer t-o-k-e-n"
HEADERS = {"Authorization": TOKEN}
CREDENTIALS = base64.b64encode(b"us@er:p:ss").decode()


@pytest.fixture(autouse=True)
def environ(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Take away proxies and certificates that the machine's environment may name."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def with_credentials(url: str) -> str:
    """Write the URL of a proxy with a user and a password that have to be escaped."""
    return url.replace("://", "://us%40er:p%3Ass@").removesuffix("/write")


class Tunnel:
    """A proxy that connects to whatever it is asked for, and passes all bytes on.

    Args:
        tls: The proxy's own; None for a proxy with an http:// URL.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.heads: list[bytes] = []
        self.passed = b""
        self.over = False

    def __call__(self, connection: socket.socket) -> None:
        """Serve one connection, from `CONNECT` to its end."""
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            if self._tls is not None:
                secured = self._tls.wrap_socket(connection, server_side=True)
                connection = stack.enter_context(secured)
            self.heads.append(connection.recv(65536))
            host, _, port = self.heads[-1].split()[1].decode().rpartition(":")
            onward = stack.enter_context(socket.create_connection((host, int(port)), SOON))
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            connection.settimeout(0.02)
            onward.settimeout(0.02)
            while not self.over:
                for source, sink in ((connection, onward), (onward, connection)):
                    with contextlib.suppress(TimeoutError):
                        piece = source.recv(65536)
                        if not piece:
                            return
                        self.passed += piece if sink is onward else b""
                        sink.sendall(piece)


def test_http_through_a_proxy(environ: pytest.MonkeyPatch) -> None:
    """A proxy for http gets the whole URL, the listener as host, and its own credentials."""
    requests: list[bytes] = []

    def answer(_connection: socket.socket, request: bytes) -> bytes:
        requests.append(request)
        return EMPTY

    with raw_listener(answer) as proxy:
        environ.setenv("http_proxy", with_credentials(proxy))
        response = Client(1).post("http://listener.example.com/a?b=c", b"body", HEADERS, SOON)
    head, _, body = requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert (response.status, body) == (204, b"body")
    assert lines[0] == "POST http://listener.example.com/a?b=c HTTP/1.1"
    assert "Host: listener.example.com" in lines
    assert f"Proxy-Authorization: Basic {CREDENTIALS}" in lines
    assert f"Authorization: {TOKEN}" in lines


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_https_through_a_proxy(scheme: str, environ: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A proxy for https connects to the listener, and reads nothing of what is sent there."""
    authority = CertificateAuthority(tmp_path)
    tunnel = Tunnel(authority.server() if scheme == "https" else None)
    environ.setenv("SSL_CERT_FILE", str(authority.file))
    with Receiver(tls=authority.server()) as receiver, tcp_listener(tunnel) as port:
        environ.setenv("https_proxy", with_credentials(f"{scheme}://127.0.0.1:{port}"))
        function = function_for(receiver.url)
        for _ in range(2):
            assert invoke(function, delivery_of(points(1))).status == 200
        headers = [request.headers for request in receiver.requests]
        place = receiver.url.split("/")[2]
        tunnel.over = True
    assert [head.split()[:2] for head in tunnel.heads] == [[b"CONNECT", place.encode()]]
    assert f"Proxy-Authorization: Basic {CREDENTIALS}".encode() in tunnel.heads[0]
    assert b"POST" not in tunnel.passed
    assert len(headers) == 2
    assert not any("proxy-authorization" in sent for sent in headers)


def test_proxy_that_does_not_connect(environ: pytest.MonkeyPatch) -> None:
    """A proxy that refuses to connect gets nothing of the request; the error has its status."""
    requests: list[bytes] = []

    def refuse(_connection: socket.socket, request: bytes) -> bytes:
        requests.append(request)
        return b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"

    with raw_listener(refuse) as proxy:
        environ.setenv("https_proxy", with_credentials(proxy))
        with pytest.raises(NoResponseError, match=r"^the proxy does not connect: it answered 407$"):
            Client(1).post("https://listener.example.com/", b"body", HEADERS, SOON)
    assert len(requests) == 1
    assert TOKEN.encode() not in requests[0]


@pytest.mark.parametrize(
    ("proxy", "reason"),
    [
        ("socks5://us:er@127.0.0.1:1", "a SOCKS proxy cannot be used"),
        ("http://us:er@127.0.0.1:1", "the proxy: the connection is refused"),
        ("https://us:er@127.0.0.1:1", "the proxy: the connection is refused"),
        ("http://us:er@:1", "the proxy's URL is malformed"),
    ],
)
def test_proxy_that_cannot_be_used(proxy: str, reason: str, environ: pytest.MonkeyPatch) -> None:
    """A proxy that cannot be used is an error; the listener is not asked without it."""
    with Receiver() as receiver:
        environ.setenv("http_proxy", proxy)
        with pytest.raises(NoResponseError, match=f"^{reason}") as raised:
            Client(1).post(receiver.url, b"body", HEADERS, SOON)
        assert receiver.requests == []
    assert "us:er" not in str(raised.value)


def test_host_without_a_proxy(environ: pytest.MonkeyPatch) -> None:
    """A host that NO_PROXY names is connected to directly."""
    environ.setenv("http_proxy", "http://127.0.0.1:1")
    environ.setenv("no_proxy", "127.0.0.1")
    with Receiver() as receiver:
        assert invoke(function_for(receiver.url), delivery_of(points(1))).status == 200
