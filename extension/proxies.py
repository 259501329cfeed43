"""The proxy for a destination: `HTTPS_PROXY` and `NO_PROXY`, as curl and Go's `net/http` read them.

Only `https://` URLs go through a proxy, in a tunnel (RFC 9110, 9.3.6), so it sees no token.
"""

from __future__ import annotations

import re
import socket
from base64 import b64encode
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPResponse
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

_LOOPBACK = re.compile(r"localhost|127(?:\.[0-9]{1,3}){3}|::1")


def is_loopback(host: str | None) -> bool:
    """Return whether a host is this machine."""
    return _LOOPBACK.fullmatch(host or "") is not None


class Proxy(NamedTuple):
    """An HTTP proxy; `authorization` is the value of its header, empty without a user."""

    host: str
    port: int
    authorization: str

    def open_tunnel(self, sock: socket.socket, host: str, port: int) -> None:
        """Ask for a tunnel to a host (RFC 9110, 9.3.6); raise OSError if the proxy refuses."""
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        head = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n"
        if self.authorization:
            head += f"Proxy-Authorization: {self.authorization}\r\n"
        sock.sendall(f"{head}\r\n".encode())
        # The other side of a tunnel is silent until TLS begins, so no byte of it is read here.
        with closing(HTTPResponse(sock, method="CONNECT")) as response:
            response.begin()
            if not 200 <= response.status < 300:
                raise ConnectionRefusedError(f"it answers HTTP {response.status}")


class Proxies:
    """Which proxy there is for which host; its variables may be in capitals or in lower case.

    Attributes:
        problem: What the operator should fix; without the value, which may have a password.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.problem = ""
        self._proxy = self._read(_either(environ, "HTTPS_PROXY"))
        self._excepted = [it.strip().lower() for it in _either(environ, "NO_PROXY").split(",")]

    def of(self, host: str, port: int) -> Proxy | None:
        """Return the proxy for a host; None if it is to be reached without one."""
        host = host.lower().rstrip(".")
        if self._proxy is None or is_loopback(host):
            return None
        excepted = any(_matches(host, port, pattern) for pattern in self._excepted if pattern)
        return None if excepted else self._proxy

    def _read(self, text: str) -> Proxy | None:
        if not text:
            return None
        try:
            url = urlsplit(text if "://" in text else f"http://{text}")
            if url.scheme == "http" and url.hostname and url.path in ("", "/"):
                user = f"{unquote(url.username or '')}:{unquote(url.password or '')}"
                basic = f"Basic {b64encode(user.encode()).decode()}" if url.username else ""
                return Proxy(url.hostname, url.port or 80, basic)
        except ValueError:
            pass
        self.problem = "HTTPS_PROXY must be http://, a host and a port; no proxy is used"
        return None


def _either(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name, "").strip() or environ.get(name.lower(), "").strip()


def _matches(host: str, port: int, pattern: str) -> bool:
    """Return whether a part of NO_PROXY means a host: `*`, a domain, a host and port, a network."""
    if pattern == "*":
        return True
    if "/" in pattern:
        return _in_network(host, pattern)
    name, colon, number = pattern.rpartition(":")
    if colon and number.isdigit() and (":" not in name or name.endswith("]")):
        if int(number) != port:
            return False
        pattern = name
    domain = pattern.strip("[]").removeprefix("*")
    if domain.startswith("."):
        return host.endswith(domain)
    return host == domain or host.endswith(f".{domain}")


def _in_network(host: str, pattern: str) -> bool:
    import ipaddress  # noqa: PLC0415 -- rarely needed, and takes milliseconds to import

    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(pattern, strict=False)
    except ValueError:
        return False
