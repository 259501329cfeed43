"""Requests over real sockets: kept connections, responses, errors, TLS."""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from extension.errors import AbandonedExchange, ExchangeError
from extension.http_client import HttpClient, Request
from testing.log_destinations.certificates import CertificateAuthority
from testing.log_destinations.logzio import LogzioDestination
from testing.misbehaving import nobody, raw_listener, tcp_listener
from tests.support.extension_listeners import (
    OK,
    Server,
    echo,
)
from tests.support.extension_parts import LONG

BUDGET = 0.5


@pytest.fixture
def client() -> Iterator[HttpClient]:
    """Return a client without a connection."""
    with contextlib.closing(HttpClient()) as made:
        yield made


def request_to(url: str, body: bytes = b"hello", **headers: str) -> Request:
    """Return a request."""
    return Request(url, headers, body)


def test_request_and_response(client: HttpClient) -> None:
    """Method, path, query, headers and body arrive unchanged; so does the response."""
    server = Server()
    with raw_listener(server) as url:
        request = request_to(f"{url}?token=t&type=x", b"\0body", Name="v")
        response = client.send(request, LONG)
        client.send(Request(url.removesuffix("/write"), {}, b"", "GET"), LONG)
    assert (response.status, response.body) == (200, b"ok")
    assert response.headers["x-name"] == "value"
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /write?token=t&type=x HTTP/1.1\r\n")
    assert b"\r\nName: v\r\n" in head + b"\r\n"
    assert f"Host: {urlsplit(url).netloc}".encode() in head
    assert body == b"\0body"
    assert server.requests[1].startswith(b"GET / HTTP/1.1\r\n")


def test_connection_is_kept(client: HttpClient) -> None:
    """One connection serves all requests, also after chunks, an empty body, an error."""
    server = Server(
        OK,
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy",
    )
    with raw_listener(server) as url:
        responses = [client.send(request_to(url), LONG) for _ in range(5)]
    assert [it.body for it in responses] == [b"ok", b"", b"ok", b"busy", b"ok"]
    assert len(server.connections) == 1


def test_connection_belongs_to_its_host(client: HttpClient) -> None:
    """A request to another host never goes over the connection to the first one."""
    first, second = Server(), Server()
    with raw_listener(first) as url, raw_listener(second) as other:
        for target in (url, other, url):
            assert client.send(request_to(target), LONG).status == 200
    assert (len(first.requests), len(second.requests)) == (2, 1)


@pytest.mark.parametrize("how", [b"closes:", b"resets:"])
def test_stale_connection(client: HttpClient, how: bytes) -> None:
    """A connection that ended while it was idle is replaced, and the request sent again."""
    server = Server(how + OK)
    with raw_listener(server) as url:
        for _ in range(2):
            assert client.send(request_to(url, b"x" * 1_000_000), LONG).status == 200
    assert len(server.connections) == 2


@pytest.mark.parametrize("how", [b"closes:", b"resets:"])
def test_sent_again_once(client: HttpClient, how: bytes) -> None:
    """A destination that ends every connection gets a request twice, not for ever."""
    server = Server(OK, how, how, how)
    with raw_listener(server) as url:
        client.send(request_to(url), LONG)
        with pytest.raises(ExchangeError):
            client.send(request_to(url), LONG)
    assert len(server.requests) == 3


@pytest.mark.parametrize("how", [b"closes:", b"resets:", b"closes:HTTP/1.1 "])
def test_new_connection_that_ends(client: HttpClient, how: bytes) -> None:
    """A new connection that ends is an error, and the request is not sent again."""
    server = Server(how)
    with raw_listener(server) as url:
        with pytest.raises(ExchangeError) as caught:
            client.send(request_to(url), LONG)
        assert not isinstance(caught.value, AbandonedExchange)
        assert len(server.requests) == 1
        assert client.send(request_to(url), LONG).status == 200


@pytest.mark.parametrize(("pause", "connections"), [(0, 1), (59, 1), (60, 2), (86_400, 2), (-1, 2)])
def test_idle(pause: float, connections: int) -> None:
    """After a minute by the wall clock, or if that was set back, the connection is new."""
    now = [1_725_012_000.0]
    server = Server()
    with (
        raw_listener(server) as url,
        contextlib.closing(HttpClient(wall=lambda: now[0])) as client,
    ):
        client.send(request_to(url), LONG)
        now[0] += pause
        client.send(request_to(url), LONG)
    assert len(server.connections) == connections


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect(client: HttpClient, status: int) -> None:
    """No redirect is followed: the token goes to no other host."""
    other, server = Server(), Server()
    with raw_listener(other) as elsewhere, raw_listener(server) as url:
        head = f"HTTP/1.1 {status} x\r\nLocation: {elsewhere}\r\nContent-Length: 0\r\n\r\n"
        server.answers.append(head.encode())
        assert client.send(request_to(url, authorization="secret"), LONG).status == status
    assert other.requests == []


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n989680\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n",
    ],
)
def test_huge(client: HttpClient, head: bytes) -> None:
    """Only the beginning of a huge response is read; its connection is not used again."""
    server = Server(head + b"x" * 1_000_000)
    with raw_listener(server) as url:
        response = client.send(request_to(url), LONG)
        assert response.status == 200
        assert set(response.body) == {ord("x")}
        assert len(response.body) <= 65_536
        assert client.send(request_to(url), LONG).body == b"ok"
    assert len(server.connections) == 2


@pytest.mark.parametrize(
    "said",
    [
        b"nonsense\r\n\r\n",
        b"\0" * 70_000 + b"\r\n",
        b"HTTP/1.1 many OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_malformed(client: HttpClient, said: bytes) -> None:
    """Malformed HTTP is an error with a short text; the next request works."""
    with raw_listener(Server(b"closes:" + said)) as url:
        with pytest.raises(ExchangeError) as caught:
            client.send(request_to(url), LONG)
        assert client.send(request_to(url), LONG).status == 200
    assert len(str(caught.value)) < 300


def test_no_secret_in_errors(client: HttpClient) -> None:
    """No error contains the token or the body, even if a server echoes them."""
    with tcp_listener(echo) as port, pytest.raises(ExchangeError) as caught:
        client.send(request_to(f"http://127.0.0.1:{port}/?token=secret", b"user line"), LONG)
    assert "secret" not in str(caught.value)
    assert "user line" not in str(caught.value)


@pytest.mark.parametrize("host", ["nowhere.invalid", "a..b.invalid", "x" * 70 + ".invalid"])
def test_no_host(client: HttpClient, host: str) -> None:
    """A host without an address, with an invalid name, or that refuses, is an error at once."""
    with nobody() as url, pytest.raises(ExchangeError, match="refused"):
        client.send(request_to(url), LONG)
    with pytest.raises(ExchangeError):
        client.send(request_to(f"http://{host}/"), 2)


# More than the kernel buffers for a connection that nobody reads from.
UNREAD = b"x" * 16_000_000


def refuses_early(status: int) -> Callable[[socket.socket], None]:
    """Return a server that answers a request by its head and closes with the body unread."""

    def talk(connection: socket.socket) -> None:
        # Else the answer may wait for an acknowledgement, and the reset overtakes it.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = b""
        while b"\r\n\r\n" not in head:
            piece = connection.recv(4096)
            if not piece:
                return
            head += piece
        connection.sendall(b"HTTP/1.1 %d Early\r\nContent-Length: 0\r\n\r\n" % status)

    return talk


@pytest.mark.parametrize("status", [401, 413, 429, 503])
def test_refusal(client: HttpClient, status: int) -> None:
    """An early refusal is the response: a 413 halves the batch."""
    with tcp_listener(refuses_early(status)) as port:
        request = request_to(f"http://127.0.0.1:{port}/", UNREAD)
        for _ in range(2):
            assert client.send(request, LONG).status == status


def test_acceptance(client: HttpClient) -> None:
    """A 200 for a request that was not read to its end is an error: the records are kept."""
    with (
        tcp_listener(refuses_early(200)) as port,
        pytest.raises(ExchangeError, match="before the end of the request"),
    ):
        client.send(request_to(f"http://127.0.0.1:{port}/", UNREAD), LONG)


@pytest.mark.parametrize(
    ("host", "handshake", "seconds"),
    [("127.0.0.1", 0, LONG), ("localhost", 0, LONG), ("127.0.0.1", 2.5, 4)],
)
def test_tls(
    client: HttpClient, tmp_path: Path, host: str, handshake: float, seconds: float
) -> None:
    """With a valid certificate one connection serves every request, also if it begins slowly."""
    authority = CertificateAuthority(tmp_path)
    context = authority.server()
    context.sni_callback = lambda *_: time.sleep(handshake)
    client.prepare().load_verify_locations(authority.file)
    line = b'{"@timestamp":"2024-08-30T10:00:00.000Z","message":"hello"}\n'
    with LogzioDestination(tls=context) as destination:
        url = destination.url.replace("127.0.0.1", host)
        request = Request(f"{url}/?token=local-token", {"Content-Type": "text/plain"}, line)
        for _ in range(3):
            assert client.send(request, seconds).status == 200
        client.close()
        assert (destination.count, destination.connections) == (3, 1)
