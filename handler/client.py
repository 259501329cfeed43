"""One HTTP request to a listener, bounded as a whole."""

from __future__ import annotations

import codecs
import zlib
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlsplit

from handler.attempt import Attempt
from handler.connections import Connections
from handler.redaction import CUT_OFF
from handler.route import route_to

if TYPE_CHECKING:
    from collections.abc import Mapping
    from urllib.parse import SplitResult

    from handler.connections import Connection

# An answer's words matter as far as an operator reads them.
_MAX_WORDS = 2048

# A host whose name is none is a UnicodeError.
_FAILURES = (HTTPException, OSError, UnicodeError)

# What stands in a request line as it is.
_ASCII = bytes(range(0x21, 0x7F))

_COMPRESSED = frozenset({"gzip", "x-gzip", "deflate"})


class ListenerResponse(NamedTuple):
    """What the listener answered.

    Attributes:
        status: The HTTP status.
        text: The beginning of the body.
        retry_after: The header Retry-After; None where there is none.
    """

    status: int
    text: str
    retry_after: str | None

    @property
    def summary(self) -> str:
        """The status and the text, for a log line."""
        return f"{self.status} {self.text.strip()}"


class NoResponseError(Exception):
    """
    The listener has not answered; the text says how it failed.

    It has no cause: that one's text may repeat the URL and what the listener said.
    """


class Client:
    """
    Sends bodies over kept-alive connections.

    Args:
        connections: How many connections to keep.
    """

    def __init__(self, connections: int) -> None:
        self._connections = Connections(connections)

    def post(
        self, url: str, content: bytes, headers: Mapping[str, str], timeout: float
    ) -> ListenerResponse:
        """
        Send one body, and return the answer.

        Args:
            url: The remote-write URL. A redirect is an answer, never followed.
            content: The body.
            headers: All headers of the request.
            timeout: Seconds for the whole exchange.

        Raises:
            NoResponseError: There was no whole answer within the time. A 4xx
                counts without all of its words: it must not be retried.
        """
        attempt = Attempt(timeout)
        try:
            parts = urlsplit(url)
            # The attempt ends first: the connection may be another one's right after.
            with self._connections.one(route_to(parts)) as connection, attempt:
                connection.serve(attempt)
                return _exchange(connection, parts, content, headers, attempt)
        except _FAILURES as error:
            raise NoResponseError(attempt.describe(error)) from None


def _exchange(
    connection: Connection,
    parts: SplitResult,
    content: bytes,
    headers: Mapping[str, str],
    attempt: Attempt,
) -> ListenerResponse:
    """Send the request, and read as much of the answer as matters."""
    with _request(connection, parts, content, headers) as response:
        final = 400 <= response.status < 500
        try:
            words = _read_words(response)
        except _FAILURES:
            # What the listener has refused for good it would refuse again.
            if not final:
                raise
            words = ""
        # A connection that was cut looks like one that has come to its end.
        if attempt.cut_off and not final:
            raise TimeoutError
        connection.reusable = response.isclosed()
        return ListenerResponse(response.status, words, response.headers.get("Retry-After"))


def _request(
    connection: Connection, parts: SplitResult, content: bytes, headers: Mapping[str, str]
) -> HTTPResponse:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if connection.forwarded:
        target = f"{parts.scheme}://{parts.netloc}{target}"
    try:
        connection.request(
            "POST",
            quote(target, safe=_ASCII),
            body=content,
            headers={**headers, **connection.proxy_headers()},
        )
    except (BrokenPipeError, ConnectionResetError):
        # A listener may answer, and close, before it has read the whole body.
        if connection.sock is None:
            raise
    return connection.getresponse()


def _read_words(response: HTTPResponse) -> str:
    """
    Return the beginning of an answer's body; nothing where it is not compressed as it says.

    Raises:
        HTTPException: The answer is broken, or not whole.
    """
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    try:
        words = _inflated(response) if encoding in _COMPRESSED else _read(response, 1 + _MAX_WORDS)
    except zlib.error:
        return ""
    more = len(words) > _MAX_WORDS
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    return decoder.decode(words[:_MAX_WORDS], final=not more) + (CUT_OFF if more else "")


def _read(response: HTTPResponse, size: int) -> bytes:
    """Return the next bytes of a body; fewer than asked for at its end alone."""
    if response.length is None and not response.chunked and "Content-Length" in response.headers:
        raise HTTPException("Content-Length is no number")
    content = response.read(size)
    # The standard library finds out only where a body is read as a whole.
    if len(content) < size and response.length:
        raise IncompleteRead(content, response.length)
    return content


def _inflated(response: HTTPResponse) -> bytes:
    """Return the beginning of a compressed body, and one byte more where it goes on."""
    # 15 is the largest window; 32 lets zlib see whether it is gzip or deflate.
    inflater = zlib.decompressobj(wbits=15 + 32)
    words = b""
    while len(words) <= _MAX_WORDS and not inflater.eof:
        piece = inflater.unconsumed_tail or _read(response, _MAX_WORDS)
        if not piece:
            raise zlib.error("the body ends too early")
        words += inflater.decompress(piece, 1 + _MAX_WORDS - len(words))
    # An answer read to its end gives its connection back.
    _read(response, 1)
    return words
