"""Ordinary log lines with numbers, for the load that the extension is put under."""

from collections.abc import Iterator

LINE_BYTES = 180
"""Length of an ordinary line, its line break included."""

DIGITS = 9
"""How many digits each line begins with."""

_WORDS = (
    " ms, status 201, cache hit, 3 items, customer 84121, next page none, region eu-central-1,"
    " trace Root=1-65a1b2c3-0123456789abcdef"
)
# Of the golden ratio: neighbouring numbers have nothing in common.
_MIXED = 0x9E3779B97F4A7C15


def lines(first: int, end: int, size: int = LINE_BYTES) -> Iterator[str]:
    """Yield lines that begin with their numbers.

    As in real logs little is new in each, and that little compresses badly.

    Args:
        first: The first number.
        end: The number after the last one.
        size: Bytes of each line, its line break included.
    """
    rest = _WORDS * (1 + size // len(_WORDS))
    for number in range(first, end):
        mixed = f"{number * _MIXED % 2**64:016x}"
        start = f"{number:0{DIGITS}d} INFO POST /orders/{mixed} in {mixed[:2]}"
        yield f"{start}{rest[: size - len(start) - 1]}\n"
