"""Where the bodies of a delivery go: URL, headers, credential and protocol."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from handler import __version__
from handler.auth import Auth, StoredHeaders
from handler.messages import WRITE_REQUEST, Message
from handler.otlp import Otlp
from handler.protocol import ListenerProtocol, RemoteWrite

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handler.secrets import Secret
    from handler.settings import Settings


@dataclass(frozen=True)
class Endpoint:
    """Where a delivery's bodies go.

    Attributes:
        url: The remote-write URL.
        headers: The headers of every request; they may hold secrets.
        auth: Adds the headers that authenticate each request.
        protocol: What the bodies are, and what the responses mean.
        message: Whether bodies of remote write 1.0 are sent as 2.0.
    """

    url: str
    headers: Mapping[str, str] = field(repr=False)
    auth: Auth = field(repr=False)
    protocol: ListenerProtocol = field(default=RemoteWrite(), repr=False)
    message: Message = WRITE_REQUEST

    @property
    def scope(self) -> bytes:
        """A digest of the URL, the headers and the credential."""
        named = [self.url, sorted(self.headers.items()), self.auth.credential]
        return hashlib.sha256(json.dumps(named).encode()).digest()


def endpoint_at(
    url: str, settings: Settings, token: Secret | None, stored_headers: Secret | None
) -> Endpoint:
    """Return the endpoint at a URL, with the headers that its protocol demands.

    Args:
        url: The remote-write URL.
        settings: The operator's settings: the authentication scheme, and further headers.
        token: What to authenticate with; None where the scheme needs nothing.
        stored_headers: The secret of REMOTE_WRITE_HEADERS_ARN; None without one.

    Raises:
        SecretError: The secret is needed and cannot be read.
    """
    # A host that a delivery names must not get what the operator means for another.
    own = urlsplit(url).hostname == urlsplit(settings.listener).hostname
    protocol: ListenerProtocol = RemoteWrite()
    if settings.otlp_endpoint:
        protocol = Otlp(gzip=settings.otlp_compression == "gzip")
    headers = {
        **(settings.headers if own else {}),
        **protocol.headers,
        "User-Agent": f"metric-stream-lambda/{__version__}",
    }
    auth = settings.scheme.at(url, settings, token)
    if stored_headers is not None and own:
        # Fetched before anything is sent.
        stored_headers.versions()
        auth = StoredHeaders(stored_headers, auth)
    return Endpoint(url, headers, auth, protocol, Message.of(settings))
