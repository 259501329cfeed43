"""The client that posts to an extension's listener, and measures how long each reply takes."""

import contextlib
import http.client
import secrets
import socket
import time
from base64 import b64encode
from dataclasses import dataclass

# How long connecting, and a reply, may take.
_ANSWER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class TelemetryPost:
    """One POST to an extension's listener; times in monotonic seconds.

    Attributes:
        number: Number of the batch, from 1; a batch that is sent again keeps it. 0 for bytes that
            a test sends itself.
        records: How many events it contains.
        size: Bytes of the body.
        types: The types of its events, each once, in order.
        begun: When its first byte was sent.
        sent: When its last byte was sent; None where that failed.
        ended: When the reply was read, or the connection failed.
        status: Status of the reply; 0 where there is none.
        failure: The error of the connection.
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
    def acknowledged(self) -> bool:
        """Whether the platform regards the batch as delivered."""
        return 200 <= self.status < 300


class ListenerClient:
    """A connection to a listener on 127.0.0.1 that is kept alive between batches.

    Args:
        port: Where it listens.
    """

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)

    def post(
        self, body: bytes, *, number: int = 0, records: int = 0, types: tuple[str, ...] = ()
    ) -> TelemetryPost:
        """Send a body once; an error is returned in the result, and not raised.

        Args:
            body: Any bytes.
            number: See `TelemetryPost`, as for the other arguments.
            records: The number of events.
            types: Their types.
        """
        begun, sent, status, failure = time.monotonic(), None, 0, ""
        connection = self._connection
        try:
            connection.putrequest("POST", "/", skip_accept_encoding=True)
            for name, value in _headers(len(body)).items():
                connection.putheader(name, value)
            connection.endheaders(body)
            sent = time.monotonic()
            reply = connection.getresponse()
            reply.read()
            status = reply.status
        except (OSError, http.client.HTTPException) as error:
            # The connection is in an unknown state; the next POST opens another.
            connection.close()
            failure = repr(error)
        times = (begun, sent, time.monotonic())
        return TelemetryPost(number, records, len(body), types, *times, status, failure)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def abort(self) -> None:
        """End, from another thread, a POST that waits for its reply."""
        connected = self._connection.sock
        if connected is not None:
            with contextlib.suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)


def _headers(size: int) -> dict[str, str]:
    """Return the headers that the emulator sends."""
    return {
        "User-Agent": "Go-http-client/1.1",
        "Content-Type": "application/json",
        "Sequence-Id": b64encode(secrets.token_bytes(32)).decode(),
        "Accept-Encoding": "gzip",
        "Content-Length": str(size),
    }
