"""
Changing protobuf without breaking all lengths around the change.

A fuzzer that changes single bytes of a nested message seldom gets past its
first length. Here a record is taken apart as far as it looks like messages,
one place in it is changed, and all lengths are written anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from converters.wire import encode_varint

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    # Takes content and the most bytes it may become; returns other content.
    Mutate = Callable[[bytes, int], bytes]

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_MAX_DEPTH = 12

_NUMBERS = (
    *(bytes(8), bytes(7) + b"\x80", b"\xff" * 8, bytes(6) + b"\xf0\x3f", bytes(6) + b"\xf0\x7f"),
    *(bytes(6) + b"\xf8\x7f", bytes(6) + b"\xf0\xff", b"\x01" + bytes(7)),
    *((1_793_491_200_000_000_000 + shift).to_bytes(8, "little") for shift in (0, 60 * 10**9)),
)


@dataclass
class Field:
    """
    A field of a message.

    Attributes:
        tag: Its tag, encoded.
        content: Its bytes, where it is no message.
        fields: What is in it, where it is one.
    """

    tag: bytes
    content: bytes = b""
    fields: list[Field] | None = field(default=None)

    def encode(self) -> bytes:
        """Return the field as bytes, its lengths right."""
        content = self.content if self.fields is None else encode_fields(self.fields)
        if self.tag[0] & 7 != _LENGTH:
            return self.tag + content
        return self.tag + encode_varint(len(content)) + content


def encode_fields(fields: list[Field]) -> bytes:
    """Return fields one behind the other."""
    return b"".join(one.encode() for one in fields)


def mutated(record: bytes, max_size: int, chance: random.Random, mutate: Mutate) -> bytes:
    """
    Return a record with one place changed; by bytes alone where it is no record.

    Args:
        record: The record.
        max_size: What it may become.
        chance: Where all choices come from.
        mutate: Changes bytes that have no structure.
    """
    messages = _messages(record)
    if messages is None or chance.random() < 0.2:
        return mutate(record, max_size)
    # A message is changed as a field would be; its tag is left out again.
    roots = [Field(b"\x0a", fields=fields) for fields in messages]
    places = [(roots, index) for index in range(len(roots))]
    for root in roots:
        _collect(root, places)
    if places:
        _change(*chance.choice(places), places, chance, mutate)
    changed = b"".join(root.encode()[1:] for root in roots)
    return changed if len(changed) <= max_size else mutate(record, max_size)


def _change(
    fields: list[Field],
    index: int,
    places: list[tuple[list[Field], int]],
    chance: random.Random,
    mutate: Mutate,
) -> None:
    """Change a list of fields at one of them."""
    chosen = fields[index]
    kind = chance.randrange(6)
    if kind == 0:
        del fields[index]
    elif kind == 1:
        fields.insert(index, chosen)
    elif kind == 2:
        others, place = chance.choice(places)
        # A field must not come to stand within itself.
        fields[index] = Field(others[place].tag, others[place].encode()[2:])
    elif kind == 3:
        chance.shuffle(fields)
    elif chosen.tag[0] & 7 == _FIXED64:
        chosen.content = chance.choice(_NUMBERS)
    elif chosen.tag[0] & 7 == _LENGTH:
        content = chosen.content if chosen.fields is None else encode_fields(chosen.fields)
        chosen.fields, chosen.content = None, mutate(content, len(content) + 16)
    else:
        chosen.content = encode_varint(chance.getrandbits(chance.choice((1, 7, 32, 64))))


def _collect(one: Field, places: list[tuple[list[Field], int]]) -> None:
    for index, inner in enumerate(one.fields or ()):
        assert one.fields is not None
        places.append((one.fields, index))
        _collect(inner, places)


def _messages(record: bytes) -> list[list[Field]] | None:
    messages = []
    position = 0
    while position < len(record):
        length, position = _varint(record, position)
        fields = _fields(record[position : position + length], 0) if position else None
        if fields is None:
            return None
        messages.append(fields)
        position += length
    return messages


def _fields(content: bytes, depth: int) -> list[Field] | None:
    """Take a message apart; None where the bytes are none."""
    fields = []
    position = 0
    while position < len(content):
        begin = position
        tag, position = _varint(content, position)
        kind, behind = tag & 7, position
        if not position or not tag >> 3 or kind not in (_VARINT, _FIXED64, _LENGTH, _FIXED32):
            return None
        length = {_FIXED64: 8, _FIXED32: 4}.get(kind, 0)
        if kind == _VARINT:
            end = _varint(content, position)[1]
            length = end - position
        elif kind == _LENGTH:
            length, position = _varint(content, position)
        if not position or length < 0 or position + length > len(content):
            return None
        value = content[position : position + length]
        inner = _fields(value, depth + 1) if kind == _LENGTH and depth < _MAX_DEPTH else None
        fields.append(Field(content[begin:behind], value, inner or None))
        position += length
    return fields


def _varint(content: bytes, position: int) -> tuple[int, int]:
    """Return a varint and the position behind it, which is 0 where there is none."""
    number = 0
    for shift, byte in enumerate(content[position : position + 10]):
        number |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return number, position + shift + 1
    return 0, 0
