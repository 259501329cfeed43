"""What an ELF file needs of the C library (System V gABI; "Symbol Versioning" of the LSB)."""

import re
import struct
from pathlib import Path

_SECTION = struct.Struct("<IIQQQQIIQQ")
_VERSION_NEEDED = 0x6FFFFFFE
_MACHINES = {62: "x86_64", 183: "arm64"}
_GLIBC = re.compile(rb"GLIBC_(\d+)\.(\d+)")


def machine(path: Path) -> str:
    """Return the processor of a 64-bit little-endian ELF file.

    Raises:
        ValueError: It is no such file.
    """
    header = path.read_bytes()[:64]
    if header[:6] != b"\x7fELF\x02\x01":
        raise ValueError(f"{path} is no ELF file of 64 bits")
    (number,) = struct.unpack_from("<H", header, 18)
    return _MACHINES.get(number, str(number))


def glibc_needed(path: Path) -> tuple[int, int]:
    """Return the newest glibc whose symbols an ELF file needs, as (2, 26); (0, 0) for none.

    Raises:
        ValueError: It is no 64-bit ELF file.
    """
    machine(path)
    content = path.read_bytes()
    (offset,) = struct.unpack_from("<Q", content, 40)
    size, count = struct.unpack_from("<HH", content, 58)
    sections = [_SECTION.unpack_from(content, offset + size * index) for index in range(count)]
    found = {(0, 0)}
    for _, kind, _, _, start, _, link, entries, _, _ in sections:
        if kind == _VERSION_NEEDED:
            strings = sections[link]
            table = content[strings[4] : strings[4] + strings[5]]
            found |= _versions(content, start, entries, table)
    return max(found)


def _versions(content: bytes, start: int, entries: int, table: bytes) -> set[tuple[int, int]]:
    """Return the versions of glibc in a section `.gnu.version_r`, whose names are in a table."""
    found = set()
    for _ in range(entries):
        _, names, _, first, following = struct.unpack_from("<HHIII", content, start)
        position = start + first
        for _ in range(names):
            _, _, _, name, step = struct.unpack_from("<IHHII", content, position)
            if match := _GLIBC.match(table, name):
                found.add((int(match[1]), int(match[2])))
            position += step
        start += following
    return found
