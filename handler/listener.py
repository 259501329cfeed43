"""Which URLs and headers may be used: the operator's own, and those that a delivery names."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from handler.errors import ListenerNotAllowed
from handler.json_objects import object_in

if TYPE_CHECKING:
    from collections.abc import Mapping

MESSAGES = ("prometheus.WriteRequest", "io.prometheus.write.v2.Request")
"""The protobuf messages of remote write 1.0 and 2.0, as a Content-Type names them."""

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# One expression decides what the URL is, so that no second parser can disagree
# about its host: no user part, no backslash, no white space, no fragment.
_URL = (
    r"(?P<scheme>https?)://"
    rf"(?P<host>{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[\x21\x24-\x3b\x3d\x41-\x5b\x5d\x5f\x61-\x7a\x7e]*)?"
    r"(?P<query>\?[\x21\x24-\x3b\x3d\x3f\x41-\x5b\x5d\x5f\x61-\x7a\x7e]*)?"
)

# "the total length of a domain name [...] is restricted to 255 octets or less" - RFC 1035, 2.3.4;
# two of them are not written.
_MAX_HOST = 253

_LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})

# What the protocol or HTTP itself decides about a request.
_FIXED_HEADERS = frozenset(
    {
        "content-type",
        "content-encoding",
        "content-length",
        "x-prometheus-remote-write-version",
        "user-agent",
        "host",
        "connection",
        "transfer-encoding",
    }
)
# A header of the operator's with such a name is a credential, as X-Api-Key, Cookie or
# CF-Access-Client-Secret are.
_CREDENTIAL = re.compile(r"(?i)auth|cookie|credential|key|passw|secret|signature|token")
_HEADER_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
# requests refuses U+0085 and U+00A0 at the start, which are white space in Latin-1.
_HEADER_VALUE = re.compile(
    r"[\x21-\x7e\x80-\x84\x86-\x9f\xa1-\xff](?:[\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?"
)


def is_header_value(text: str) -> bool:
    """Return whether a text can be sent as the value of an HTTP header."""
    return _HEADER_VALUE.fullmatch(text) is not None


def is_credential(header: str) -> bool:
    """Return whether the name of a header says that its value is a secret."""
    return _CREDENTIAL.search(header) is not None


def further_headers(text: str) -> Mapping[str, str]:
    """Return the headers in the setting REMOTE_WRITE_HEADERS.

    Raises:
        ValueError: It is no JSON object of headers that may be added. No part of a value is
            repeated: a tenant's header may be a secret.
    """
    value = object_in(text)
    if value is None or not all(isinstance(header, str) for header in value.values()):
        raise ValueError("must be a JSON object of header names and values, all text")
    return _checked(value)


def otlp_headers(text: str) -> Mapping[str, str]:
    """Return the headers in the setting OTEL_EXPORTER_OTLP_METRICS_HEADERS.

    "key1=value1,key2=value2 [...] represented in a format matching to the W3C Baggage" -
    "OpenTelemetry Protocol Exporter", "Specifying headers via environment variables". So both are
    percent-encoded.

    Raises:
        ValueError: As `further_headers` does.
    """
    pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
    if not all(equals for _, equals, _ in pairs):
        raise ValueError("must be a list of name=value, separated by commas")
    names = names_in_list(text)
    if len({name.lower() for name in names}) < len(names):
        raise ValueError("must not name a header twice")
    return _checked({name: unquote(it[2].strip()) for name, it in zip(names, pairs, strict=True)})


def names_in_list(text: str) -> list[str]:
    """Return the names of the headers in such a list, whatever else is wrong with it."""
    return [unquote(pair.partition("=")[0].strip()) for pair in text.split(",") if pair.strip()]


def _checked(value: Mapping[str, str]) -> Mapping[str, str]:
    if len({name.lower() for name in value}) < len(value):
        raise ValueError("must not name a header twice")
    for name, header in value.items():
        if not re.fullmatch(_HEADER_NAME, name) or not is_header_value(header):
            raise ValueError("has a name or value that an HTTP header cannot carry")
        if name.lower() in _FIXED_HEADERS:
            raise ValueError(f"must not set {name}, which the protocol decides")
    return MappingProxyType(value)


def is_listener_url(text: str) -> bool:
    """Return whether a text can be the operator's own listener: any http or https URL of a host."""
    if re.search(r"[\s\\@#\x00-\x1f]", text):
        return False
    try:
        parts = urlsplit(text)
        # A port that is not a number raises here.
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def allowed_custom_listener(text: str, allowed_hosts: tuple[str, ...]) -> str:
    """Return the listener that a delivery's common attribute CUSTOM_LISTENER names, as it is.

    Args:
        text: The attribute's value.
        allowed_hosts: Host names, or `*.` and a domain for any host below it.

    Raises:
        ListenerNotAllowed: It is not an https URL of an allowed host. http is for loopback hosts.
    """
    # Without ASCII the signs for Kelvin and the long s would count as letters.
    match = re.fullmatch(_URL, text, re.IGNORECASE | re.ASCII)
    if match is None or int(match["port"] or 443) > 65535 or len(match["host"]) > _MAX_HOST:
        raise ListenerNotAllowed("CUSTOM_LISTENER is not an https URL")
    host = match["host"].lower()
    if not any(_matches(host, pattern) for pattern in allowed_hosts):
        raise ListenerNotAllowed(
            f"CUSTOM_LISTENER names the host {host}, which LISTENER_ALLOWED_HOSTS does not list"
        )
    if match["scheme"].lower() != "https" and host not in _LOOPBACK_HOSTS:
        raise ListenerNotAllowed("CUSTOM_LISTENER must be an https URL")
    return text


def _matches(host: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) > len(pattern) - 1
    return host == pattern
