"""
The variables of the existing extensions, each honoured or explained.

Whoever replaces the layer of one of them keeps the function's environment. What a variable
there was for and cannot be here, one warning says; what is honoured is read here or by the
destination that it belongs to.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from extension.destinations.destination import RetrySettings

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

DEFAULT_FLUSH_BUDGET_MS = 1_000
_MEGABYTE = 1_048_576
_LARGEST_BATCH_MB = 10
# Lambda's own limit for all variables together is 4 KB.
_LONGEST_LIST = 32_768
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,15}")
# "[a-zA-Z_:][a-zA-Z0-9_:]*" in Prometheus; Loki's own parser knows no colon.
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,1023}")
_OTEL_LABEL = "OTEL_LABEL_"

# What tells that somebody used one of the existing extensions, and which.
_TELLING = (
    ("logzio", ("LOGZIO_LOGS_TOKEN", "LOGZIO_LOGS_TOKEN_ARN")),
    ("loki", ("LOKI_URL", "LOKI_IP")),
    (
        "openobserve",
        ("O2_ORGANIZATION_ID", "O2_AUTHORIZATION_HEADER", "O2_AUTHORIZATION_HEADER_ARN"),
    ),
    ("datatap", ("BD_TAP_CLIENT_TOKEN", "BD_TAP_CLIENT_TOKEN_ARN")),
)
DESTINATIONS = tuple(name for name, _ in _TELLING)
"""What LOGS_DESTINATION may list."""

_NO_PARSING = "lines are not taken apart by patterns; log JSON objects, their fields are kept"
_NEGOTIATED = "the versions of the Lambda APIs are chosen by this extension"
_WITHOUT_EFFECT: tuple[tuple[str, str, str], ...] = (
    # Variable; the destination without which nobody means this extension by it; why.
    ("GROK_PATTERNS", "", _NO_PARSING),
    ("LOGS_FORMAT", "", _NO_PARSING),
    ("DISPATCH_MIN_BATCH_SIZE", "", "records are sent at the end of each invocation, few or many"),
    ("O2_BATCH_SIZE", "", "a batch is bounded in bytes, by O2_MAX_BUFFER_SIZE_MB"),
    (
        "O2_FLUSH_INTERVAL_MS",
        "",
        "records are sent after a second and at the end of each invocation",
    ),
    ("AWS_LAMBDA_RUNTIME_EXTENSION_API_VERSION", "", _NEGOTIATED),
    ("AWS_LAMBDA_RUNTIME_TELEMETRY_API_VERSION", "", _NEGOTIATED),
    ("AWS_LAMBDA_RUNTIME_TELEMETRY_SCHEMA_VERSION", "", _NEGOTIATED),
    ("NODE_ENV", "datatap", "this extension does not run on Node.js"),
    (
        "AWS_SAM_LOCAL",
        "",
        "the local sandbox delivers no telemetry, so no logs are shipped from it",
    ),
)
_PACING = {
    # Variable: its default in the existing extension, and the least that makes sense.
    "O2_REQUEST_TIMEOUT_MS": (30_000, 1),
    "O2_MAX_RETRIES": (3, 0),
    "O2_INITIAL_RETRY_DELAY_MS": (1_000, 0),
    "O2_MAX_RETRY_DELAY_MS": (30_000, 0),
}


class Range(NamedTuple):
    """A whole number that a variable holds: what it is if unset, and what it may be."""

    variable: str
    default: int
    least: int
    most: int


FLUSH_BUDGET = Range("FLUSH_BUDGET_MS", DEFAULT_FLUSH_BUDGET_MS, 10, 30_000)
_BATCH_MB = Range("O2_MAX_BUFFER_SIZE_MB", _LARGEST_BATCH_MB, 1, _LARGEST_BATCH_MB)


def read_number(
    environ: Mapping[str, str], wanted: Range, warn: Callable[[str], object] | None = None
) -> int:
    """
    Return the number that a variable holds, moved into its range.

    Args:
        environ: The environment variables.
        wanted: The variable, its default and its range.
        warn: Is told what is wrong with the variable, if anything.
    """
    variable, default, least, most = wanted
    text = environ.get(variable, "").strip()
    if not text:
        return default
    if not _WHOLE_NUMBER.fullmatch(text):
        if warn is not None:
            warn(f"{variable} must be a whole number from {least} to {most}; {default} is used")
        return default
    number = int(text)
    used = min(max(number, least), most)
    if used != number and warn is not None:
        warn(f"{variable} must be from {least} to {most}; {used} is used instead of {number}")
    return used


def inferred_destinations(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the destinations whose variables are set; the default where none is."""
    found = tuple(
        name for name, variables in _TELLING if any(environ.get(v, "").strip() for v in variables)
    )
    return found or ("logzio",)


def retry_settings(environ: Mapping[str, str]) -> RetrySettings | None:
    """Return what the variables O2_... say about time, capped; None where none is set."""
    if not any(environ.get(variable, "").strip() for variable in _PACING):
        return None
    budget = read_number(environ, FLUSH_BUDGET)
    timeout, retries, initial, longest = (
        read_number(environ, wanted) for wanted in _pacing_ranges()
    )
    longest = min(longest, budget)
    return RetrySettings(min(timeout, budget), retries, min(initial, longest), longest)


def batch_bytes(environ: Mapping[str, str]) -> int:
    """Return how many bytes a body for OpenObserve may have, before compression."""
    return min(read_number(environ, _BATCH_MB) * _MEGABYTE, 10_485_760)


def custom_fields(environ: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the pairs of CUSTOM_FIELDS, and a warning for what is no pair."""
    return _pairs(environ, "CUSTOM_FIELDS", re.compile(r".{1,256}"))


def loki_labels(environ: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the pairs of LOKI_LABELS and what each OTEL_LABEL_<K> says, and warnings."""
    labels, warnings = _pairs(environ, "LOKI_LABELS", _LABEL_NAME)
    refused = []
    for variable in sorted(environ):
        name, value = variable[len(_OTEL_LABEL) :].lower(), environ[variable]
        if not variable.startswith(_OTEL_LABEL) or not value:
            continue
        if _LABEL_NAME.fullmatch(name):
            labels.setdefault(name, value)
        else:
            refused.append(f"{variable} does nothing: {name!r} cannot be the name of a label")
    return labels, (*warnings, *refused)


def check_variables(environ: Mapping[str, str], names: Collection[str]) -> tuple[str, ...]:
    """
    Return a warning for each variable that does nothing, or not what it says.

    Args:
        environ: The environment variables.
        names: The destinations.
    """
    warnings = [
        f"{variable} does nothing: {reason}"
        for variable, destination, reason in _WITHOUT_EFFECT
        if environ.get(variable, "").strip() and (not destination or destination in names)
    ]
    if "logzio" in names:
        warnings += custom_fields(environ)[1]
    if "loki" in names:
        warnings += loki_labels(environ)[1]
    if "openobserve" in names:
        for wanted in (*_pacing_ranges(), _BATCH_MB):
            read_number(environ, wanted, warnings.append)
    return tuple(warnings)


def _pacing_ranges() -> list[Range]:
    return [Range(v, default, least, 3_600_000) for v, (default, least) in _PACING.items()]


def _pairs(
    environ: Mapping[str, str], variable: str, names: re.Pattern[str]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the pairs in `k=v,k=v`; a value may have `=` in it."""
    text = environ.get(variable, "")
    if len(text) > _LONGEST_LIST:
        return {}, (f"{variable} does nothing: it is longer than {_LONGEST_LIST} characters",)
    pairs: dict[str, str] = {}
    refused = 0
    for part in text.split(","):
        name, equals, value = part.partition("=")
        name, value = name.strip(), value.strip()
        if equals and names.fullmatch(name):
            pairs.setdefault(name, value)
        elif part.strip():
            refused += 1
    if not refused:
        return pairs, ()
    # What stands there may be meant for nobody's eyes, so it is counted and not repeated.
    return pairs, (f"{refused} part(s) of {variable} do nothing: it must be name=value,name=value",)
