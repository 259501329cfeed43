"""Which proxy is used for which host, and requests through one."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from extension.errors import ExchangeError
from extension.http_client import HttpClient, Request
from extension.proxies import Proxies, Proxy
from testing.log_destinations.certificates import CertificateAuthority
from testing.log_destinations.logzio import LogzioDestination
from testing.misbehaving import tcp_listener
from tests.support.extension_parts import LONG

PROXY = {"HTTPS_PROXY": "http://proxy:3128"}
LINE = b'{"@timestamp":"2024-08-30T10:00:00.000Z","message":"hello"}\n'


@pytest.mark.parametrize(
    ("environ", "proxy"),
    [
        ({}, None),
        (PROXY, Proxy("proxy", 3128, "")),
        ({"https_proxy": "proxy:3128"}, Proxy("proxy", 3128, "")),
        ({"HTTPS_PROXY": " ", "https_proxy": "http://p/"}, Proxy("p", 80, "")),
        ({"HTTPS_PROXY": "http://u:p%40s@p:1"}, Proxy("p", 1, "Basic dTpwQHM=")),
        ({"HTTPS_PROXY": "http://[::1]:1"}, Proxy("::1", 1, "")),
        # Another kind of proxy, or none.
        *(
            ({"HTTPS_PROXY": text}, None)
            for text in ("https://p", "socks5://p", "http://p:x", "://")
        ),
    ],
)
def test_proxy(environ: dict[str, str], proxy: Proxy | None) -> None:
    """HTTPS_PROXY names the proxy; what cannot be used is a problem that does not repeat it."""
    proxies = Proxies(environ)
    assert proxies.of("logs.example.com", 443) == proxy
    assert bool(proxies.problem) == (proxy is None and bool(environ))


@pytest.mark.parametrize(
    ("no_proxy", "host", "is_direct"),
    [
        ("", "logs.example.com", False),
        ("*", "logs.example.com", True),
        ("example.com", "logs.example.com", True),
        ("example.com", "Example.com.", True),
        ("example.com", "notexample.com", False),
        (".example.com", "logs.example.com", True),
        (".example.com", "example.com", False),
        ("*.example.com", "logs.example.com", True),
        ("a, logs.example.com ,b", "logs.example.com", True),
        ("example.com:8071", "logs.example.com", True),
        ("example.com:443", "logs.example.com", False),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.0.0.0/8", "logs.example.com", False),
        ("10.0.0.0/x", "10.1.2.3", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("[2001:db8::1]:8071", "2001:db8::1", True),
        ("2001:db8::1", "2001:db8::1", True),
        # The machine itself.
        ("", "localhost", True),
        ("", "127.0.0.1", True),
        ("", "::1", True),
    ],
)
def test_no_proxy(no_proxy: str, host: str, is_direct: bool) -> None:
    """NO_PROXY lists domains, hosts with a port, addresses and networks."""
    found = Proxies({**PROXY, "no_proxy": no_proxy}).of(host, 8071)
    assert (found is None) == is_direct


def tunnel(heads: list[bytes], port: int, status: int = 200) -> Callable[[socket.socket], None]:
    """Return a proxy that connects whoever asks to a port of this machine."""

    def talk(client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(65_536)
        heads.append(head)
        client.sendall(b"HTTP/1.1 %d x\r\nX-Proxy: y\r\n\r\n" % status)
        if status != 200:
            return
        with socket.create_connection(("127.0.0.1", port)) as server:
            back = threading.Thread(target=pump, args=(server, client))
            back.start()
            pump(client, server)
            back.join()

    return talk


def pump(source: socket.socket, target: socket.socket) -> None:
    """Pass everything on until the source ends."""
    with contextlib.suppress(OSError):
        while piece := source.recv(65_536):
            target.sendall(piece)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def named(context: ssl.SSLContext) -> ssl.SSLContext:
    """Accept the certificate of the machine itself for another name."""
    context.check_hostname = False
    return context


def test_tunnel(tmp_path: Path) -> None:
    """Requests go through one tunnel, in TLS to the destination; the proxy sees its name only."""
    authority = CertificateAuthority(tmp_path)
    heads: list[bytes] = []
    with LogzioDestination(tls=authority.server()) as destination:
        port = int(destination.url.rpartition(":")[2])
        with tcp_listener(tunnel(heads, port)) as proxy:
            environ = {
                "HTTPS_PROXY": f"http://me:secret@127.0.0.1:{proxy}",
                "REQUESTS_CA_BUNDLE": str(authority.file),
            }
            with contextlib.closing(HttpClient(environ=environ)) as client:
                named(client.prepare())
                request = Request(
                    f"https://logs.invalid:{port}/?token=local-token",
                    {"Content-Type": "text/plain"},
                    LINE,
                )
                for _ in range(2):
                    assert client.send(request, LONG).status == 200
        assert (destination.count, destination.connections) == (2, 1)
    (head,) = heads
    assert head.startswith(f"CONNECT logs.invalid:{port} HTTP/1.1\r\n".encode())
    assert b"\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n" in head
    assert b"local-token" not in head


def test_proxy_that_refuses() -> None:
    """A proxy that opens no tunnel is named as the reason, and is asked again later."""
    heads: list[bytes] = []
    with (
        tcp_listener(tunnel(heads, 1, status=407)) as proxy,
        contextlib.closing(HttpClient(environ={"HTTPS_PROXY": f"127.0.0.1:{proxy}"})) as client,
    ):
        for _ in range(2):
            with pytest.raises(ExchangeError, match=r"the proxy in HTTPS_PROXY: .*HTTP 407"):
                client.send(Request("https://logs.invalid/", {}, LINE), LONG)
    assert len(heads) == 2


def proxied(client: HttpClient, seconds: float = LONG) -> str:
    """Send a request through a proxy that does not work; return why it failed."""
    with pytest.raises(ExchangeError) as caught:
        client.send(Request("https://logs.invalid/", {}, LINE), seconds)
    return str(caught.value)


@pytest.mark.parametrize(
    ("talk", "seconds"),
    [
        (socket.socket.close, LONG),
        (lambda client: client.sendall(b"no HTTP\r\n\r\n"), LONG),
        (lambda client: client.recv(1 << 16) and client.recv(1), 0.2),
    ],
    ids=["closes", "no HTTP", "stalls"],
)
def test_proxy_that_fails(talk: Callable[[socket.socket], Any], seconds: float) -> None:
    """A proxy that does not answer as one is named as the reason."""
    with tcp_listener(talk) as port:
        environ = {"HTTPS_PROXY": f"http://127.0.0.1:{port}"}
        with contextlib.closing(HttpClient(environ=environ)) as client:
            assert proxied(client, seconds).startswith("the proxy in HTTPS_PROXY: ")


def test_destination_behind_a_proxy_fails() -> None:
    """A destination that fails behind a tunnel is not taken for the proxy."""
    heads: list[bytes] = []
    with tcp_listener(socket.socket.close) as port, tcp_listener(tunnel(heads, port)) as proxy:
        environ = {"HTTPS_PROXY": f"http://127.0.0.1:{proxy}"}
        with contextlib.closing(HttpClient(environ=environ)) as client:
            assert "HTTPS_PROXY" not in proxied(client)


def test_destination_without_tls() -> None:
    """A destination with http:// is reached directly: a proxy would read lines and token."""
    heads: list[bytes] = []
    with tcp_listener(tunnel(heads, 1)) as proxy:
        environ = {"HTTPS_PROXY": f"http://127.0.0.1:{proxy}"}
        with (
            contextlib.closing(HttpClient(environ=environ)) as client,
            pytest.raises(ExchangeError),
        ):
            client.send(Request("http://logs.invalid/", {}, LINE), LONG)
    assert heads == []


def test_proxy_that_is_not_there() -> None:
    """A proxy that cannot be reached is named as the reason."""
    with contextlib.closing(HttpClient(environ={"HTTPS_PROXY": "127.0.0.1:1"})) as client:
        assert proxied(client).startswith("the proxy in HTTPS_PROXY: ConnectionRefusedError")


def test_bundle_that_is_missing(tmp_path: Path) -> None:
    """A file of certificates that cannot be read is named as the reason."""
    environ = {"REQUESTS_CA_BUNDLE": str(tmp_path / "missing.pem")}
    with (
        contextlib.closing(HttpClient(environ=environ)) as client,
        pytest.raises(ExchangeError, match="REQUESTS_CA_BUNDLE"),
    ):
        client.send(Request("https://127.0.0.1:1/", {}, LINE), LONG)


def test_old_style_certificate(tmp_path: Path) -> None:
    """An authority without what RFC 5280 demands is named as the reason, where it is refused."""
    authority = CertificateAuthority(tmp_path, old_style=True)
    with (
        LogzioDestination(tls=authority.server()) as destination,
        contextlib.closing(
            HttpClient(environ={"REQUESTS_CA_BUNDLE": str(authority.file)})
        ) as client,
    ):
        # As Python 3.13 does by itself.
        client.prepare().verify_flags |= ssl.VERIFY_X509_STRICT
        with pytest.raises(ExchangeError, match=r"certificate verify failed.*old style"):
            client.send(Request(destination.url, {}, LINE), LONG)
