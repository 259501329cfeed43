"""The converter as the operator has set it up, and how much memory a delivery may take."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from converters.convert import Converter, Limits, Profile
from handler.body import MAX_INFLATED_BYTES

if TYPE_CHECKING:
    from handler.settings import Settings

# What a warm function remembers series with, at most.
_CACHE_BYTES = 64_000_000

# The interpreter with all packages, the delivery's own bytes, and the logs extension.
_TAKEN_BYTES = 150_000_000
# Of Lambda's smallest functions: the converter's estimates are well above what CloudWatch's
# metrics really take. A body is there three times for a moment, as bytes, text and records.
_LEAST_SHARE = 4


def new_converter(settings: Settings) -> Converter:
    """Return a converter that keeps to the settings."""
    return Converter(
        Profile(
            keep_case=settings.keep_case,
            native_histograms=settings.native_histograms,
            max_bytes=settings.max_bytes,
            cache_bytes=_CACHE_BYTES,
            limits=limits_of_delivery(settings.memory_size),
        )
    )


def limits_of_delivery(memory_size: str) -> Limits:
    """Return what the conversion of one delivery may take.

    With more, Lambda would kill the function, which then answers nothing and
    logs no reason.

    Args:
        memory_size: AWS_LAMBDA_FUNCTION_MEMORY_SIZE, in MiB; empty where the
            process is not Lambda's.
    """
    memory = _bytes_of(memory_size)
    if memory is None:
        return Limits()
    free = max(memory - _TAKEN_BYTES - _CACHE_BYTES, memory // _LEAST_SHARE)
    return Limits(points=free // 2_500, label_bytes=free // 3, body_bytes=free // 6)


def bytes_for_body(memory_size: str) -> int:
    """
    Return how many bytes the body of a delivery may have when it is inflated.

    Args:
        memory_size: As for `limits_of_delivery`.
    """
    memory = _bytes_of(memory_size)
    if memory is None:
        return MAX_INFLATED_BYTES
    return min(MAX_INFLATED_BYTES, memory // _LEAST_SHARE)


def _bytes_of(memory_size: str) -> int | None:
    return int(memory_size) << 20 if re.fullmatch("[1-9][0-9]{0,6}", memory_size) else None
