"""Connections: which are used again, and how listeners are verified."""

import base64
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from handler.client import Client, NoResponseError
from testing.log_destinations.certificates import CertificateAuthority
from testing.misbehaving import raw_listener, tcp_listener
from testing.receiver import Receiver
from tests.support.clocks import SOON

EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"
TOKEN = "Bearer t-o-k-e-n"
HEADERS = {"Authorization": TOKEN}
CREDENTIALS = base64.b64encode(b"us@er:p:ss").decode()
THREADS = 8


@pytest.fixture(autouse=True)
def environ(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Take away proxies and certificates that the machine's environment may name."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


class Counting:
    """Answers each request with the same bytes, and counts connections.

    Args:
        raw: What to answer.
        first: What to answer to the first request of each connection, if not the same.
        closes: Close each connection, without an answer, at this request.
    """

    def __init__(self, raw: bytes = EMPTY, first: bytes | None = None, closes: int = 0) -> None:
        self._raw = raw
        self.first = first
        self._closes = closes
        self.requests: dict[socket.socket, int] = {}

    def __call__(self, connection: socket.socket, _request: bytes) -> bytes | None:
        """Answer one request."""
        self.requests[connection] = self.requests.get(connection, 0) + 1
        if self.requests[connection] == self._closes:
            return None
        is_first = self.first is not None and self.requests[connection] == 1
        return self.first if is_first else self._raw


@contextlib.contextmanager
def counting(server: Counting) -> Iterator[tuple[str, Client]]:
    """Give the URL of a server, and a client that has made no request yet."""
    with raw_listener(server) as url:
        yield url, Client(1)


@pytest.mark.parametrize(
    ("raw", "connections"),
    [
        (EMPTY, 1),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstored", 1),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nout\r\n0\r\n\r\n", 1),
        (b"HTTP/1.1 400 x\r\nContent-Length: 3000\r\n\r\n" + b"x" * 3000, 3),
        (b"HTTP/1.1 400 x\r\nContent-Length: 2\r\nContent-Encoding: gzip\r\n\r\nno", 1),
        (b"HTTP/1.1 400 x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno", 3),
    ],
    ids=["empty", "length", "chunked", "long", "no gzip", "close"],
)
def test_connection_is_used_again(raw: bytes, connections: int) -> None:
    """A response that was read to its end leaves the connection to the next request; no other."""
    server = Counting(raw)
    with counting(server) as (url, client):
        for _ in range(3):
            client.post(url, b"body", HEADERS, 2 * SOON)
    assert len(server.requests) == connections


@pytest.mark.parametrize(
    "first",
    [
        b"HTTP/1.1 400 x\r\nContent-Length: 2\r\n\r\nno" + b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n",
        b"HTTP/1.1 400 x\r\nContent-Length: no\r\n\r\n",
    ],
    ids=["two responses", "103", "length"],
)
def test_rest_of_a_response(first: bytes) -> None:
    """What comes behind a response, or is none, is not the response to the next request."""
    server = Counting(b"HTTP/1.1 500 x\r\nContent-Length: 4\r\n\r\nreal", first=first)
    with counting(server) as (url, client):
        with contextlib.suppress(NoResponseError):
            # What has no length goes on until the time is over.
            assert client.post(url, b"first", HEADERS, 2.0).status == 400
        server.first = None
        assert client.post(url, b"second", HEADERS, SOON).text == "real"


def test_rest_in_a_tls_record(environ: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What TLS has decrypted behind a response is not the response to the next request either."""
    authority = CertificateAuthority(tmp_path)
    environ.setenv("SSL_CERT_FILE", str(authority.file))
    first = b"HTTP/1.1 400 x\r\nContent-Length: 2\r\n\r\nno" + b"\r\n" * 7000
    answers = [first, b"HTTP/1.1 500 x\r\nContent-Length: 4\r\n\r\nreal"]

    def serve(connection: socket.socket) -> None:
        with authority.server().wrap_socket(connection, server_side=True) as secured:
            while answers and (piece := secured.recv(65536)):
                if piece.endswith(b"body"):
                    secured.sendall(answers.pop(0))

    with tcp_listener(serve) as port:
        client, url = Client(1), f"https://127.0.0.1:{port}/"
        assert client.post(url, b"body", {}, SOON).status == 400
        assert client.post(url, b"body", {}, SOON).text == "real"


@pytest.mark.parametrize(("idle", "connections"), [(49, 1), (51, 2), (-1, 2)])
def test_idle_connection(idle: float, connections: int, environ: pytest.MonkeyPatch) -> None:
    """A connection that was idle for 50 s by the wall clock, or an unknown time, is not used."""
    server = Counting()
    with counting(server) as (url, client):
        client.post(url, b"body", HEADERS, SOON)
        now = time.time() + idle
        environ.setattr("handler.connections.time.time", lambda: now)
        client.post(url, b"body", HEADERS, SOON)
    assert len(server.requests) == connections


def test_kept_connections_that_have_died() -> None:
    """Where a kept connection fails, a new one is opened within the attempt, and no other tried."""
    together = threading.Barrier(3)
    alive = threading.Event()
    alive.set()
    requests: list[socket.socket] = []

    def answer(connection: socket.socket, _request: bytes) -> bytes | None:
        requests.append(connection)
        if alive.is_set():
            together.wait(SOON)
        return None if len(requests) == 4 else EMPTY

    with raw_listener(answer) as url:
        client = Client(3)
        with ThreadPoolExecutor(3) as pool:
            for answered in [pool.submit(client.post, url, b"body", {}, SOON) for _ in range(3)]:
                assert answered.result().status == 204
        alive.clear()
        assert client.post(url, b"body", HEADERS, SOON).status == 204
    assert len(requests) == 5
    assert requests[4] not in requests[:4]


def test_kept_connections_that_have_died_without_a_word() -> None:
    """Of four kept connections on which nothing comes back any more only one costs its time."""
    together, over = threading.Barrier(4), threading.Event()
    connections: list[socket.socket] = []

    def answer(connection: socket.socket, _request: bytes) -> bytes | None:
        if len(connections) < 4:
            connections.append(connection)
            together.wait(SOON)
        elif connection in connections:
            over.wait(2 * SOON)
            return None
        return EMPTY

    with raw_listener(answer) as url:
        client = Client(4)
        with ThreadPoolExecutor(4) as pool:
            for answered in [pool.submit(client.post, url, b"body", {}, SOON) for _ in range(4)]:
                assert answered.result().status == 204
        try:
            with pytest.raises(NoResponseError):
                client.post(url, b"body", HEADERS, 0.5)
            assert client.post(url, b"body", HEADERS, SOON).status == 204
        finally:
            over.set()


def test_new_connection_that_fails() -> None:
    """A new connection that fails is not tried again within the attempt."""
    server = Counting(closes=1)
    with counting(server) as (url, client), pytest.raises(NoResponseError):
        client.post(url, b"body", HEADERS, SOON)
    assert len(server.requests) == 1


def test_first_requests_at_once() -> None:
    """Threads that begin at once share their connections: later requests need no new ones."""
    together = threading.Barrier(THREADS)
    connections: set[socket.socket] = set()

    def answer(connection: socket.socket, _request: bytes) -> bytes:
        connections.add(connection)
        # No connection is free before all have their request.
        together.wait(SOON)
        return EMPTY

    with raw_listener(answer) as url:
        client = Client(THREADS)
        with ThreadPoolExecutor(THREADS) as pool:
            for _ in range(3):
                posts = [
                    pool.submit(client.post, url, b"body", {}, 2 * SOON) for _ in range(THREADS)
                ]
                assert {post.result().status for post in posts} == {204}
    assert len(connections) == THREADS


def test_kept_connections_are_bounded() -> None:
    """The listener that was used longest ago loses its connection to a fifth one."""
    server = Counting()
    with contextlib.ExitStack() as stack:
        urls = [stack.enter_context(raw_listener(server)) for _ in range(5)]
        client = Client(1)
        for url in [*urls, *urls[1:], urls[0]]:
            assert client.post(url, b"body", {}, SOON).status == 204
    assert len(server.requests) == 6


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_certificates_that_cannot_be_read(
    variable: str, environ: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without the file with the certificates nothing is sent, until it is there."""
    authority = CertificateAuthority(tmp_path)
    missing = tmp_path / "missing.pem"
    environ.setenv(variable, str(missing))
    client = Client(connections=1)
    with Receiver(tls=authority.server()) as receiver:
        with pytest.raises(NoResponseError, match="there is no file where"):
            client.post(receiver.url, b"body", {}, SOON)
        missing.write_bytes(authority.file.read_bytes())
        client.post(receiver.url, b"body", {}, SOON)
        assert len(receiver.requests) == 1
