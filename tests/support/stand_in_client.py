"""A client without a network, for tests of what is sent and what its responses lead to."""

import threading
from collections.abc import Callable, Mapping
from typing import NamedTuple

from handler.client import Client, ListenerResponse, NoResponseError

URL = "https://listener.example.com"


class Posted(NamedTuple):
    """One request of the client: the arguments of `Client.post`."""

    url: str
    content: bytes
    headers: Mapping[str, str]
    timeout: float


class StandInClient(Client):
    """A client whose responses a function makes.

    Args:
        respond: Takes a request and its number, from 0; returns a status and a text, or None if
            there is no response. What it raises, `post` raises.

    Attributes:
        posted: Every request, in order.
    """

    def __init__(self, respond: Callable[[Posted, int], tuple[int, str] | None]) -> None:
        super().__init__(1)
        self._respond = respond
        self._lock = threading.Lock()
        self.posted: list[Posted] = []

    def post(
        self, url: str, content: bytes, headers: Mapping[str, str], timeout: float
    ) -> ListenerResponse:
        """Respond to one request."""
        request = Posted(url, content, headers, timeout)
        with self._lock:
            number = len(self.posted)
            self.posted.append(request)
        response = self._respond(request, number)
        if response is None:
            raise NoResponseError("no answer")
        return ListenerResponse(*response, None)
