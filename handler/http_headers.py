"""What an HTTP header can carry, and which headers the operator may add."""

from __future__ import annotations

import json
import re
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# What remote write 1.0 or HTTP itself decides about a request.
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
_HEADER_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_HEADER_VALUE = re.compile(r"[\x21-\x7e\x80-\xff](?:[\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?")


def is_header_value(text: str) -> bool:
    """Tell whether a text can be sent as the value of an HTTP header."""
    return _HEADER_VALUE.fullmatch(text) is not None


def further_headers(auth: str) -> Callable[[str], Mapping[str, str]]:
    """
    Return what parses the setting REMOTE_WRITE_HEADERS.

    Args:
        auth: The setting REMOTE_WRITE_AUTH.
    """

    def parse(text: str) -> Mapping[str, str]:
        # No part of the text is repeated: a tenant's header may be a secret.
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError("must be a JSON object of header names and values") from None
        if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
            raise ValueError("must be a JSON object of header names and values, all text")
        for name, header in value.items():
            if not re.fullmatch(_HEADER_NAME, name) or not is_header_value(header):
                raise ValueError("has a name or value that an HTTP header cannot carry")
            if name.lower() in _FIXED_HEADERS:
                raise ValueError(f"must not set {name}, which remote write decides")
            if name.lower() == "authorization" and auth != "none":
                raise ValueError("must not set Authorization unless REMOTE_WRITE_AUTH=none")
        return MappingProxyType(value)

    return parse
