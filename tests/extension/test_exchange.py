"""One request and its answer over a real socket: sent once, and over a connection that is kept."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from extension.errors import AbandonedExchange, ExchangeError
from extension.exchange import Exchanges
from extension.messages import Request
from testing.misbehaving import nobody, raw_listener
from tests.support.extension_listeners import echo, listener, reset
from tests.support.extension_parts import LONG, ShiftedTime

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Name: value\r\n\r\nok"


class Server:
    """Answers, keeps the connection, and knows what came over how many of them.

    Args:
        answers: One for each request, then `OK`; what begins with `closes:` or `resets:` is
            followed by the end of the connection, without a word about it in the answer.
    """

    def __init__(self, *answers: bytes) -> None:
        self._answers = list(answers)
        self.requests: list[bytes] = []
        self.connections: set[tuple[str, int]] = set()

    def __call__(self, connection: socket.socket, request: bytes) -> bytes | None:
        """Answer one request."""
        self.requests.append(request)
        self.connections.add(connection.getpeername())
        answer = self._answers.pop(0) if self._answers else OK
        how, _, rest = answer.partition(b":")
        if how not in (b"closes", b"resets"):
            return answer
        connection.sendall(rest)
        return reset(connection, request) if how == b"resets" else None


@pytest.fixture
def exchanges() -> Iterator[Exchanges]:
    """Give exchanges without a connection."""
    with contextlib.closing(Exchanges()) as made:
        yield made


def request_to(url: str, body: bytes = b"hello", **headers: str) -> Request:
    """Return a request."""
    return Request(url, headers, body)


def test_whole(exchanges: Exchanges) -> None:
    """The request arrives as it is: path, query, headers and body; so does the answer."""
    server = Server()
    with raw_listener(server) as url:
        answer = exchanges.post(request_to(f"{url}?token=t&type=x", b"\0body", Name="v"), LONG)
    assert (answer.status, answer.body) == (200, b"ok")
    assert answer.headers["x-name"] == "value"
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /write?token=t&type=x HTTP/1.1\r\n")
    assert b"\r\nName: v\r\n" in head + b"\r\n"
    assert f"Host: {urlsplit(url).netloc}".encode() in head
    assert body == b"\0body"


def test_no_path(exchanges: Exchanges) -> None:
    """A URL without a path asks for the root."""
    server = Server()
    with raw_listener(server) as url:
        exchanges.post(request_to(url.removesuffix("/write")), LONG)
    assert server.requests[0].startswith(b"POST / HTTP/1.1\r\n")


def test_connection_is_kept(exchanges: Exchanges) -> None:
    """All exchanges use one connection, also after answers in chunks, without body, in error."""
    server = Server(
        OK,
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy",
    )
    with raw_listener(server) as url:
        answers = [exchanges.post(request_to(url), LONG) for _ in range(5)]
    assert [answer.body for answer in answers] == [b"ok", b"", b"ok", b"busy", b"ok"]
    assert len(server.connections) == 1


@pytest.mark.parametrize("how", [b"closes:", b"resets:"])
def test_stale_connection(exchanges: Exchanges, how: bytes) -> None:
    """A connection that ended while it was idle is replaced, and the request sent again once."""
    server = Server(how + OK)
    with raw_listener(server) as url:
        for _ in range(2):
            assert exchanges.post(request_to(url, b"x" * 1_000_000), LONG).status == 200
    assert len(server.connections) == 2


@pytest.mark.parametrize("how", [b"closes:", b"resets:"])
def test_sent_again_once(exchanges: Exchanges, how: bytes) -> None:
    """A destination that ends every connection is asked once more, not for ever."""
    server = Server(OK, how, how, how)
    with raw_listener(server) as url:
        exchanges.post(request_to(url), LONG)
        with pytest.raises(ExchangeError):
            exchanges.post(request_to(url), LONG)
    assert len(server.requests) == 3


@pytest.mark.parametrize("how", [b"closes:", b"resets:", b"closes:HTTP/1.1 "])
def test_new_connection_that_ends(exchanges: Exchanges, how: bytes) -> None:
    """What ends a new connection is told, and the request is not sent a second time."""
    server = Server(how)
    with raw_listener(server) as url:
        with pytest.raises(ExchangeError) as caught:
            exchanges.post(request_to(url), LONG)
        assert not isinstance(caught.value, AbandonedExchange)
        assert len(server.requests) == 1
        assert exchanges.post(request_to(url), LONG).status == 200


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect(exchanges: Exchanges, status: int) -> None:
    """No redirect is followed: the token goes to nobody else."""
    other, server = Server(), Server()
    with raw_listener(other) as elsewhere, raw_listener(server) as url:
        head = f"HTTP/1.1 {status} x\r\nLocation: {elsewhere}\r\nContent-Length: 0\r\n\r\n"
        server._answers.append(head.encode())
        assert exchanges.post(request_to(url, authorization="secret"), LONG).status == status
    assert other.requests == []


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n989680\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n",
    ],
)
def test_huge_answer(exchanges: Exchanges, head: bytes) -> None:
    """Of a huge answer only a beginning is read, and its connection is not used again."""
    server = Server(head + b"x" * 1_000_000)
    with raw_listener(server) as url:
        answer = exchanges.post(request_to(url), LONG)
        assert answer.status == 200
        assert set(answer.body) == {ord("x")}
        assert len(answer.body) <= 65_536
        assert exchanges.post(request_to(url), LONG).body == b"ok"
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
def test_no_http(exchanges: Exchanges, said: bytes) -> None:
    """An answer that is no HTTP is an error that is short, and the next exchange is as any."""
    with raw_listener(Server(b"closes:" + said)) as url:
        with pytest.raises(ExchangeError) as caught:
            exchanges.post(request_to(url), LONG)
        assert exchanges.post(request_to(url), LONG).status == 200
    assert len(str(caught.value)) < 300


def test_token_is_not_told(exchanges: Exchanges) -> None:
    """No error names the token, not even where a server says back what was sent to it."""
    with listener(echo) as port, pytest.raises(ExchangeError) as caught:
        exchanges.post(request_to(f"http://127.0.0.1:{port}/?token=secret", b"user line"), LONG)
    assert "secret" not in str(caught.value)
    assert "user line" not in str(caught.value)


def test_nobody_listens(exchanges: Exchanges) -> None:
    """A refused connection is an error at once."""
    with nobody() as url, pytest.raises(ExchangeError, match="refused"):
        exchanges.post(request_to(url), LONG)


def test_name_that_does_not_exist(exchanges: Exchanges) -> None:
    """A host without an address is an error, and so is a name that cannot be one."""
    for host in ("nowhere.invalid", "a..b.invalid", "x" * 70 + ".invalid"):
        with pytest.raises(ExchangeError):
            exchanges.post(request_to(f"http://{host}/"), 2)


def test_answer_of_before_a_freeze() -> None:
    """An answer that is there when the time is over, as after a freeze, still counts."""
    clock = ShiftedTime()

    def answer_late(connection: socket.socket, _request: bytes) -> bytes | None:
        connection.sendall(OK[:-2])
        connection.sendall(OK[-2:])
        clock.leap(3600)
        return b""

    with contextlib.closing(Exchanges(clock)) as exchanges, raw_listener(answer_late) as url:
        assert exchanges.post(request_to(url), LONG).body == b"ok"
