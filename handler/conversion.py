"""The converter as the settings want it, and how large a delivery may be."""

from converters.convert import Converter, Limits, Options
from converters.otlp.convert import OtlpConverter, OtlpOptions
from converters.profiles.logzio import Logzio
from converters.remote_write_2 import max_bytes_of_1_0
from converters.rules import SeriesRules
from handler.delivery import MAX_INFLATED_BYTES
from handler.listener import MESSAGES
from handler.settings import Settings

# What a warm function remembers series with, at most.
_CACHE_BYTES = 64_000_000

# The interpreter with all packages, the delivery's own bytes, and the logs extension.
_TAKEN_BYTES = 150_000_000
# Of Lambda's smallest functions. A body is in memory three times for a moment, as bytes, text and
# records.
_LEAST_SHARE = 4

# What is free is divided by what the worst deliveries were measured to take. A data point takes up
# to 1,700 bytes until it is written: many periods of one series, or a new series with its labels.
# New labels count about 2,000 bytes for each of CloudWatch's points, half of which they take; they
# are held twice, in the cache and in a body. A function of 512 MB, the default, accepts 146,000
# points, 80,000 of them of new series; an event of 6 MB has 18,000, gzipped 65,000.
# `make hostile` measures what is worse.
_BYTES_PER_POINT = 2_200
_LABELS_SHARE = 2
_BODIES_SHARE = 8


def rules_of(settings: Settings) -> SeriesRules:
    """Return what the settings say about the series of metrics."""
    case = settings.label_value_case
    return SeriesRules(
        profile=settings.naming_profile(settings.dimension_labels),
        statistics=settings.statistics,
        keep_case=None if case is None else case == "keep",
        external_labels=settings.external_labels,
        relabel=settings.relabel_configs,
        unit_label=settings.unit_label,
        max_labels=settings.max_labels,
    )


def new_converter(
    settings: Settings, rules: SeriesRules | None = None
) -> Converter | OtlpConverter:
    """Return a converter for the settings.

    Args:
        settings: The operator's settings.
        rules: Which series remote write has; None for what the settings say.
    """
    limits = limits_of_delivery(settings.memory_bytes)
    if settings.otlp_endpoint:
        return OtlpConverter(
            OtlpOptions(
                flatten=settings.otlp_dimensions == "flatten",
                gzip=settings.otlp_compression == "gzip",
                max_bytes=settings.max_bytes,
                cache_bytes=_CACHE_BYTES,
                # There are no labels, and bodies may be as large as the records.
                limits=limits._replace(body_bytes=limits.label_bytes),
            )
        )
    is_2_0 = settings.message == MESSAGES[1]
    max_bytes = max_bytes_of_1_0(settings.max_bytes) if is_2_0 else settings.max_bytes
    return Converter(
        Options(
            rules=rules or rules_of(settings),
            native_histograms=settings.native_histograms,
            metadata=is_2_0 or sends_metadata(settings),
            max_bytes=max_bytes,
            cache_bytes=_CACHE_BYTES,
            limits=limits,
        )
    )


def sends_metadata(settings: Settings) -> bool:
    """Return whether metadata has requests of its own, to a listener of remote write 1.0."""
    if settings.send_metadata is None:
        return settings.naming_profile is not Logzio
    return settings.send_metadata


def limits_of_delivery(memory: int | None) -> Limits:
    """Return how much the conversion of one delivery may take.

    With more, Lambda would kill the function, which could then neither answer nor log why.

    Args:
        memory: The function's memory in bytes; None where the process is not Lambda's.
    """
    if memory is None:
        return Limits()
    free = max(memory - _TAKEN_BYTES - _CACHE_BYTES, memory // _LEAST_SHARE)
    return Limits(
        points=free // _BYTES_PER_POINT,
        label_bytes=free // _LABELS_SHARE,
        body_bytes=free // _BODIES_SHARE,
    )


def bytes_for_body(memory: int | None) -> int:
    """Return how many bytes the body of a delivery may have, inflated.

    Args:
        memory: As for `limits_of_delivery`.
    """
    if memory is None:
        return MAX_INFLATED_BYTES
    return min(MAX_INFLATED_BYTES, memory // _LEAST_SHARE)
