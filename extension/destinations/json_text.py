"""
Any JSON value as compact JSON text that every destination's parser takes.

The C encoder writes what it can. What it cannot (NaN, an integer of thousands of digits,
an array in an array in an array ...) is written without recursion. A lone surrogate
becomes U+FFFD, raw or escaped: Rust's serde_json refuses a whole request because of one.
"""

from __future__ import annotations

import json
import re
from json.encoder import encode_basestring
from typing import Any

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_ENCODER = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":")
)


def quoted(text: str) -> str:
    """Return a text as a JSON string, with its quotation marks."""
    return encode_basestring(text)


def utf8(text: str) -> bytes:
    """Return a text in UTF-8, each lone surrogate as U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _LONE_SURROGATE.sub("\ufffd", text).encode()


def without_surrogates(text: str) -> str:
    """Return a text that UTF-8 can carry, each lone surrogate as U+FFFD."""
    return utf8(text).decode()


def json_text(value: Any) -> str:
    """
    Return a JSON value as compact JSON.

    NaN and the infinities become `null`, as in ECMAScript (ECMA-262, "SerializeJSONProperty");
    an integer too long for Python to write in decimal becomes a string of hexadecimal digits.
    """
    try:
        return _ENCODER.encode(value)
    except (ValueError, RecursionError):
        return _written(value)


class _Literal(str):
    """JSON that is written already."""

    __slots__ = ()


def _written(value: Any) -> str:
    """Write without recursion: what is still to be written waits on a stack."""
    parts: list[str] = []
    waiting: list[Any] = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, _Literal):
            parts.append(item)
        elif isinstance(item, dict):
            parts.append("{")
            waiting.append(_Literal("}"))
            keys = [encode_basestring(key) + ":" for key in item]
            for number in range(len(keys) - 1, -1, -1):
                keys[number] = ("," if number else "") + keys[number]
            for key, member in zip(reversed(keys), reversed(item.values())):
                waiting += (member, _Literal(key))
        elif isinstance(item, list):
            parts.append("[")
            waiting.append(_Literal("]"))
            for number in range(len(item) - 1, -1, -1):
                waiting.append(item[number])
                if number:
                    waiting.append(_Literal(","))
        else:
            parts.append(_scalar(item))
    return "".join(parts)


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return encode_basestring(value)
    try:
        # Converting an integer has a limit of digits since Python 3.9.14.
        return _ENCODER.encode(value)
    except ValueError:
        return f'"{value:#x}"' if isinstance(value, int) else "null"
