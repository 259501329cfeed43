"""The converter as the settings want it, and how much memory a delivery may take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from converters.convert import Converter, Profile
from handler.delivery import MAX_INFLATED_BYTES

if TYPE_CHECKING:
    from handler.settings import Settings

# What a warm function remembers series with, at most.
_CACHE_BYTES = 64_000_000

# Where nothing says how much memory there is, the process is not Lambda's.
_WITHOUT_A_LIMIT = 1_000_000_000
# The interpreter with all packages, the delivery's own bytes, and the logs extension.
_TAKEN_BYTES = 150_000_000
# Of Lambda's smallest functions: the converter's estimates are well above what CloudWatch's
# metrics really take. A body is there three times for a moment, as bytes, text and records.
_LEAST_SHARE = 4


def new_converter(settings: Settings) -> Converter:
    """Return a converter for the settings."""
    return Converter(
        Profile(
            keep_case=settings.label_value_case == "keep",
            native_histograms=settings.native_histograms,
            max_bytes=settings.max_bytes,
            cache_bytes=_CACHE_BYTES,
            delivery_bytes=bytes_for_delivery(settings.memory_bytes),
        )
    )


def bytes_for_delivery(memory: int | None) -> int:
    """Return how many bytes the conversion of one delivery may take.

    With more, Lambda would kill the function, which could then neither answer nor log why.

    Args:
        memory: The function's memory in bytes; None where the process is not Lambda's.
    """
    if memory is None:
        return _WITHOUT_A_LIMIT
    return max(memory - _TAKEN_BYTES - _CACHE_BYTES, memory // _LEAST_SHARE)


def bytes_for_body(memory: int | None) -> int:
    """Return how many bytes the body of a delivery may have when it is inflated.

    Args:
        memory: As for `bytes_for_delivery`.
    """
    if memory is None:
        return MAX_INFLATED_BYTES
    return min(MAX_INFLATED_BYTES, memory // _LEAST_SHARE)
