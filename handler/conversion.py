"""The converter as the settings want it, and how large a delivery may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from converters.convert import Converter, Limits, Profile
from handler.delivery import MAX_INFLATED_BYTES

if TYPE_CHECKING:
    from handler.settings import Settings

# What a warm function remembers series with, at most.
_CACHE_BYTES = 64_000_000

# The interpreter with all packages, the delivery's own bytes, and the logs extension.
_TAKEN_BYTES = 150_000_000
# Of Lambda's smallest functions: the converter's bounds are well above what CloudWatch's metrics
# need. A body exists three times for a moment, as bytes, text and records.
_LEAST_SHARE = 4


def new_converter(settings: Settings) -> Converter:
    """Return a converter for the settings."""
    return Converter(
        Profile(
            keep_case=settings.label_value_case == "keep",
            native_histograms=settings.native_histograms,
            max_bytes=settings.max_bytes,
            cache_bytes=_CACHE_BYTES,
            limits=limits_of_delivery(settings.memory_bytes),
        )
    )


def limits_of_delivery(memory: int | None) -> Limits:
    """Return how much the conversion of one delivery may take.

    With more, Lambda would kill the function, which could then neither answer nor log why.

    Args:
        memory: The function's memory in bytes; None where the process is not Lambda's.
    """
    if memory is None:
        return Limits()
    free = max(memory - _TAKEN_BYTES - _CACHE_BYTES, memory // _LEAST_SHARE)
    return Limits(points=free // 2_500, label_bytes=free // 3, body_bytes=free // 6)


def bytes_for_body(memory: int | None) -> int:
    """Return how many bytes the body of a delivery may have, inflated.

    Args:
        memory: As for `limits_of_delivery`.
    """
    if memory is None:
        return MAX_INFLATED_BYTES
    return min(MAX_INFLATED_BYTES, memory // _LEAST_SHARE)
