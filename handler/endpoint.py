"""Where bodies are sent, with the headers that remote write 1.0 demands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler import __version__
from handler.access import authorization_header
from handler.sender import Endpoint

if TYPE_CHECKING:
    from handler.secrets import Secret
    from handler.settings import Settings


def endpoint_at(url: str, settings: Settings, token: Secret | None) -> Endpoint:
    """
    Return the endpoint at a URL.

    Args:
        url: The remote-write URL.
        settings: The operator's settings: how the token is sent, and further headers.
        token: What to ship with; None for no authorisation.
    """
    headers = {
        **settings.headers,
        "Content-Type": "application/x-protobuf",
        "Content-Encoding": "snappy",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
        "User-Agent": f"metric-stream-lambda/{__version__}",
    }
    if token is None:
        return Endpoint(url, headers)
    return Endpoint(
        url,
        headers,
        authorise=lambda: authorization_header(settings.auth, token.versions()[0]),
        renew=token.renew,
    )
