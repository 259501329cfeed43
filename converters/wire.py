"""The few pieces of the protobuf wire format that this package reads and writes itself."""

import struct

from converters.errors import FramingError

# A fixed64 or a double of zero, which proto3 leaves out.
ZERO = bytes(8)

_pack, _unpack = struct.Struct("<d").pack, struct.Struct("<d").unpack

# An UnsignedVarInt32 takes at most five bytes of seven bits.
_MAX_LENGTH_BYTES = 5


def encode_varint(number: int) -> bytes:
    """Return a non-negative integer as a base-128 varint, least significant group first."""
    if number < 0x80:
        return bytes((number,))
    if number < 0x4000:
        # Most lengths; the loop takes three times as long.
        return bytes((number & 0x7F | 0x80, number >> 7))
    groups = bytearray()
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    groups.append(number)
    return bytes(groups)


def encode_field(tag: bytes, content: bytes) -> bytes:
    """Return a length-delimited field: its one-byte tag, the length, the content."""
    return tag + encode_varint(len(content)) + content


def read_length(buffer: bytes, position: int) -> tuple[int, int]:
    """Read the UnsignedVarInt32 at a position.

    Returns:
        The number and the position behind it.

    Raises:
        FramingError: The varint does not end within five bytes or within the buffer.
    """
    number = buffer[position] if position < len(buffer) else 0x80
    if number < 0x80:
        return number, position + 1
    number = 0
    for index in range(_MAX_LENGTH_BYTES):
        if position + index >= len(buffer):
            raise FramingError(f"the length header at byte {position} is cut off")
        byte = buffer[position + index]
        number |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return number, position + index + 1
    raise FramingError(f"the length header at byte {position} is longer than {_MAX_LENGTH_BYTES}")


def double_bytes(number: float) -> bytes:
    """Return a number as the 8 bytes of a little-endian double."""
    return struct.pack("<d", number)


def double_of(encoded: bytes) -> float:
    """Return the number of 8 bytes of a little-endian double."""
    number: float = struct.unpack("<d", encoded)[0]
    return number


def average_of(total: bytes | None, count: bytes) -> tuple[bytes, ...]:
    """Return the average of a sum and a count, each an encoded double; none of no values."""
    ((number,), (added,)) = _unpack(count), _unpack(total or ZERO)
    return (_pack(added / number),) if number else ()


def unsigned_of(encoded: bytes | None) -> int:
    """Return the number of 8 bytes of a little-endian fixed64; 0 where it was omitted."""
    return int.from_bytes(encoded or ZERO, "little")


def encode_sample(milliseconds: int, value: bytes) -> bytes:
    """Return a Sample as field 2 of a TimeSeries; `value` is 8 bytes of a little-endian double."""
    content = b"\x09" + value + b"\x10" + encode_varint(milliseconds)
    return b"\x12" + encode_varint(len(content)) + content


def encode_time_series(labels: bytes, samples: list[bytes]) -> bytes:
    """Return a TimeSeries (field 1 of WriteRequest) of encoded labels and encoded samples."""
    return encode_field(b"\x0a", labels + b"".join(samples))
