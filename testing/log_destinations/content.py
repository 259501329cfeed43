"""Reads what is in the body of a request to a log destination."""

import gzip
import json
import zlib
from collections.abc import Iterator
from typing import Any, NoReturn


class UnreadableError(Exception):
    """A body, or a part of it, is not what it says it is."""


def decompressed(body: bytes) -> bytes:
    """Undo gzip.

    Raises:
        UnreadableError: The body is not gzip.
    """
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableError(f"the body is not gzip: {error}") from error


def parsed(text: bytes) -> Any:
    """Parse strict JSON in UTF-8, without NaN and the infinities (RFC 8259, 6).

    Raises:
        UnreadableError: It is something else.
    """
    try:
        return json.loads(text.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"no JSON: {error}") from error


def lines_of(content: bytes) -> Iterator[bytes]:
    """Yield the lines, without what ends them; nothing stands after the last line break."""
    lines = content.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    yield from lines


def has_lone_surrogate(value: Any) -> bool:
    r"""Return whether an escape such as `\ud800` stands alone in a string or in a name.

    Python and Java read it; serde_json, which OpenObserve uses, and yyjson, which DuckDB uses,
    refuse what holds it.
    """
    if isinstance(value, str):
        return any("\ud800" <= character <= "\udfff" for character in value)
    if isinstance(value, dict):
        return any(has_lone_surrogate(it) for pair in value.items() for it in pair)
    return isinstance(value, list) and any(has_lone_surrogate(it) for it in value)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
