"""The way to a listener: straight, or through the proxy that the environment names."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from handler.attempt import NoWayError

if TYPE_CHECKING:
    from urllib.parse import SplitResult

DEFAULT_PORTS = {"http": 80, "https": 443}


class UnusableProxyError(NoWayError):
    """The environment names a proxy that is not spoken to with plain HTTP."""


class Route(NamedTuple):
    """
    The way to a listener.

    Attributes:
        scheme: `http` or `https`.
        host: The listener's, an IPv6 address without its brackets.
        port: The listener's.
        proxy: URL of the proxy on the way; None: there is none.
    """

    scheme: str
    host: str
    port: int
    proxy: str | None


def route_to(parts: SplitResult) -> Route:
    """
    Return the way to a URL, as the variables HTTPS_PROXY, HTTP_PROXY and NO_PROXY say.

    Args:
        parts: Of an http or https URL.

    Raises:
        UnusableProxyError: The proxy is not one that can be used.
    """
    proxy = _proxy_for(parts)
    if proxy is not None and urlsplit(proxy).scheme != "http":
        raise UnusableProxyError("only a proxy with an http:// URL can be used")
    port = parts.port or DEFAULT_PORTS[parts.scheme]
    return Route(parts.scheme, parts.hostname or "", port, proxy)


def proxy_credentials(proxy: SplitResult) -> dict[str, str]:
    """Return the header that a proxy's user and password are sent with, where there are some."""
    if proxy.username is None:
        return {}
    words = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()
    return {"Proxy-Authorization": f"Basic {base64.b64encode(words).decode('ascii')}"}


def _proxy_for(parts: SplitResult) -> str | None:
    """Return the URL of the proxy that the environment names for a URL."""
    if not any(name.lower().endswith("_proxy") for name in os.environ):
        return None
    # Costs as much to import as a tenth of the function, for the few who have a proxy.
    from urllib.request import getproxies_environment, proxy_bypass  # noqa: PLC0415

    if proxy_bypass(parts.netloc):
        return None
    proxies = getproxies_environment()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy
