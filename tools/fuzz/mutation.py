"""Changes protobuf without breaking the lengths around the change.

A fuzzer that changes single bytes of a nested message seldom gets past its first length. Here a
record is parsed as far as it looks like messages, one field is changed, and all lengths are
written anew.
"""

import random
from collections.abc import Callable

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet

from converters.errors import RecordError
from converters.records import split_messages
from converters.wire import encode_varint

Mutate = Callable[[bytes, int], bytes]
"""Takes content and the most bytes that it may become; returns other content."""

_Field = tuple[int, int, bytes]
"""Number, wire type, and the encoded value; without the length where it has one."""

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_BYTES = {_FIXED64: 8, _FIXED32: 4}

_NUMBERS = (
    *(bytes(8), bytes(7) + b"\x80", b"\xff" * 8, bytes(6) + b"\xf0\x3f", bytes(6) + b"\xf0\x7f"),
    *(bytes(6) + b"\xf8\x7f", bytes(6) + b"\xf0\xff", b"\x01" + bytes(7)),
    *((1_793_491_200_000_000_000 + shift).to_bytes(8, "little") for shift in (0, 60 * 10**9)),
)


def mutated(record: bytes, max_size: int, chance: random.Random, mutate: Mutate) -> bytes:
    """Return a record with one field changed, or changed as bytes where it is no record.

    Args:
        record: The record.
        max_size: The most bytes that it may become.
        chance: Makes all choices.
        mutate: Changes bytes that have no structure.
    """
    try:
        messages = list(split_messages(record))
    except RecordError:
        return mutate(record, max_size)
    if not messages or chance.random() < 0.2:
        return mutate(record, max_size)
    fields = [(1, _LENGTH, message) for message in messages]
    _change(fields, chance, mutate)
    changed = b"".join(encode_varint(len(value)) + value for _, _, value in fields)
    return changed if len(changed) <= max_size else mutate(record, max_size)


def _change(fields: list[_Field], chance: random.Random, mutate: Mutate) -> None:
    """Change one field, or most often one in the message that it holds."""
    index = chance.randrange(len(fields))
    number, kind, value = fields[index]
    inner = _fields(value) if kind == _LENGTH else None
    choice = chance.randrange(5)
    if inner and chance.random() < 0.75:
        _change(inner, chance, mutate)
        fields[index] = (number, kind, b"".join(map(_encode, inner)))
    elif choice == 0:
        del fields[index]
    elif choice == 1:
        fields.insert(index, fields[index])
    elif choice == 2:
        fields[index] = (number, *chance.choice(fields)[1:])
    elif choice == 3:
        chance.shuffle(fields)
    elif kind == _LENGTH:
        fields[index] = (number, kind, mutate(value, len(value) + 16))
    elif kind == _VARINT:
        bits = chance.getrandbits(chance.choice((1, 7, 32, 64)))
        fields[index] = (number, kind, encode_varint(bits))
    else:
        fields[index] = (number, kind, chance.choice(_NUMBERS)[: _BYTES[kind]])


def _encode(field: _Field) -> bytes:
    number, kind, value = field
    length = encode_varint(len(value)) if kind == _LENGTH else b""
    return encode_varint(number << 3 | kind) + length + value


def _fields(content: bytes) -> list[_Field] | None:
    """Return the fields of a message; None where it is none, or has groups as OTLP never has."""
    try:
        found = UnknownFieldSet(Empty.FromString(content))
    except DecodeError:
        return None
    fields = []
    for one in (found[index] for index in range(len(found))):
        number, kind, data = one.field_number, one.wire_type, one.data
        if kind == _VARINT:
            fields.append((number, kind, encode_varint(data)))
        elif kind == _LENGTH:
            fields.append((number, kind, data))
        elif kind in _BYTES:
            fields.append((number, kind, data.to_bytes(_BYTES[kind], "little")))
        else:
            return None
    return fields
