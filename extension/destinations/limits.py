"""
Records within the limits of a destination, by construction.

A text is cut at a character and says so at its end; an object whose depth or number of
fields a destination would refuse carries those parts as JSON text instead.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from extension.destinations.json_text import json_text, quoted, utf8

# A backslash escape that a cut has left incomplete; the backslashes before it count.
_TORN_ESCAPE = re.compile(rb"(?P<slashes>\\+)(?:u[0-9a-f]{0,3})?\Z")


def mark(length: int) -> str:
    """Return what stands at the end of a cut text that had `length` characters."""
    return f"… [cut, of {length} characters]"


def cut_to_units(text: str, units: int) -> str:
    """
    Return a text of at most so many UTF-16 code units, and so of at most as many characters.

    A Java server, which Elasticsearch and OpenSearch are, counts a character beyond
    U+FFFF twice.
    """
    if len(text) * 2 <= units:
        return text
    if text.isascii():
        if len(text) <= units:
            return text
        end = mark(len(text))
        return text[: units - len(end)] + end
    encoded = text.encode("utf-16-le", "surrogatepass")
    if len(encoded) <= units * 2:
        return text
    end = mark(len(text))
    # A pair that the cut tears is left out; a lone surrogate is, here, too.
    return encoded[: (units - len(end)) * 2].decode("utf-16-le", "ignore") + end


def cut_to_bytes(text: str, size: int) -> str:
    """Return a text of at most `size` bytes in UTF-8."""
    if len(text) * 3 <= size and text.isascii():
        return text
    encoded = utf8(text)
    if len(encoded) <= size:
        return text
    end = mark(len(text))
    return encoded[: size - len(end.encode())].decode(errors="ignore") + end


def quoted_within(text: str, size: int) -> bytes:
    """Return a text as a JSON string of at most `size` bytes, quotation marks included."""
    encoded = utf8(quoted(text))
    if len(encoded) <= size:
        return encoded
    end = mark(len(text)).encode() + b'"'
    kept = encoded[: size - len(end)].decode(errors="ignore").encode()
    torn = _TORN_ESCAPE.search(kept)
    if torn is not None and len(torn["slashes"]) % 2:
        kept = kept[: torn.end("slashes") - 1]
    return kept + end


class Shape(NamedTuple):
    """
    What a destination takes of an object.

    Attributes:
        depth: How many objects and arrays may lie in one another, the outermost included.
        fields: How many members all objects may have together.
        units: How long a string may be, in UTF-16 code units; `None` for any length.
    """

    depth: int
    fields: int
    units: int | None


def shaped_text(value: Any, shape: Shape, text: str | None = None) -> str | None:
    """
    Return an object or array as JSON of a shape; None where it has too many members itself.

    Args:
        value: The object or array.
        shape: What the destination takes.
        text: The value as JSON, where it is known.
    """
    if text is None:
        text = json_text(value)
    # No string, depth or number of members can be larger than what these count; so
    # the usual record is not walked through. A dot in a name matters in an array alone.
    if (
        (shape.units is None or len(text) * 2 <= shape.units)
        and text.count("{") <= shape.depth
        and "[" not in text
        and text.count(":") <= shape.fields
    ):
        return text
    walk = _Walk(shape)
    if not walk.fits(value):
        return None
    return json_text(walk.shaped(value, 1, in_array=False))


class _Walk:
    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._fields = shape.fields

    def fits(self, value: Any) -> bool:
        """Tell whether the members of an object itself are not too many."""
        return not isinstance(value, dict) or len(value) <= self._fields

    def shaped(self, value: Any, depth: int, *, in_array: bool) -> Any:
        """Return a value with everything in it that is too much as JSON text."""
        if isinstance(value, str):
            return self._cut(value)
        if not isinstance(value, (dict, list)):
            return value
        if depth > self._shape.depth or not self.fits(value):
            return self._cut(json_text(value))
        if isinstance(value, list):
            return [self.shaped(item, depth + 1, in_array=True) for item in value]
        self._fields -= len(value)
        return {
            self._name(key, in_array=in_array): self.shaped(member, depth + 1, in_array=in_array)
            for key, member in value.items()
        }

    def _cut(self, text: str) -> str:
        units = self._shape.units
        return text if units is None else cut_to_units(text, units)

    def _name(self, key: str, *, in_array: bool) -> str:
        # "Dots in names in arrays" make a log invalid (docs.logz.io, "invalid log errors").
        return self._cut(key.replace(".", "_") if in_array else key)
