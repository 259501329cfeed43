"""Only a server with a valid certificate receives a byte of a token, from either sender."""

import contextlib
import socket
import ssl
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from extension.errors import ExchangeError
from extension.http_client import HttpClient, Request
from handler.client import Client, NoResponseError
from testing.log_destinations.certificates import Certificate, CertificateAuthority
from testing.log_destinations.logzio import LogzioDestination
from testing.misbehaving import tcp_listener
from testing.pythons import pythons
from tests.extension_process.running import health_check, settings

TOKEN = b"QWZ7f3b9e51c8d24a60"
HEADERS = {"Authorization": f"Bearer {TOKEN.decode()}", "Content-Type": "text/plain"}
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
SECONDS = 60.0


def by_function(url: str) -> int:
    """Post as the function does; return the status."""
    return Client(1).post(url, b"body", HEADERS, SECONDS).status


def by_extension(url: str) -> int:
    """Post as the extension does; return the status."""
    with contextlib.closing(HttpClient()) as client:
        return client.send(Request(url, HEADERS, b"body"), SECONDS).status


class Server:
    """Speaks TLS with a context, and keeps every byte that comes out of it.

    Args:
        context: Of the server; None: it takes what comes as it is.
    """

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        self.received = b""
        self.over = threading.Event()

    def __call__(self, connection: socket.socket) -> None:
        """Serve one connection."""
        try:
            if self._context is None:
                self.received += connection.recv(65536)
                return
            with self._context.wrap_socket(connection, server_side=True) as secured:
                while piece := secured.recv(65536):
                    self.received += piece
                    # Head and body may come one after the other.
                    if self.received.endswith((b"body", b"hello")):
                        secured.sendall(ANSWER)
                        return
        except OSError:
            # The sender has refused the connection.
            pass
        finally:
            self.over.set()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    """Give the authority that the senders trust."""
    return CertificateAuthority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(autouse=True)
def trusted(authority: CertificateAuthority, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the authority the trusted one of this process, as an operator does; use no proxy."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")


@pytest.fixture(params=[by_function, by_extension], ids=["function", "extension"])
def post(request: pytest.FixtureRequest) -> Callable[[str], int]:
    """Give each sender."""
    chosen: Callable[[str], int] = request.param
    return chosen


def old(authority: CertificateAuthority) -> ssl.SSLContext:
    """Make a server with a good certificate that speaks TLS 1.0 and 1.1 alone."""
    context = authority.server()
    with warnings.catch_warnings():
        # That is the point: these versions are not to be used any more.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def assert_refused(post: Callable[[str], int], server: Server, host: str = "127.0.0.1") -> None:
    """Post to a server that must not be trusted: an error, and nothing of the request arrives."""
    with tcp_listener(server) as port:
        with pytest.raises((NoResponseError, ExchangeError), match="SSL"):
            post(f"https://{host}:{port}/write?token={TOKEN.decode()}")
        assert server.over.wait(SECONDS)
    assert server.received == b""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_good(post: Callable[[str], int], authority: CertificateAuthority, host: str) -> None:
    """A server with a certificate of a trusted authority, for this host, gets the request."""
    server = Server(authority.server())
    with tcp_listener(server) as port:
        assert post(f"https://{host}:{port}/write") == 200
    assert TOKEN in server.received


UNTRUSTED: dict[str, Callable[[CertificateAuthority, Path], ssl.SSLContext]] = {
    "wrong host": lambda authority, _: authority.server(Certificate.WRONG_HOST),
    "expired": lambda authority, _: authority.server(Certificate.EXPIRED),
    "self-signed": lambda authority, _: authority.server(Certificate.SELF_SIGNED),
    "unknown authority": lambda _, folder: CertificateAuthority(folder).server(),
    "TLS 1.1": lambda authority, _: old(authority),
}


@pytest.mark.parametrize("kind", UNTRUSTED)
def test_untrusted_server(
    post: Callable[[str], int], authority: CertificateAuthority, kind: str, tmp_path: Path
) -> None:
    """A server with a bad certificate, or with nothing newer than TLS 1.1, receives nothing."""
    assert_refused(post, Server(UNTRUSTED[kind](authority, tmp_path)))


def test_public_authorities(
    post: Callable[[str], int], authority: CertificateAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no authority is named, the public ones are trusted and no other."""
    monkeypatch.delenv("SSL_CERT_FILE")
    assert_refused(post, Server(authority.server()))


def test_certificate_is_for_the_name_that_was_asked_for(
    post: Callable[[str], int], authority: CertificateAuthority
) -> None:
    """A certificate for an address is none for another one that leads to the same server."""
    assert_refused(post, Server(authority.server()), "127.1")


def test_no_tls(post: Callable[[str], int]) -> None:
    """A server that speaks no TLS gets the beginning of a handshake, without the token."""
    server = Server(None)
    with tcp_listener(server) as port, pytest.raises((NoResponseError, ExchangeError)):
        post(f"https://127.0.0.1:{port}/write?token={TOKEN.decode()}")
    assert server.over.wait(SECONDS)
    assert server.received[:1] == b"\x16"
    assert TOKEN not in server.received


def test_context_of_the_extension() -> None:
    """The extension asks for a certificate, its host name and TLS 1.2, whatever OpenSSL says."""
    context = HttpClient().prepare()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("version", list(pythons()))
def test_old_version_on_each_python(version: str, authority: CertificateAuthority) -> None:
    """On every Python that the extension runs on, it refuses a server of TLS 1.1."""
    with LogzioDestination(tls=old(authority)) as server:
        environ = {**settings([server]), "SSL_CERT_FILE": str(authority.file)}
        code, said = health_check(environ, pythons()[version])
        assert (code, server.arrivals) == (1, [])
    assert "SSLError" in said
    assert server.token not in said
