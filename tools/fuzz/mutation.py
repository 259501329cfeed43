"""Changes protobuf without breaking the lengths around the change.

A fuzzer that changes single bytes of a nested message seldom gets past its first length. Here a
record is parsed as far as it looks like messages, one field is changed, and all lengths are
written anew.
"""

import io
import random
from collections.abc import Callable
from dataclasses import dataclass

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError
from google.protobuf.proto import parse_length_prefixed
from google.protobuf.unknown_fields import UnknownFieldSet

from converters.wire import encode_varint

Mutate = Callable[[bytes, int], bytes]
"""Takes content and the most bytes that it may become; returns other content."""

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_MAX_DEPTH = 12

_NUMBERS = (
    *(bytes(8), bytes(7) + b"\x80", b"\xff" * 8, bytes(6) + b"\xf0\x3f", bytes(6) + b"\xf0\x7f"),
    *(bytes(6) + b"\xf8\x7f", bytes(6) + b"\xf0\xff", b"\x01" + bytes(7)),
    *((1_793_491_200_000_000_000 + shift).to_bytes(8, "little") for shift in (0, 60 * 10**9)),
)


@dataclass
class Field:
    """A field of a message.

    Attributes:
        number: Its number.
        kind: Its wire type.
        content: Its encoded value; without the length where it has one.
        fields: The fields in it where it is a message, which then count instead of `content`.
    """

    number: int
    kind: int
    content: bytes = b""
    fields: "list[Field] | None" = None

    def value(self) -> bytes:
        """Return the encoded value, without the length where it has one."""
        if self.fields is None:
            return self.content
        return b"".join(field.encode() for field in self.fields)

    def encode(self) -> bytes:
        """Return the field as bytes, with the right length."""
        value = self.value()
        length = encode_varint(len(value)) if self.kind == _LENGTH else b""
        return encode_varint(self.number << 3 | self.kind) + length + value


def mutated(record: bytes, max_size: int, chance: random.Random, mutate: Mutate) -> bytes:
    """Return a record with one field changed, or changed as bytes where it is no record.

    Args:
        record: The record.
        max_size: The most bytes that it may become.
        chance: Makes all choices.
        mutate: Changes bytes that have no structure.
    """
    messages = _messages(record)
    if messages is None or chance.random() < 0.2:
        return mutate(record, max_size)
    # Each message is the field of an outer one, whose tag is left out again.
    roots = [Field(1, _LENGTH, fields=fields) for fields in messages]
    places = [(roots, index) for index in range(len(roots))]
    for root in roots:
        _collect(root, places)
    if places:
        _change(*chance.choice(places), places, chance, mutate)
    changed = b"".join(encode_varint(len(root.value())) + root.value() for root in roots)
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
        # As bytes, since a field must not contain itself.
        fields[index] = Field(others[place].number, others[place].kind, others[place].value())
    elif kind == 3:
        chance.shuffle(fields)
    elif chosen.kind == _FIXED64:
        chosen.content = chance.choice(_NUMBERS)
    elif chosen.kind == _LENGTH:
        content = chosen.value()
        chosen.fields, chosen.content = None, mutate(content, len(content) + 16)
    elif chosen.kind == _VARINT:
        chosen.content = encode_varint(chance.getrandbits(chance.choice((1, 7, 32, 64))))


def _collect(field: Field, places: list[tuple[list[Field], int]]) -> None:
    for index, inner in enumerate(field.fields or ()):
        places.append((field.fields or [], index))
        _collect(inner, places)


def _messages(record: bytes) -> list[list[Field]] | None:
    """Parse a record; None where it is none."""
    stream, messages = io.BytesIO(record), []
    try:
        while (message := parse_length_prefixed(Empty, stream)) is not None:
            fields = _fields(message, 0)
            if fields is None:
                return None
            messages.append(fields)
    except (DecodeError, ValueError, OverflowError):
        return None
    return messages


def _fields(message: Empty, depth: int) -> list[Field] | None:
    """Return the fields of a message; None where they are groups, which OTLP does not have."""
    fields = []
    found = UnknownFieldSet(message)
    for one in (found[index] for index in range(len(found))):
        number, kind, data = one.field_number, one.wire_type, one.data
        if kind == _VARINT:
            fields.append(Field(number, kind, encode_varint(data)))
        elif kind in (_FIXED32, _FIXED64):
            fields.append(
                Field(number, kind, data.to_bytes(4 if kind == _FIXED32 else 8, "little"))
            )
        elif kind == _LENGTH:
            fields.append(Field(number, kind, data, _inner(data, depth + 1) or None))
        else:
            return None
    return fields


def _inner(content: bytes, depth: int) -> list[Field] | None:
    try:
        return _fields(Empty.FromString(content), depth) if depth < _MAX_DEPTH else None
    except DecodeError:
        return None
