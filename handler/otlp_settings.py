"""The settings of an OTLP endpoint, which takes the place of the listener."""

from collections.abc import Mapping
from typing import Any

from handler.auth import Auth

ENDPOINT = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"
HEADERS = "OTEL_EXPORTER_OTLP_METRICS_HEADERS"
TIMEOUT = "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT"
_COMPRESSION = "OTEL_EXPORTER_OTLP_METRICS_COMPRESSION"
_DIMENSIONS = "OTLP_DIMENSIONS"

LISTENER = "LOGZIO_METRICS_LISTENER"
LISTENER_HEADERS = "REMOTE_WRITE_HEADERS"
LISTENER_TIMEOUT = "LISTENER_TIMEOUT_SECONDS"

NO_REGION = "none"
"""The value of LOGZIO_REGION that means no listener of Logz.io, wherever the function runs."""

VARIABLES = (ENDPOINT, HEADERS, TIMEOUT, _COMPRESSION, _DIMENSIONS)
"""The variables of OTLP."""

_REPLACED = {LISTENER_HEADERS: HEADERS, LISTENER_TIMEOUT: TIMEOUT}
# What decides about the names, the labels and the bodies of remote write, or about the listener.
_NOT_FOR_OTLP = (
    LISTENER,
    "LOGZIO_REGION",
    "NAMING_PROFILE",
    "STATISTICS",
    "EXTERNAL_LABELS",
    "DIMENSION_LABELS",
    "WRITE_RELABEL_CONFIGS",
    "LABEL_VALUE_CASE",
    "UNIT_LABEL",
    "MAX_LABELS",
    "NATIVE_HISTOGRAMS",
    "REMOTE_WRITE_PROTOBUF_MESSAGE",
    "SEND_METADATA",
    "P8S_LOGZIO_NAME",
    "LISTENER_ALLOWED_HOSTS",
)


def contradictions(
    values: Mapping[str, Any], given: Mapping[str, str], defaults: Mapping[str, Any]
) -> list[str]:
    """Return what is wrong with the settings of OTLP and those that it excludes.

    Args:
        values: The value of each variable.
        given: The text of each variable that is set.
        defaults: The value of each variable that is not set.
    """
    # A stack sets some variables to what they are by default.
    changed = {name for name in given if given[name] and values.get(name) != defaults.get(name)}
    if not values[ENDPOINT]:
        if given.get(ENDPOINT):
            # It is malformed, which is problem enough.
            return []
        return [f"{name} has no effect without {ENDPOINT}" for name in VARIABLES if name in changed]
    problems = [
        f"{name} must not be set together with {ENDPOINT}; set {instead} instead"
        for name, instead in _REPLACED.items()
        if name in changed
    ]
    if values["LOGZIO_REGION"] == NO_REGION:
        changed.discard("LOGZIO_REGION")
    problems += [
        f"{name} must not be set together with {ENDPOINT}"
        for name in _NOT_FOR_OTLP
        if name in changed
    ]
    if values[HEADERS] and values["REMOTE_WRITE_HEADERS_ARN"]:
        problems.append(f"REMOTE_WRITE_HEADERS_ARN must not be set together with {HEADERS}")
    scheme: type[Auth] = values["REMOTE_WRITE_AUTH"]
    problem = scheme.problem_with_headers(values[HEADERS])
    return [*problems, f"{HEADERS} {problem}"] if problem else problems


def in_place_of_listener(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the listener's URL, headers and timeout, which are those of the OTLP endpoint."""
    return {
        LISTENER: values[ENDPOINT],
        LISTENER_HEADERS: values[HEADERS],
        LISTENER_TIMEOUT: values[TIMEOUT] / 1000,
    }
