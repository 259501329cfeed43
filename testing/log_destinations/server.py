"""The sockets of a log destination: reads requests, writes answers, and breaks off as told."""

import contextlib
import http
import io
import select
import socket
import ssl
import struct
import threading
from collections.abc import Iterator, Mapping
from email.message import Message
from http.client import parse_headers
from types import MappingProxyType
from typing import Any, BinaryIO, Protocol
from urllib.parse import parse_qsl, urlsplit

from testing.answers import accept
from testing.connection import Server
from testing.ledger import Ledger
from testing.log_destinations.arrival import Arrival, Head, Reply
from testing.log_destinations.treatment import Manner, Treatment

# l_onoff, l_linger: with these, close() sends RST and forgets what is unsent.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_READ_BYTES = 65536
_FILLERS = 4
_DRIPPING_BODY_BYTES = 1 << 40


class Keeper(Protocol):
    """Who decides about requests and keeps them; called from one thread for each connection."""

    def connected(self) -> int:
        """Count a connection; give its number."""

    def begin(self, connection: int, head: Head) -> tuple[Arrival, Treatment]:
        """Keep a request whose head is in; say how it is treated."""

    def read(self, arrival: Arrival, body: bytes, treatment: Treatment) -> tuple[Arrival, Reply]:
        """Keep what is in a body; say what is answered."""

    def answered(self, arrival: Arrival, status: int) -> None:
        """Keep that a whole answer is about to be written."""


class DestinationServer(Server):
    """An HTTP server on a free port of 127.0.0.1 that listens until `close`.

    Args:
        keeper: Decides about the requests and keeps them.
        tls: Speak HTTPS with this server-side context; None: HTTP.
    """

    def __init__(self, keeper: Keeper, tls: ssl.SSLContext | None) -> None:
        self._keeper = keeper
        self._waiting: set[socket.socket] = set()
        self._waiting_changed = threading.Condition()
        self._accepts = threading.Event()
        self._accepts.set()
        self._fillers: dict[Any, socket.socket] = {}
        # Of the ledger only the list of failures is used.
        super().__init__(Ledger(accept, None, None), tls)

    @property
    def is_black_hole(self) -> bool:
        """Whether connections are not even accepted."""
        return not self._accepts.is_set()

    def open_black_hole(self) -> None:
        """Answer no SYN any more."""
        self._accepts.clear()
        # The queue gets its new length at once; once it is full, the kernel drops each SYN.
        self.socket.listen(0)
        for _ in range(_FILLERS):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(self.server_address)
            self._fillers[filler.getsockname()] = filler

    def close_black_hole(self) -> None:
        """Accept connections again, those that have gone on trying too."""
        if not self.is_black_hole:
            return
        for filler in self._fillers.values():
            filler.close()
        # Their addresses are kept: they are accepted only now.
        self.socket.listen(self.request_queue_size)
        self._accepts.set()

    def close_idle(self, timeout_seconds: float) -> int:
        """Close every connection on which no request is under way; give how many.

        Args:
            timeout_seconds: How long to wait for the first one.
        """
        with self._waiting_changed:
            self._waiting_changed.wait_for(lambda: self._waiting, timeout_seconds)
            for connection in self._waiting:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)
            return len(self._waiting)

    def close(self) -> None:
        """Stop listening and end every connection and thread; a second call does nothing."""
        self.close_black_hole()
        super().close()

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection, where connections are accepted."""
        self._accepts.wait()
        return super().get_request()

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Take no connection of our own that has filled the queue."""
        return client_address not in self._fillers and super().verify_request(
            request, client_address
        )

    def finish_request(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Make the TLS handshake, where there is one, and serve a connection to its end."""
        number = self._keeper.connected()
        if isinstance(request, ssl.SSLSocket):
            request.do_handshake()
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _Conversation(request, number, self._keeper, self).hold()

    @contextlib.contextmanager
    def waiting(self, connection: socket.socket) -> Iterator[None]:
        """Let `close_idle` know a connection for the time of the block."""
        with self._waiting_changed:
            self._waiting.add(connection)
            self._waiting_changed.notify_all()
        try:
            yield
        finally:
            with self._waiting_changed:
                self._waiting.discard(connection)


class _Conversation:
    """The exchanges over one connection."""

    def __init__(
        self, connection: socket.socket, number: int, keeper: Keeper, server: DestinationServer
    ) -> None:
        self._connection = connection
        self._number = number
        self._keeper = keeper
        self._server = server
        self._resets = False

    def hold(self) -> None:
        """Take requests until either side ends the connection."""
        with self._connection.makefile("rb") as reader:
            while self._exchange(reader):
                pass
        if self._resets:
            # The socket stays open for as long as the file made of it, which is closed by now.
            self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self._connection.close()

    def _exchange(self, reader: BinaryIO) -> bool:
        """Take one request; say whether the connection goes on."""
        with self._server.waiting(self._connection):
            head = _read_head(reader)
        if head is None:
            return False
        arrival, treatment = self._keeper.begin(self._number, head)
        if treatment.manner is Manner.STALL_UNREAD or self._server.is_black_hole:
            self._stall()
            return False
        length = int(head.headers.get("content-length", "0"))
        body = reader.read(length)
        if len(body) < length:
            return False
        arrival, reply = self._keeper.read(arrival, body, treatment)
        if self._server.closing.wait(treatment.delay_seconds):
            return False
        if treatment.manner is Manner.ANSWER:
            closes = head.headers.get("connection", "").lower() == "close"
            # Kept before the first byte goes out: who has read the answer finds it kept.
            self._keeper.answered(arrival, reply.status)
            self._connection.sendall(_head_of(reply, closes=closes) + reply.body)
            return not closes
        self._break_off(treatment)
        return False

    def _break_off(self, treatment: Treatment) -> None:
        """End an exchange without a whole answer."""
        if treatment.manner is Manner.STALL:
            self._stall()
        elif treatment.manner is Manner.RESET:
            self._resets = True
        elif treatment.manner is Manner.DRIP_HEAD:
            self._drip(b"HTTP/1.1 200 OK\r\nX-Endless: ", treatment.drip_seconds)
        elif treatment.manner is Manner.DRIP_BODY:
            size = f"HTTP/1.1 200 OK\r\nContent-Length: {_DRIPPING_BODY_BYTES}\r\n\r\n"
            self._connection.sendall(size.encode())
            self._drip(b"", treatment.drip_seconds)

    def _stall(self) -> None:
        """Wait until the sender or the server ends the connection; read nothing meanwhile."""
        ended = select.poll()
        ended.register(self._connection, select.POLLRDHUP)
        ended.poll()

    def _drip(self, beginning: bytes, gap_seconds: float) -> None:
        """Write byte by byte until the sender or the server ends the connection."""
        position = 0
        while not self._server.closing.wait(gap_seconds):
            self._connection.sendall(beginning[position : position + 1] or b"x")
            position += 1


def _read_head(reader: BinaryIO) -> Head | None:
    """Read the head of the next request; None where the connection ends instead."""
    lines = []
    while (line := reader.readline(_READ_BYTES)) not in (b"\r\n", b"\n"):
        if not line.endswith(b"\n"):
            return None
        lines.append(line)
    method, target, _ = lines[0].decode("latin-1").split(" ", 2)
    address = urlsplit(target)
    return Head(
        raw=b"".join([*lines, b"\r\n"]),
        method=method,
        path=address.path,
        query=MappingProxyType(dict(parse_qsl(address.query, keep_blank_values=True))),
        headers=_joined(parse_headers(io.BytesIO(b"".join([*lines[1:], b"\r\n"])))),
    )


def _joined(message: Message) -> Mapping[str, str]:
    """Give the headers in lower case, repeated ones joined."""
    headers: dict[str, str] = {}
    for name, value in message.items():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return MappingProxyType(headers)


def _head_of(reply: Reply, *, closes: bool) -> bytes:
    """Write status line and headers of an answer."""
    try:
        reason = http.HTTPStatus(reply.status).phrase
    except ValueError:
        reason = ""
    headers = dict(reply.headers)
    if reply.status not in (204, 304):
        headers["Content-Length"] = str(len(reply.body))
    if closes:
        headers["Connection"] = "close"
    lines = [f"HTTP/1.1 {reply.status} {reason}", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
