"""The HTTP server for telemetry: it answers 200 to everything, before a body is parsed."""

import contextlib
import socket
import sys
import threading

import pytest

from extension.receiver import LARGEST_BODY_BYTES
from tests.support.extension_parts import LONG
from tests.support.extension_receiving import BODY, Listening, status_line

CHUNKED = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def listening() -> Listening:
    """Return a receiver."""
    return Listening()


def test_uri_and_kept_connection(listening: Listening) -> None:
    """One connection to the address in the URI serves many requests, without bodies."""
    assert listening.uri == f"http://127.0.0.1:{listening.port}"
    listening.check_kept_connection()


@pytest.mark.parametrize("size", [1, 7, 65_536, 65_537, 150_000])
def test_chunked(listening: Listening, size: int) -> None:
    """A body in chunks is joined, and the next request is read correctly."""
    body = bytes(range(256)) * 600
    pieces = [body[place : place + size] for place in range(0, len(body), size)][:3000]
    with contextlib.closing(listening.connection()) as connection:
        for _ in range(2):
            connection.request("POST", "/", iter(pieces), encode_chunked=True)
            assert connection.getresponse().read() == b""
            assert listening.body() == b"".join(pieces)


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("POST", BODY),
        *((it, None) for it in ("GET", "HEAD", "PUT", "post", "X-Y")),
    ],
)
def test_any_method(listening: Listening, method: str, body: bytes | None) -> None:
    """Every method gets a 200; the body of a POST is routed."""
    with contextlib.closing(listening.connection()) as connection:
        connection.request(method, "/any/path?x=y", body)
        assert connection.getresponse().status == 200
    if body:
        assert listening.body() == body
    assert not listening.has_body()


@pytest.mark.parametrize(
    ("request_", "body", "closes"),
    [
        # Chunk extensions and trailers are skipped (RFC 9112, sections 7.1.1 and 7.1.2).
        (
            CHUNKED + b"5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n",
            b"hello0123456789",
            False,
        ),
        (b"POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello", b"hello", True),
    ],
    ids=["chunks", "HTTP/1.0"],
)
def test_forms_of_a_body(
    listening: Listening, request_: bytes, body: bytes, *, closes: bool
) -> None:
    """A body is routed as it was before it was encoded; the connection is closed if that is due."""
    with listening.raw() as connected:
        connected.sendall(request_)
        answer = connected.makefile("rb")
        assert answer.readline().startswith(b"HTTP/1.1 200 ")
        if closes:
            assert answer.read().endswith(b"\r\n\r\n")
    assert listening.body() == body


def test_expect_continue(listening: Listening) -> None:
    """`Expect: 100-continue` is answered before the body is sent."""
    with listening.raw() as connected:
        head = b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
        connected.sendall(head % len(BODY))
        answer = connected.makefile("rb")
        assert answer.readline().startswith(b"HTTP/1.1 100 ")
        assert answer.readline() == b"\r\n"
        connected.sendall(BODY)
        assert answer.readline().startswith(b"HTTP/1.1 200 ")
    assert listening.body() == BODY


@pytest.mark.parametrize("chunked", [False, True])
def test_too_large(listening: Listening, chunked: bool) -> None:
    """A body that is too large is read to its end and dropped; the next one is routed."""
    body = b"x" * (LARGEST_BODY_BYTES + 1)
    with contextlib.closing(listening.connection()) as connection:
        content = iter([body]) if chunked else body
        connection.request("POST", "/", content, encode_chunked=chunked)
        assert connection.getresponse().read() == b""
        connection.request("POST", "/", b"x" * LARGEST_BODY_BYTES)
        assert connection.getresponse().status == 200
    assert listening.router.dropped == ["body_too_large"]
    assert listening.body() == b"x" * LARGEST_BODY_BYTES
    assert not listening.has_body()


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n",
        b"nonsense\r\n\r\n",
        b"POST /\r\n\r\n",
        b"POST / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/one\r\n\r\n",
        b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"POST / HTTP/1.1\r\nA: " + b"b" * 70_000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n[]",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n[]",
        b"POST / HTTP/1.1\r\nContent-Length: \xb2\r\n\r\n[]",
        b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n[]",
        CHUNKED + b"zz\r\n[]\r\n0\r\n\r\n",
        CHUNKED + b"-5\r\n[]\r\n0\r\n\r\n",
    ],
)
def test_malformed(
    listening: Listening, capfd: pytest.CaptureFixture[str], request_: bytes
) -> None:
    """It is answered with 200 and closed, and other connections are still served."""
    with listening.raw() as connected:
        connected.sendall(request_)
        connected.shutdown(socket.SHUT_WR)
        answer = connected.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 200 ")
    check_unharmed(listening, capfd)


@pytest.mark.parametrize(
    "request_",
    [
        b"",
        b"PO",
        b"POST / HTTP/1.1\r\nContent-Le",
        b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n[1,2",
        CHUNKED + b"5\r\nhel",
        CHUNKED + b"5\r\nhello\r\n",
    ],
)
@pytest.mark.parametrize("how", ["closed", "reset"])
def test_truncated(
    listening: Listening, capfd: pytest.CaptureFixture[str], request_: bytes, how: str
) -> None:
    """It is not routed: the platform, without a response, sends it again."""
    with listening.raw() as connected:
        connected.sendall(request_)
        if how == "reset":
            # SO_LINGER of 0 s: closing resets.
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    check_unharmed(listening, capfd)


def check_unharmed(listening: Listening, capfd: pytest.CaptureFixture[str]) -> None:
    """Fail if anything was routed or printed, or if the next requests are not served."""
    listening.check_kept_connection()
    assert not listening.has_body()
    assert capfd.readouterr() == ("", "")
    assert listening.written.lines == []


def test_port_in_use() -> None:
    """If the port is in use another one is taken, which is logged once."""
    first = Listening()
    second = Listening(port=first.port)
    assert second.port not in (0, first.port)
    assert len(second.written.lines) == 1
    assert f"cannot listen on RECEIVER_PORT {first.port}" in second.written.text
    second.check_kept_connection()


@pytest.mark.parametrize("kept", [True, False], ids=["kept connection", "new connection"])
def test_too_many_unparsed(kept: bool) -> None:
    """Bodies are answered before they are parsed, at most two; the next one has to wait."""
    listening = Listening()
    listening.router.may_parse.clear()
    first, other = listening.connection(), listening.connection()
    with contextlib.closing(first), contextlib.closing(other):
        for number in range(2):
            first.request("POST", "/", b"[%d]" % number)
            assert first.getresponse().read() == b""
            # The first body is no longer queued once its parsing has begun.
            assert number or listening.body() == b"[0]"
        assert listening.router.unparsed == 2
        assert not listening.router.wait_until_parsed(0)
        second = first if kept else other
        second.request("POST", "/", b"[2]")
        answered = threading.Event()

        def read_answer() -> None:
            second.getresponse()
            answered.set()

        threading.Thread(target=read_answer).start()
        waited = not answered.wait(0.1)
        listening.router.may_parse.set()
        assert answered.wait(LONG)
        assert [listening.body() for _ in range(2)] == [b"[1]", b"[2]"]
    assert waited
    assert listening.router.wait_until_parsed(LONG)


@pytest.mark.parametrize("address", ["sandbox.localdomain", "sandbox", "localhost", "127.0.0.1"])
def test_no_look_up(address: str) -> None:
    """Neither listening nor serving looks up a host name, which may take seconds."""
    looked_up: list[object] = []
    hook_is_on = [True]

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        name = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
        if hook_is_on[0] and event in (*name, "socket.getnameinfo", "socket.gethostname"):
            looked_up.append((event, arguments))

    sys.addaudithook(hook)
    listening = Listening(address=address)
    with socket.socket() as connected:
        connected.connect(("127.0.0.1", listening.port))
        connected.sendall(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n[]")
        assert status_line(connected).startswith(b"HTTP/1.1 200 ")
    hook_is_on[0] = False
    assert listening.uri.startswith(f"http://{address}:")
    assert looked_up == []
