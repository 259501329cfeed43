"""URLs of destinations: which are usable, and how a setting becomes part of one."""

from __future__ import annotations

import re

from extension.errors import SettingsError

# One expression decides what a URL is, as in the function: no user part, no backslash,
# no white space, no query. `urllib.parse` imports more than this whole package.
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?\.?|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<path>/[\x21\x24-\x3b\x3d\x40-\x5b\x5d\x5f\x61-\x7a\x7e]*)?",
    re.IGNORECASE | re.ASCII,
)
_LOOPBACK = re.compile(r"localhost|127(?:\.[0-9]{1,3}){3}|\[::1\]", re.IGNORECASE)
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


class Address:
    """
    The URL of a destination.

    Args:
        variable: The setting that holds it, for messages.
        text: The URL.

    Raises:
        SettingsError: It is no http or https URL, or has a user part or a query.

    Attributes:
        text: The URL without a slash at its end.
        scheme: `http` or `https`.
        host: In lower case.
        port: As given; empty where it is the scheme's own.
    """

    def __init__(self, variable: str, text: str) -> None:
        match = _URL.fullmatch(text)
        if match is None or not 0 < int(match["port"] or 443) < 65536:
            raise SettingsError(
                f"{variable} must be a URL that begins with https:// (or http://) and has no "
                "user, query or fragment"
            )
        self.text = text.rstrip("/")
        self.scheme = match["scheme"].lower()
        self.host = match["host"].lower()
        self.port = match["port"] or ""
        self.path = (match["path"] or "").rstrip("/")
        self._variable = variable

    def notes(self, *, has_token: bool) -> tuple[str, ...]:
        """Return what to tell the operator about where the token goes."""
        if not has_token or self.scheme == "https" or _LOOPBACK.fullmatch(self.host):
            return ()
        return (f"{self._variable} is an http:// URL: the token and the logs travel in the clear",)


def percent_encoded(text: str) -> str:
    """Return a text as one segment or one value of a URL (RFC 3986, 2.1)."""
    return "".join(
        chr(byte) if byte in _UNRESERVED else f"%{byte:02X}"
        for byte in text.encode("utf-8", "replace")
    )
