"""How long a request takes: destinations that stall, several addresses, freezes, interruptions."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from extension.errors import AbandonedExchange, ExchangeError
from extension.http_client import HttpClient, Request
from testing.misbehaving import black_hole, raw_listener, tcp_listener
from tests.support.extension_listeners import (
    OK,
    Server,
    drip,
    silent,
    unread,
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


def handshake_that_drips(connection: socket.socket) -> None:
    """Send a TLS handshake record of 16 kB, byte by byte (RFC 8446, section 5.1)."""
    connection.sendall(b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb")
    drip(connection, b"\x03")


def drips(head: bytes, text: bytes) -> Callable[[socket.socket], None]:
    """Return a server that answers with a head, and then a byte every few milliseconds."""

    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(head)
        drip(connection, text)

    return talk


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
STALLS: dict[str, tuple[Callable[[socket.socket], None], str, int]] = {
    # What the server does, the scheme, and the size of the request.
    "no response": (silent, "http", 5),
    "unread request": (unread, "http", 30_000_000),
    "no handshake": (silent, "https", 5),
    "slow handshake": (handshake_that_drips, "https", 5),
    "status": (drips(b"", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 60_000), "http", 5),
    "headers": (drips(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n" + b"C: " + b"d" * 60_000), "http", 5),
    "continue": (drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "http", 5),
    "body": (drips(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n", b"x"), "http", 5),
    "chunks": (drips(CHUNKED, b"1\r\nx\r\n"), "http", 5),
    "chunk size": (drips(CHUNKED, b"0" * 60_000), "http", 5),
    "until the end": (drips(b"HTTP/1.0 200 OK\r\n\r\n", b"x"), "http", 5),
}


@pytest.mark.slow
@pytest.mark.parametrize("stage", [*STALLS, pytest.param("", marks=pytest.mark.large)])
def test_stalled(client: HttpClient, stage: str) -> None:
    """A request ends in time at any stage of a destination that stalls, or never accepts it."""
    with contextlib.ExitStack() as stack:
        if stage:
            talk, scheme, size = STALLS[stage]
            url = f"{scheme}://127.0.0.1:{stack.enter_context(tcp_listener(talk))}/"
        else:
            url, size = stack.enter_context(black_hole()), 5
        began = time.monotonic()
        with pytest.raises(ExchangeError):
            client.send(Request(url, {}, b"x" * size), BUDGET)
        assert time.monotonic() - began < LONG / 2


def resolve_to(monkeypatch: pytest.MonkeyPatch, *urls: str) -> None:
    """Give every name, but not 127.0.0.1, the addresses of some servers."""
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", urlsplit(it).port)) for it in urls
    ]
    look_up = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *a, **k: look_up(*a, **k) if "127" in a[0] else found
    )


def test_second_address(client: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that accepts no connection leaves time for the next one."""
    with black_hole() as hole, raw_listener(Server()) as url:
        resolve_to(monkeypatch, hole, url)
        assert client.send(request_to("http://several.invalid/"), 4).status == 200


def test_many_addresses(client: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses that accept no connection share the time of a request, however many they are."""
    with black_hole() as hole:
        resolve_to(monkeypatch, *[hole] * 100)
        began = time.monotonic()
        with pytest.raises(ExchangeError):
            client.send(request_to("http://several.invalid/"), BUDGET)
        assert time.monotonic() - began < LONG / 2


def test_in_flight(client: HttpClient) -> None:
    """A request whose response does not come is cut off at once; the next one works."""
    received = threading.Event()
    errors: list[Exception] = []

    def stall(connection: socket.socket, _request: bytes) -> bytes | None:
        received.set()
        silent(connection)
        return None

    def post(url: str) -> None:
        try:
            client.send(request_to(url), 3 * LONG)
        except ExchangeError as error:
            errors.append(error)

    with raw_listener(stall) as url:
        thread = threading.Thread(target=post, args=(url,))
        thread.start()
        assert received.wait(LONG)
        client.abandon()
        thread.join(LONG)
        assert not thread.is_alive()
    assert [type(error) for error in errors] == [AbandonedExchange]
    with raw_listener(Server()) as url:
        assert client.send(request_to(url), LONG).status == 200


class Freezing:
    """A wall clock, and a server that freezes the environment before it answers.

    Args:
        answers: Whether the first answer comes after the freeze, or never.
    """

    def __init__(self, *, answers: bool) -> None:
        self.now = 1_725_012_000.0
        self.requests = 0
        self._answers = answers
        self.thawed = threading.Event()

    def __call__(self, connection: socket.socket, _request: bytes) -> bytes | None:
        """Answer a request; the first one after a freeze of an hour."""
        self.requests += 1
        if self.requests == 1:
            self.now += 3_600
            assert self.thawed.wait(LONG)
            if not self._answers:
                silent(connection)
                return None
        return OK


@pytest.mark.parametrize("answers", [True, False])
def test_freeze(*, answers: bool) -> None:
    """An exchange over a freeze is judged by its answer; without one it is to be sent again."""
    server = Freezing(answers=answers)
    with (
        raw_listener(server) as url,
        contextlib.closing(HttpClient(wall=lambda: server.now)) as client,
    ):
        client.on_thaw = server.thawed.set
        outcome = contextlib.nullcontext() if answers else pytest.raises(AbandonedExchange)
        with outcome:
            assert client.send(request_to(url), LONG).status == 200
        assert server.thawed.is_set()
        assert client.send(request_to(url), LONG).status == 200
    assert server.requests == 2


def test_while_connecting(client: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that is abandoned while it connects is not sent."""
    server = Server()
    connect = socket.create_connection

    def abandoned(*arguments: object, **named: object) -> socket.socket:
        client.abandon()
        return connect(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "create_connection", abandoned)
    with raw_listener(server) as url, pytest.raises(AbandonedExchange):
        client.send(request_to(url), LONG)
    assert server.requests == []


def test_response_that_has_arrived(client: HttpClient) -> None:
    """A response that arrived before, during a freeze for instance, still counts."""

    def answer(connection: socket.socket, _request: bytes) -> bytes:
        connection.sendall(OK)
        client.abandon()
        return b""

    with raw_listener(answer) as url:
        assert client.send(request_to(url), LONG).body == b"ok"
