"""Target `planted`: a fault behind four conditions, to see that the fuzzer finds what is there."""

from __future__ import annotations


def check(content: bytes) -> None:
    """
    Fail for an input that begins with four particular bytes.

    One in four thousand million does; only who is guided by what each byte
    reaches gets there within seconds.
    """
    if content[:1] == b"f" and content[1:2] == b"u" and content[2:3] == b"z":
        assert content[3:4] != b"z", "the planted fault"


def seeds() -> dict[str, bytes]:
    """Return nothing to begin with."""
    return {}
