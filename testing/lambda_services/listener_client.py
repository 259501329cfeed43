"""What sends to an extension's listener, and measures how long each answer takes."""

import contextlib
import http.client
import secrets
import socket
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Transfer = Literal["length", "chunked", "expect", "cut"]
"""`Content-Length`; chunks; `Expect: 100-continue`; half the body, then the end of the stream."""

_CHUNK_BYTES = 64 * 1024
_CONTINUE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """One POST to an extension's listener; times in monotonic seconds.

    Attributes:
        number: Which batch, from 1; a batch that is sent again keeps its number.
        records: How many events it held; 0 where a test sent bytes.
        size: Bytes of the body.
        types: The types of its events, each once, in order.
        begun: When its first byte was sent.
        sent: When its last byte was; None where that failed.
        ended: When the answer was there, or the failure.
        status: What was answered; 0 where nothing was.
        failure: What went wrong on the connection.
    """

    number: int
    records: int
    size: int
    types: tuple[str, ...]
    begun: float
    sent: float | None
    ended: float
    status: int
    failure: str = ""

    @property
    def answer_seconds(self) -> float:
        """Give the time from the last byte of the request to the answer."""
        return self.ended - (self.begun if self.sent is None else self.sent)

    @property
    def acknowledged(self) -> bool:
        """Tell whether the platform takes the batch for delivered."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Batch:
    """The body of a delivery, and what is in it; see `Delivery`."""

    number: int
    body: bytes
    records: int = 0
    types: tuple[str, ...] = ()


class ListenerClient:
    """A connection to a listener on 127.0.0.1 that is kept alive between deliveries.

    Args:
        port: Where it listens.
        answer_seconds: How long an answer may take.
    """

    def __init__(self, port: int, answer_seconds: float) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=answer_seconds)

    def deliver(self, batch: Batch) -> Delivery:
        """Send a batch once; a failure is in what it gives, and is not raised."""
        begun, sent, status, failure = time.monotonic(), None, 0, ""
        try:
            self._connection.request("POST", "/", batch.body, _headers())
            sent = time.monotonic()
            answer = self._connection.getresponse()
            answer.read()
            status = answer.status
        except (OSError, http.client.HTTPException) as error:
            # The connection is in an unknown state; the next delivery opens another.
            self._connection.close()
            failure = repr(error)
        return _delivery(batch, begun, sent, status, failure)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def abort(self) -> None:
        """End, from another thread, a delivery that waits for its answer."""
        connected = self._connection.sock
        if connected is not None:
            with contextlib.suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)


def post_once(port: int, batch: Batch, transfer: Transfer, seconds: float) -> Delivery:
    """Send bytes over a connection of their own, in a way that the platform may choose.

    Args:
        port: Where the listener is.
        batch: The body, which may be anything.
        transfer: How it is sent.
        seconds: How long connecting, and the answer, may take.

    Returns:
        As `ListenerClient.deliver`.
    """
    begun, sent, status, failure = time.monotonic(), None, 0, ""
    try:
        with socket.create_connection(("127.0.0.1", port), seconds) as connection:
            connection.sendall(_head(port, batch.body, transfer))
            if transfer == "expect":
                _await_continue(connection)
            for part in _parts(batch.body, transfer):
                connection.sendall(part)
            sent = time.monotonic()
            if transfer == "cut":
                connection.shutdown(socket.SHUT_WR)
                connection.recv(_CHUNK_BYTES)
            else:
                status = _status(connection)
    except (OSError, http.client.HTTPException) as error:
        failure = repr(error)
    return _delivery(batch, begun, sent, status, failure)


def _delivery(
    batch: Batch, begun: float, sent: float | None, status: int, failure: str
) -> Delivery:
    """Note a delivery that has just ended."""
    ended = time.monotonic()
    size = len(batch.body)
    return Delivery(
        batch.number, batch.records, size, batch.types, begun, sent, ended, status, failure
    )


def _headers() -> dict[str, str]:
    """Give the headers that the emulator sends beside host and length."""
    return {
        "User-Agent": "Go-http-client/1.1",
        "Content-Type": "application/json",
        "Sequence-Id": b64encode(secrets.token_bytes(32)).decode(),
        "Accept-Encoding": "gzip",
    }


def _head(port: int, body: bytes, transfer: Transfer) -> bytes:
    """Write request line and headers."""
    headers = {"Host": f"127.0.0.1:{port}", **_headers()}
    if transfer == "chunked":
        headers["Transfer-Encoding"] = "chunked"
    else:
        headers["Content-Length"] = str(len(body))
    if transfer == "expect":
        headers["Expect"] = "100-continue"
    lines = ["POST / HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def _parts(body: bytes, transfer: Transfer) -> Iterator[bytes]:
    """Give the bytes after the head."""
    if transfer == "cut":
        yield body[: len(body) // 2]
    elif transfer == "chunked":
        for start in range(0, len(body), _CHUNK_BYTES):
            part = body[start : start + _CHUNK_BYTES]
            yield b"%x\r\n%b\r\n" % (len(part), part)
        yield b"0\r\n\r\n"
    else:
        yield body


def _await_continue(connection: socket.socket) -> None:
    """Wait a second for 100 Continue; without it the body follows too (RFC 9110, 10.1.1)."""
    patience = connection.gettimeout()
    connection.settimeout(_CONTINUE_SECONDS)
    with contextlib.suppress(TimeoutError):
        while not connection.recv(_CHUNK_BYTES, socket.MSG_PEEK).endswith(b"\r\n\r\n"):
            pass
    connection.settimeout(patience)


def _status(connection: socket.socket) -> int:
    """Read an answer to its end; an interim one before it is passed over."""
    with http.client.HTTPResponse(connection, method="POST") as answer:
        answer.begin()
        answer.read()
        return answer.status
