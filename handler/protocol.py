"""What is said to a listener and what it means: remote write 1.0, or what takes its place."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from converters import split
from handler.verdict import refused_by_reason, verdict_on

if TYPE_CHECKING:
    from collections.abc import Mapping

    from converters.split import Bodies
    from handler.client import ListenerResponse
    from handler.verdict import Reason, Verdict


class ListenerProtocol(Protocol):
    """What differs between the protocols in which bodies are sent."""

    @property
    def bodies(self) -> Bodies:
        """What cuts bodies apart, and describes what is in them."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of every request."""

    def read(self, response: ListenerResponse) -> ListenerResponse:
        """Return a response with its words as text."""

    def verdict_on(self, response: ListenerResponse) -> Verdict:
        """Return what a response means, that `read` has returned."""

    def refused(self, response: ListenerResponse, samples: int) -> Mapping[Reason, int] | None:
        """Return how many samples a listener has refused that stored the others; None if unknown.

        Args:
            response: Its verdict is `SETTLED`.
            samples: How many samples the listener got.
        """


class RemoteWrite:
    """Remote write 1.0: a WriteRequest in snappy's block format."""

    bodies: Bodies = split
    headers: Mapping[str, str] = MappingProxyType(
        {
            "Content-Type": "application/x-protobuf",
            "Content-Encoding": "snappy",
            "X-Prometheus-Remote-Write-Version": "0.1.0",
        }
    )

    def read(self, response: ListenerResponse) -> ListenerResponse:
        """Return a response as it is."""
        return response

    def verdict_on(self, response: ListenerResponse) -> Verdict:
        """Return what a response means, by its status and its words."""
        return verdict_on(response.status, response.text)

    def refused(self, response: ListenerResponse, samples: int) -> Mapping[Reason, int] | None:
        """Return how many samples a listener has refused, as far as its words say so."""
        return refused_by_reason(response.text, samples)
