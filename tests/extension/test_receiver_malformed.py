"""What is no HTTP, or breaks off: the receiver answers 200 or nothing, and goes on."""

from __future__ import annotations

import socket

import pytest

from tests.support.extension_receiving import Listening


@pytest.fixture
def listening() -> Listening:
    """Give a receiver."""
    return Listening()


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
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n[]\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n[]\r\n0\r\n\r\n",
    ],
)
def test_malformed(
    listening: Listening, capfd: pytest.CaptureFixture[str], request_: bytes
) -> None:
    """What is no HTTP is answered 200 and closed, says nothing, and others are still served."""
    with listening.raw() as connected:
        connected.sendall(request_)
        connected.shutdown(socket.SHUT_WR)
        answer = connected.makefile("rb").read()
    listening.keeps_the_connection()
    assert capfd.readouterr() == ("", "")
    assert listening.written.lines == []
    assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "request_",
    [
        b"",
        b"PO",
        b"POST / HTTP/1.1\r\nContent-Le",
        b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n[1,2",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ],
)
def test_truncated(
    listening: Listening, capfd: pytest.CaptureFixture[str], request_: bytes
) -> None:
    """A request that breaks off is not taken: the platform, not answered, sends it again."""
    with listening.raw() as connected:
        connected.sendall(request_)
    listening.keeps_the_connection()
    assert listening.inbox.take(0) is None
    assert capfd.readouterr() == ("", "")
    assert listening.written.lines == []


def test_reset(listening: Listening, capfd: pytest.CaptureFixture[str]) -> None:
    """A connection that is reset in the middle of a body says nothing and costs no other."""
    with listening.raw() as connected:
        connected.sendall(b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n[1,2")
        # SO_LINGER of 0 s: closing resets.
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    listening.keeps_the_connection()
    assert capfd.readouterr() == ("", "")
