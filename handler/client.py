"""One HTTP request to a listener, bounded as a whole.

`requests` makes it, in a thread of its own, since nothing can interrupt a name look-up. When the
time is over the caller goes on, and the thread ends with the step that it is at.

The one error::

    NoResponseError    there was no whole response in time; its text holds no secret
"""

import logging
import os
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from http.client import HTTPException
from typing import Any, NamedTuple

import requests
from requests.exceptions import InvalidProxyURL, InvalidSchema, InvalidURL, ProxyError
from urllib3.exceptions import DecodeError, HTTPError, LocationValueError

from handler.connections import (
    REDIRECT_HEADER,
    Adapter,
    KeptConnectionError,
    ResponseHeadError,
)
from handler.redaction import CUT_OFF, cut

# The text of a response matters as far as an operator reads it.
_MAX_TEXT = 2048
_MAX_LOCATION = 500
# A message that is cut off cannot be decoded, so of these more is read.
_MAX_PROTOBUF = 65_536

# The operator's, and some that streams name with CUSTOM_LISTENER.
_MAX_LISTENERS = 4

_TO_CLOSE_SECONDS = 0.1

_FAILURES = (OSError, HTTPException, HTTPError, UnicodeError)

_UNKNOWN_HOST = "the URL's host name is not known"
_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (ConnectionRefusedError, "the connection is refused: nothing listens at the host and port"),
    (InvalidSchema, "a SOCKS proxy cannot be used: name one with an http:// or https:// URL"),
    (InvalidProxyURL, "the proxy's URL is malformed"),
    (socket.gaierror, _UNKNOWN_HOST),
    (InvalidURL, _UNKNOWN_HOST),
    (LocationValueError, _UNKNOWN_HOST),
)

# Its lines repeat URLs, whose queries may hold a secret, and heads of responses.
logging.getLogger("urllib3").setLevel(logging.CRITICAL + 1)


class ListenerResponse(NamedTuple):
    """What the listener answered.

    Attributes:
        status: The HTTP status.
        text: The beginning of the body.
        retry_after: The header Retry-After; None where there is none.
        location: Where it redirects to; empty if it does not.
        content: The body, if it is said to be protobuf.
        refused: How many data points it has refused beside those that it has stored, where the
            protocol says that; None if that cannot be read.
        warning: What it says, where it has stored everything and the protocol calls that a warning.
        written: How many samples and histograms it says that it has written, in the headers of
            remote write 2.0; None if it has none of them.
    """

    status: int
    text: str
    retry_after: str | None
    location: str = ""
    content: bytes = b""
    refused: int | None = 0
    warning: str = ""
    written: int | None = None

    @property
    def summary(self) -> str:
        """The status and the text, for a log line."""
        redirect = f"(it redirects to {self.location})" if self.location else ""
        return " ".join(filter(None, (str(self.status), self.text.strip(), redirect)))


class NoResponseError(Exception):
    """There was no whole response in time; the text says why.

    It has no cause: that one's text may repeat the URL and what the listener answered.
    """


class Client:
    """Sends bodies over kept-alive connections, through the proxies that the environment names.

    Args:
        connections: How many connections to keep to one listener.
    """

    def __init__(self, connections: int) -> None:
        self._session = requests.Session()
        self._session.headers.clear()
        # With an authentication of our own, `requests` adds none from a .netrc file.
        self._session.auth = lambda request: request
        adapter = Adapter(_MAX_LISTENERS, connections)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, adapter)

    def post(
        self, url: str, content: bytes, headers: Mapping[str, str], timeout: float
    ) -> ListenerResponse:
        """Send one body, and return the response.

        Args:
            url: The remote-write URL. A redirect is a response, never followed.
            content: The body.
            headers: All headers of the request.
            timeout: Seconds for the whole exchange.

        Raises:
            NoResponseError: There was no whole response within the time. A 4xx
                counts without all of its body: it must not be retried.
        """
        exchange = _Exchange(self._session, time.monotonic() + timeout)
        future: Future[ListenerResponse] = Future()

        def run() -> None:
            try:
                future.set_result(exchange.post(url, data=content, headers=headers))
            except Exception as error:  # noqa: BLE001 - raised where the future is waited for
                future.set_exception(error)

        threading.Thread(target=run, name="listener-request", daemon=True).start()
        try:
            # A kept connection on which nothing came back has to be closed before the next attempt:
            # then that one takes its place, and no other that may be dead too.
            return future.result(max(0.0, timeout) + _TO_CLOSE_SECONDS)
        except _FAILURES as error:
            if exchange.refusal is not None:
                return exchange.refusal
            reason = _describe(error, timeout)
        raise NoResponseError(reason)


class _Exchange:
    """One request and its response.

    Args:
        session: What makes the request.
        end: When the time is over, in monotonic seconds.

    Attributes:
        refusal: A 4xx whose head is there; its body may be missing.
    """

    def __init__(self, session: requests.Session, end: float) -> None:
        self._session = session
        self._end = end
        self.refusal: ListenerResponse | None = None

    def post(self, url: str, **content: Any) -> ListenerResponse:
        """Make the request; once more where a kept connection turns out to be dead."""
        try:
            return self._post(url, **content)
        except requests.ConnectionError as error:
            if not _has(error, KeptConnectionError):
                raise
        # urllib3 opens a new connection now: the place of the dead one is taken first.
        return self._post(url, **content)

    def _post(self, url: str, **content: Any) -> ListenerResponse:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        trusted = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE") or True
        with self._session.post(
            url,
            **content,
            # A host may have several addresses: the first one must not take all the time.
            timeout=(left / 2, left),
            verify=trusted,
            stream=True,
            allow_redirects=False,
        ) as response:
            redirect = response.headers.get(REDIRECT_HEADER, "")
            found = ListenerResponse(
                response.status_code,
                "",
                response.headers.get("Retry-After"),
                cut(redirect, _MAX_LOCATION) if 300 <= response.status_code < 400 else "",
                written=_written(response.headers),
            )
            if 400 <= found.status < 500:
                self.refusal = found
            try:
                protobuf = "protobuf" in response.headers.get("Content-Type", "").lower()
                most = _MAX_PROTOBUF if protobuf else _MAX_TEXT + 1
                body: bytes = response.raw.read(most, decode_content=True)
                # What is left unread costs the connection. Some servers give the words of an error
                # the type of the request.
                words = _text_of(body)
                return found._replace(text=words, content=body if protobuf else b"")
            except DecodeError:
                # The status stands, whatever the text is.
                return found._replace(refused=None)


def _written(headers: Mapping[str, str]) -> int | None:
    """Return how many samples and histograms a listener of remote write 2.0 has written.

    "any missing X-Prometheus-Remote-Write-*-Written response header means no element from this
    category" - remote write 2.0, "Required Written Response Headers". None of them means that the
    listener has not even read the request as one of 2.0.
    """
    found = {
        kind: headers[name]
        for kind in ("Samples", "Histograms", "Exemplars")
        if (name := f"X-Prometheus-Remote-Write-{kind}-Written") in headers
    }
    if not found or not all(re.fullmatch("[0-9]{1,19}", text) for text in found.values()):
        return None
    return sum(int(text) for kind, text in found.items() if kind != "Exemplars")


def _text_of(content: bytes) -> str:
    """Return the beginning of a response's body as text."""
    if len(content) <= _MAX_TEXT:
        return content.decode("utf-8", "replace")
    # Half of a character at the cut is left out.
    return content[:_MAX_TEXT].decode("utf-8", "ignore") + CUT_OFF


def _describe(error: BaseException, seconds: float) -> str:
    """Return why an exchange has failed; the texts of most errors may hold a secret."""
    if _has(error, TimeoutError, requests.Timeout):
        return f"no answer within {seconds:.1f} s"
    for cause in _causes(error):
        if isinstance(cause, ResponseHeadError):
            return str(cause)
        refused = re.search(r"Tunnel connection failed: (\d{3})", str(cause))
        if refused:
            return f"the proxy does not connect: it answered {refused[1]}"
        if "TLS CA certificate bundle" in str(cause):
            return "there is no file where SSL_CERT_FILE or REQUESTS_CA_BUNDLE points to"
    first = [cause for cause in _causes(error) if isinstance(cause, _FAILURES)][-1]
    reason = next((text for kind, text in _REASONS if _has(error, kind)), type(first).__name__)
    return f"the proxy: {reason}" if _has(error, ProxyError) else reason


def _has(error: BaseException, *kinds: type[BaseException]) -> bool:
    return any(isinstance(cause, kinds) for cause in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error, its cause, and so on down to what happened first."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
