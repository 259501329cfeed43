"""Requests through the proxy that the environment names."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from handler.client import Client, NoResponseError
from testing.log_destinations.certificates import CertificateAuthority
from testing.misbehaving import raw_listener
from testing.receiver import Receiver
from tests.support.clocks import SOON
from tests.support.invoking import delivery_of, function_for, invoke, points

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "Bearer t-o-k-e-n"
HEADERS = {"Authorization": TOKEN}
CREDENTIALS = base64.b64encode(b"us@er:p:ss").decode()


@pytest.fixture(autouse=True)
def environ(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Take away proxies and certificates that the machine's environment may name."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def with_credentials(url: str) -> str:
    """Write the URL of a proxy with a user and a password that have to be escaped."""
    return url.replace("http://", "http://us%40er:p%3Ass@").removesuffix("/write")


class Tunnel:
    """A proxy that connects to whatever it is asked for, and passes all bytes on."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.passed = b""

    def __call__(self, connection: socket.socket, request: bytes) -> None:
        """Serve one connection, from `CONNECT` to its end."""
        self.heads.append(request)
        host, _, port = request.split()[1].decode().rpartition(":")
        with socket.create_connection((host, int(port)), SOON) as onward:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=self._pass, args=(onward, connection))
            back.start()
            self._pass(connection, onward, note=True)
            back.join()

    def _pass(self, source: socket.socket, sink: socket.socket, *, note: bool = False) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                self.passed += piece if note else b""
                sink.sendall(piece)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


def test_http_through_a_proxy(environ: pytest.MonkeyPatch) -> None:
    """A proxy for http is told the whole URL, the listener as host, and its own credentials."""
    requests: list[bytes] = []

    def answer(_connection: socket.socket, request: bytes) -> bytes:
        requests.append(request)
        return b"HTTP/1.1 204 No Content\r\n\r\n"

    with raw_listener(answer) as proxy:
        environ.setenv("HTTP_PROXY", with_credentials(proxy))
        environ.setenv("http_proxy", with_credentials(proxy))
        answered = Client(1).post("http://listener.example.com/a?b=c", b"body", HEADERS, SOON)
    head, _, body = requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert (answered.status, body) == (204, b"body")
    assert lines[0] == "POST http://listener.example.com/a?b=c HTTP/1.1"
    assert "Host: listener.example.com" in lines
    assert f"Proxy-Authorization: Basic {CREDENTIALS}" in lines
    assert f"Authorization: {TOKEN}" in lines


def test_https_through_a_proxy(environ: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A proxy for https connects to the listener, and reads nothing of what is sent there."""
    authority = CertificateAuthority(tmp_path)
    tunnel = Tunnel()
    environ.setenv("SSL_CERT_FILE", str(authority.file))
    with Receiver(tls=authority.server()) as receiver, raw_listener(tunnel) as proxy:
        environ.setenv("HTTPS_PROXY", with_credentials(proxy))
        environ.setenv("https_proxy", with_credentials(proxy))
        function = function_for(receiver.url)
        for _ in range(2):
            assert invoke(function, delivery_of(points(1))).status == 200
        headers = [request.headers for request in receiver.requests]
        place = receiver.url.split("/")[2]
    assert [head.split(b"\r\n")[0] for head in tunnel.heads] == [
        f"CONNECT {place} HTTP/1.1".encode()
    ]
    assert f"Proxy-Authorization: Basic {CREDENTIALS}".encode() in tunnel.heads[0]
    assert b"POST" not in tunnel.passed
    assert len(headers) == 2
    assert not any("proxy-authorization" in sent for sent in headers)


def test_proxy_that_does_not_connect(environ: pytest.MonkeyPatch) -> None:
    """A proxy that refuses to connect gets nothing of the request, and its refusal is told."""
    requests: list[bytes] = []

    def refuse(_connection: socket.socket, request: bytes) -> bytes:
        requests.append(request)
        return b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"

    with raw_listener(refuse) as proxy:
        environ.setenv("HTTPS_PROXY", proxy)
        environ.setenv("https_proxy", proxy)
        with pytest.raises(NoResponseError, match="the proxy does not connect: it answered 407"):
            Client(1).post("https://listener.example.com/", b"body", HEADERS, SOON)
    assert len(requests) == 1
    assert TOKEN.encode() not in requests[0]


@pytest.mark.parametrize("scheme", ["https", "socks5"])
def test_proxy_that_cannot_be_used(scheme: str, environ: pytest.MonkeyPatch) -> None:
    """A proxy that is not spoken to with plain HTTP is an error; it is not gone around."""
    with Receiver() as receiver:
        environ.setenv("HTTP_PROXY", f"{scheme}://127.0.0.1:1")
        environ.setenv("http_proxy", f"{scheme}://127.0.0.1:1")
        with pytest.raises(NoResponseError, match="only a proxy with an http:// URL"):
            Client(1).post(receiver.url, b"body", HEADERS, SOON)
        assert receiver.requests == []


def test_host_without_a_proxy(environ: pytest.MonkeyPatch) -> None:
    """A host that NO_PROXY names is connected to directly."""
    environ.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    environ.setenv("http_proxy", "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        environ.setenv(name, "127.0.0.1")
    with Receiver() as receiver:
        assert invoke(function_for(receiver.url), delivery_of(points(1))).status == 200
