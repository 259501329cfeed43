"""JSON text within the limits of a destination, by construction.

A text that is too long is cut at a character and says so at its end. An object that is nested too
deeply, or has too many fields, for a destination carries those parts as JSON text instead. A lone
surrogate becomes U+FFFD, raw or escaped: Rust's serde_json refuses a whole request because of one.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NamedTuple

UTF_8 = "utf-8"
UTF_16 = "utf-16-le"

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_ENCODER = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":")
)
# Python's decoder and encoder follow about a thousand levels, so few records are cut there.
_DEPTH_KEPT = 100


def utf8(text: str) -> bytes:
    """Return a text in UTF-8, each lone surrogate as U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _LONE_SURROGATE.sub("\ufffd", text).encode()


def json_text(value: Any) -> str:
    """Return a JSON value as compact JSON; never raises.

    NaN and the infinities become `null`, as in ECMAScript (ECMA-262, "SerializeJSONProperty"). Of a
    value that is nested too deeply for Python's encoder the parts below `_DEPTH_KEPT` are left out.
    """
    try:
        return _ENCODER.encode(value)
    except (ValueError, RecursionError):
        return _ENCODER.encode(_writable(value, 1))


def parsed(body: bytes | str) -> Any:
    """Return what a JSON text holds; None if it is no JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _writable(value: Any, depth: int) -> Any:
    """Return a value in which what the encoder cannot write is replaced."""
    if isinstance(value, (dict, list)):
        if depth > _DEPTH_KEPT:
            return "[left out: nested too deeply]"
        if isinstance(value, list):
            return [_writable(item, depth + 1) for item in value]
        return {name: _writable(member, depth + 1) for name, member in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def cut(text: str, limit: int, encoding: str) -> str:
    """Return a text, cut at a character and marked at its end if it is longer than a limit.

    The limit counts code units of the encoding: `UTF_8`, or `UTF_16`, whose units Java counts, and
    so Elasticsearch and OpenSearch.
    """
    limit *= len("x".encode(encoding))
    # No character has more than four bytes in either.
    if len(text) * 4 <= limit or len(text.encode(encoding, "surrogatepass")) <= limit:
        return text
    mark = f"… [cut, of {len(text)} characters]"
    encoded = _LONE_SURROGATE.sub("\ufffd", text).encode(encoding)
    return encoded[: limit - len(mark.encode(encoding))].decode(encoding, "ignore") + mark


class Shape(NamedTuple):
    """What a destination accepts of an object.

    Attributes:
        depth: How deeply objects and arrays may be nested, the outermost included.
        fields: How many members all objects may have together.
        units: How long a string may be, in UTF-16 code units.
    """

    depth: int
    fields: int
    units: int


def shaped_text(value: Any, shape: Shape) -> str:
    """Return JSON of a shape; of an object with too many members its JSON as a string."""
    text = json_text(value)
    # No string, depth or number of members can be larger than what these count; so
    # the usual record is not walked through. A dot in a name matters only in an array.
    if (
        len(text) * 2 <= shape.units
        and text.count("{") <= shape.depth
        and "[" not in text
        and text.count(":") <= shape.fields
    ):
        return text
    return json_text(_Walk(shape).shaped(value, 1, in_array=False))


class _Walk:
    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._fields_left = shape.fields

    def shaped(self, value: Any, depth: int, *, in_array: bool) -> Any:
        """Return a value in which every part that is too much is JSON text."""
        if isinstance(value, str):
            return self._cut(value)
        if not isinstance(value, (dict, list)):
            return value
        too_wide = isinstance(value, dict) and len(value) > self._fields_left
        if depth > self._shape.depth or too_wide:
            return self._cut(json_text(value))
        if isinstance(value, list):
            return [self.shaped(item, depth + 1, in_array=True) for item in value]
        self._fields_left -= len(value)
        # "Dots in names in arrays" make a log invalid (docs.logz.io, "invalid log errors").
        return {
            self._cut(name.replace(".", "_") if in_array else name): self.shaped(
                member, depth + 1, in_array=in_array
            )
            for name, member in value.items()
        }

    def _cut(self, text: str) -> str:
        return cut(text, self._shape.units, UTF_16)
