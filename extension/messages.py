"""HTTP requests and responses as plain values."""

from collections.abc import Mapping
from typing import NamedTuple


class Request(NamedTuple):
    """One request; `body` is already compressed if `headers` say so."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"


class Response(NamedTuple):
    """One response; header names are in lower case, and a long `body` is cut."""

    status: int
    headers: Mapping[str, str]
    body: bytes
