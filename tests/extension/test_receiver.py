"""The HTTP server for telemetry: it answers 200 whatever comes, and holds nothing up."""

from __future__ import annotations

import contextlib
import http.client
import socket
import sys
import threading
from urllib.parse import urlsplit

import pytest

from extension.receiver import Inbox, Receiver
from tests.support.extension_parts import LONG, Written
from tests.support.extension_receiving import BODY, LARGEST, Listening, status_line


@pytest.fixture
def listening() -> Listening:
    """Give a receiver."""
    return Listening()


def test_uri(listening: Listening) -> None:
    """The URI to subscribe with names the address and the port."""
    assert listening.uri == f"http://127.0.0.1:{listening.port}"


def test_keeps_the_connection(listening: Listening) -> None:
    """Many POSTs come over one connection, each answered with 200 and without a body."""
    listening.keeps_the_connection()


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "PROPFIND", "post", "X-Y"])
def test_any_method(listening: Listening, method: str) -> None:
    """A body is taken whatever the method."""
    connection = listening.connection()
    with contextlib.closing(connection):
        connection.request(method, "/any/path?x=y", BODY)
        assert connection.getresponse().status == 200
    assert listening.body() == BODY


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE"])
def test_no_body(listening: Listening, method: str) -> None:
    """A request without a body is answered, and there is nothing to read."""
    connection = listening.connection()
    with contextlib.closing(connection):
        connection.request(method, "/")
        assert connection.getresponse().status == 200
    assert listening.inbox.take(0.01) is None


@pytest.mark.parametrize("size", [1, 7, 65_536, 65_537, 150_000])
def test_chunked(listening: Listening, size: int) -> None:
    """A body in chunks is put together, and the next request is read as one."""
    body = bytes(range(256)) * 600
    connection = listening.connection()
    pieces = [body[place : place + size] for place in range(0, len(body), size)][:3000]
    with contextlib.closing(connection):
        for _ in range(2):
            connection.request("POST", "/", iter(pieces), encode_chunked=True)
            assert connection.getresponse().read() == b""
            assert listening.body() == b"".join(pieces)


def test_chunk_extensions_and_trailers(listening: Listening) -> None:
    """Extensions of chunks and trailers are read over (RFC 9112, sections 7.1.1 and 7.1.2)."""
    with listening.raw() as connected:
        connected.sendall(
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n"
        )
        assert status_line(connected).startswith(b"HTTP/1.1 200 ")
    assert listening.body() == b"hello0123456789"


def test_expect_continue(listening: Listening) -> None:
    """Who asks before it sends the body is told to go on, and then answered."""
    with listening.raw() as connected:
        head = b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
        connected.sendall(head % len(BODY))
        answer = connected.makefile("rb")
        assert answer.readline().startswith(b"HTTP/1.1 100 ")
        assert answer.readline() == b"\r\n"
        connected.sendall(BODY)
        assert answer.readline().startswith(b"HTTP/1.1 200 ")
    assert listening.body() == BODY


def test_http_1_0(listening: Listening) -> None:
    """HTTP/1.0 is served, and its connection closed."""
    with listening.raw() as connected:
        connected.sendall(b"POST / HTTP/1.0\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY))
        answer = connected.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert listening.body() == BODY


@pytest.mark.parametrize("chunked", [False, True])
def test_too_large(listening: Listening, chunked: bool) -> None:
    """A body that is too large is read to its end, left out and told of; the next is taken."""
    body = b"x" * (LARGEST + 1)
    connection = listening.connection()
    with contextlib.closing(connection):
        connection.request("POST", "/", iter([body]) if chunked else body, encode_chunked=chunked)
        assert connection.getresponse().read() == b""
        connection.request("POST", "/", b"x" * LARGEST)
        assert connection.getresponse().status == 200
    assert listening.drop_body == [LARGEST + 1]
    assert listening.body() == b"x" * LARGEST
    assert listening.inbox.take(0) is None


def test_port_in_use() -> None:
    """A port in use is replaced by another one; that is said once, and served."""
    first, written = Listening(), Written()
    inbox = Inbox(1000)
    receiver = Receiver(inbox, LARGEST, print, written.log)
    uri = receiver.listen("127.0.0.1", first.port)
    port = urlsplit(uri).port or 0
    assert port not in (0, first.port)
    assert len(written.lines) == 1
    assert f"cannot listen on RECEIVER_PORT {first.port}" in written.text
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=LONG)) as again:
        again.request("POST", "/", BODY)
        assert again.getresponse().status == 200
    assert inbox.take(LONG) == BODY


def test_answers_before_anybody_reads() -> None:
    """A body is answered while nobody takes it, also where it fills the inbox."""
    listening = Listening(room=10)
    with contextlib.closing(listening.connection()) as connection:
        connection.request("POST", "/", BODY)
        assert connection.getresponse().read() == b""


@pytest.mark.parametrize("kept", [True, False], ids=["kept connection", "new connection"])
def test_next_request_waits_for_room(kept: bool) -> None:
    """Where the inbox is full the next body stays on the wire until there is room."""
    listening = Listening(room=10)
    first, other = listening.connection(), listening.connection()
    with contextlib.closing(first), contextlib.closing(other):
        first.request("POST", "/", BODY)
        assert first.getresponse().read() == b""
        second = first if kept else other
        second.request("POST", "/", b"[2]")
        answered = threading.Event()

        def read_answer() -> None:
            second.getresponse()
            answered.set()

        threading.Thread(target=read_answer).start()
        waited = not answered.wait(0.1)
        assert listening.body() == BODY
        listening.inbox.done()
        assert answered.wait(LONG)
        assert listening.body() == b"[2]"
    assert waited


@pytest.mark.parametrize("address", ["sandbox.localdomain", "sandbox", "localhost", "127.0.0.1"])
def test_looks_up_no_name(address: str) -> None:
    """Neither listening nor serving looks up a host name: that may take seconds."""
    looked_up: list[object] = []
    hook_is_on = [True]

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        name = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
        if hook_is_on[0] and event in (*name, "socket.getnameinfo", "socket.gethostname"):
            looked_up.append((event, arguments))

    sys.addaudithook(hook)
    written = Written()
    inbox = Inbox(1000)
    uri = Receiver(inbox, LARGEST, print, written.log).listen(address, 0)
    with socket.socket() as connected:
        connected.connect(("127.0.0.1", urlsplit(uri).port or 0))
        connected.sendall(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n[]")
        assert status_line(connected).startswith(b"HTTP/1.1 200 ")
    hook_is_on[0] = False
    assert uri.startswith(f"http://{address}:")
    assert looked_up == []
