"""The protobuf message that a body is sent as: remote write 1.0's, or 2.0's where it is known.

Bodies are those of 1.0. One of 2.0 is made for each request, so that the same body can be sent as
either.
"""

from __future__ import annotations

import threading
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import snappy

from converters.remote_write_2 import request_of_2_0
from handler.listener import MESSAGES
from handler.verdict import Verdict, verdict_on_2_0

if TYPE_CHECKING:
    from collections.abc import Mapping

    from converters.bodies import Body
    from converters.metadata import Families
    from handler.client import ListenerResponse
    from handler.protocol import ListenerProtocol
    from handler.settings import Settings

_HEADERS_OF_2_0 = MappingProxyType(
    {
        "Content-Type": f"application/x-protobuf;proto={MESSAGES[1]}",
        "X-Prometheus-Remote-Write-Version": "2.0.0",
    }
)

# The operator's, and those that streams name with CUSTOM_LISTENER.
_MAX_LISTENERS = 100


class Message(NamedTuple):
    """How bodies are written for a listener.

    Attributes:
        name: One of `MESSAGES`.
        max_bytes: The largest size before compression.
        texts: Whether a request of 2.0 has the help and the unit of each series.
    """

    name: str
    max_bytes: int = 0
    texts: bool = True

    @classmethod
    def of(cls, settings: Settings) -> Message:
        """Return what the settings say about it."""
        return cls(settings.message, settings.max_bytes, settings.send_metadata is not False)

    @property
    def is_2_0(self) -> bool:
        """Whether it is that of remote write 2.0."""
        return self.name == MESSAGES[1]


WRITE_REQUEST = Message(MESSAGES[0])


class KnownListeners:
    """Listeners that have proved to know only remote write 1.0; safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._urls: dict[str, None] = {}

    def __contains__(self, url: str) -> bool:
        """Return whether a listener knows only 1.0."""
        return url in self._urls

    def add(self, url: str) -> None:
        """Remember that a listener knows only 1.0."""
        with self._lock:
            self._urls[url] = None
            if len(self._urls) > _MAX_LISTENERS:
                del self._urls[next(iter(self._urls))]

    def discard(self, url: str) -> None:
        """Forget it: the listener does not accept 1.0 either."""
        with self._lock:
            self._urls.pop(url, None)


class Encoded(NamedTuple):
    """A body as it is sent.

    Attributes:
        content: The compressed message.
        headers: What takes the place of the endpoint's headers, which are those of 1.0.
        is_2_0: Whether it is that of remote write 2.0.
    """

    content: bytes
    headers: Mapping[str, str]
    is_2_0: bool

    def verdict_on(
        self, response: ListenerResponse, samples: int, protocol: ListenerProtocol
    ) -> Verdict:
        """Return what a response to it means.

        Args:
            response: The response.
            samples: How many samples it holds.
            protocol: What it is unless it is remote write 2.0.
        """
        if not self.is_2_0:
            return protocol.verdict_on(response)
        return verdict_on_2_0(response.status, response.text, response.written, samples)


class Messages:
    """Writes the bodies of one delivery as its listener wants them.

    Args:
        message: The message to send, while the listener does not prove to know only 1.0.
        url: The listener.
        families: The metadata of the delivery's series, by their names.
        only_1_0: The listeners that know only 1.0.
    """

    def __init__(
        self, message: Message, url: str, families: Families, only_1_0: KnownListeners
    ) -> None:
        self._message = message
        self._url = url
        self._families = families
        self._only_1_0 = only_1_0
        self._lock = threading.Lock()

    def encode(self, body: Body) -> Encoded:
        """Return a body as it is to be sent now."""
        if not self._message.is_2_0 or self._url in self._only_1_0:
            return Encoded(body.content, {}, is_2_0=False)
        # One at a time: a body takes several times its size meanwhile.
        with self._lock:
            request = snappy.uncompress(body.content)
            made = request_of_2_0(
                request, self._families, self._message.max_bytes, texts=self._message.texts
            )
            return Encoded(snappy.compress(made), _HEADERS_OF_2_0, is_2_0=True)

    def note(self, verdict: Verdict) -> None:
        """Remember what a verdict says about the versions that the listener knows."""
        if verdict is Verdict.UNKNOWN_MESSAGE:
            self._only_1_0.add(self._url)
        elif verdict is Verdict.MISDIRECTED:
            self._only_1_0.discard(self._url)
