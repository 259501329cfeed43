"""
The operator's settings: environment variables, read once into one immutable object.

A wrong value never keeps the extension from starting, for then the function would not start
either: it becomes the default, or the nearest that AWS allows, and is told once.
"""

from __future__ import annotations

import json
import re
import warnings
from typing import TYPE_CHECKING, NamedTuple

from extension.variables import (
    DESTINATIONS,
    FLUSH_BUDGET,
    Range,
    check_variables,
    inferred_destinations,
    read_number,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TYPES = ("function", "platform", "extension")
"""What can be subscribed to (Telemetry API reference, "types")."""

LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
"""The levels of Lambda's JSON log format, from the least to the most severe."""

DEFAULT_RECEIVER_ADDRESS = "sandbox.localdomain"
DEFAULT_RECEIVER_PORT = 4243
# "Do not use port 9001" (Telemetry API reference, "Specifying a destination").
_RESERVED_PORT = 9001
_PORT = Range("RECEIVER_PORT", DEFAULT_RECEIVER_PORT, 1, 65_535)
# Telemetry API reference, "Memory usage and buffering". AWS's own default for the time is a
# second; every invocation would end with that wait.
_MAX_ITEMS = Range("MAX_ITEMS", 10_000, 1_000, 10_000)
_MAX_BYTES = Range("MAX_BYTES", 262_144, 262_144, 1_048_576)
_TIMEOUT_MS = Range("TIMEOUT_MS", 25, 25, 30_000)
_BUFFER_MAX_BYTES = Range("BUFFER_MAX_BYTES", 8_388_608, 65_536, 1_073_741_824)

_HOST_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_OWN_LEVELS = {
    "trace": "debug",
    "debug": "debug",
    "info": "info",
    "warn": "warn",
    "warning": "warn",
    "error": "error",
    "fatal": "error",
    "panic": "error",
    "critical": "error",
    "off": "off",
}
_DEFAULT_OWN_LEVEL = "warn"
_LEVEL_ALIASES = {"WARNING": "WARN", "CRITICAL": "FATAL"}


class Settings(NamedTuple):
    """
    All settings, checked.

    Attributes:
        receiver_address: The host name that Lambda sends telemetry to.
        receiver_port: Its port.
        max_items: Events in one delivery of Lambda's.
        max_bytes: Bytes in one delivery of Lambda's.
        timeout_ms: Milliseconds that Lambda gathers events before it delivers them.
        types: What is shipped; None for what each destination ships by default.
        buffer_max_bytes: Bytes of all records that wait, for all destinations together.
        flush_budget_ms: Milliseconds that a flush may take.
        log_level: From which level on the extension writes lines of its own: `debug`, `info`,
            `warn`, `error` or `off`.
        redact: What is removed from records before they are kept.
        sample_rate: The share of records that is shipped, 0 to 1.
        min_level: The least level that is shipped, one of `LEVELS`; None for all.
        destination_names: Where to; at least one.
        label: What EXTENSION_NAME calls this extension in records; empty where it is not set.
        warnings: What the operator should mend; no value of a secret is among it.
    """

    receiver_address: str
    receiver_port: int
    max_items: int
    max_bytes: int
    timeout_ms: int
    types: frozenset[str] | None
    buffer_max_bytes: int
    flush_budget_ms: int
    log_level: str
    redact: tuple[re.Pattern[str], ...]
    sample_rate: float
    min_level: str | None
    destination_names: tuple[str, ...]
    label: str
    warnings: tuple[str, ...]


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Return the settings of an environment; whatever is in it, this never raises."""
    said: list[str] = []
    names = _destinations(environ, said.append)
    return Settings(
        receiver_address=_address(environ, said.append),
        receiver_port=_port(environ, said.append),
        max_items=read_number(environ, _MAX_ITEMS, said.append),
        max_bytes=read_number(environ, _MAX_BYTES, said.append),
        timeout_ms=_window(environ, said.append),
        types=_types(environ, said.append),
        buffer_max_bytes=read_number(environ, _BUFFER_MAX_BYTES, said.append),
        flush_budget_ms=read_number(environ, FLUSH_BUDGET, said.append),
        log_level=_own_level(environ, names, said.append),
        redact=_redact(environ, said.append),
        sample_rate=_sample_rate(environ, said.append),
        min_level=_min_level(environ, said.append),
        destination_names=names,
        label=environ.get("EXTENSION_NAME", "").strip(),
        warnings=(*said, *check_variables(environ, names)),
    )


def _window(environ: Mapping[str, str], say: Callable[[str], None]) -> int:
    """Return the platform's buffering time: a part of the budget, in which it is waited for."""
    half = max(_TIMEOUT_MS.least, read_number(environ, FLUSH_BUDGET) // 2)
    return read_number(environ, _TIMEOUT_MS._replace(most=min(half, _TIMEOUT_MS.most)), say)


def _listed(environ: Mapping[str, str], variable: str) -> list[str]:
    parts = (part.strip().lower() for part in environ.get(variable, "").split(","))
    return list(dict.fromkeys(part for part in parts if part))


def _destinations(environ: Mapping[str, str], warn: Callable[[str], object]) -> tuple[str, ...]:
    listed = _listed(environ, "LOGS_DESTINATION")
    known = tuple(name for name in listed if name in DESTINATIONS)
    used = known or inferred_destinations(environ)
    if len(known) < len(listed):
        warn(
            f"LOGS_DESTINATION must list some of {', '.join(DESTINATIONS)}; "
            f"used is {','.join(used)}"
        )
    return used


def _types(environ: Mapping[str, str], warn: Callable[[str], object]) -> frozenset[str] | None:
    listed = _listed(environ, "TELEMETRY_TYPES")
    known = frozenset(kind for kind in listed if kind in TYPES)
    if len(known) < len(listed):
        used = f"used is {','.join(sorted(known))}" if known else "the default is used"
        warn(f"TELEMETRY_TYPES must list some of {', '.join(TYPES)}; {used}")
    return known or None


def _address(environ: Mapping[str, str], warn: Callable[[str], object]) -> str:
    text = environ.get("RECEIVER_ADDRESS", "").strip() or DEFAULT_RECEIVER_ADDRESS
    if _HOST_NAME.fullmatch(text):
        return text
    warn(f"RECEIVER_ADDRESS must be a host name; {DEFAULT_RECEIVER_ADDRESS} is used")
    return DEFAULT_RECEIVER_ADDRESS


def _port(environ: Mapping[str, str], warn: Callable[[str], object]) -> int:
    port = read_number(environ, _PORT, warn)
    if port != _RESERVED_PORT:
        return port
    warn(f"RECEIVER_PORT must not be 9001, which Lambda uses; {DEFAULT_RECEIVER_PORT} is used")
    return DEFAULT_RECEIVER_PORT


def _own_level(
    environ: Mapping[str, str], names: tuple[str, ...], warn: Callable[[str], object]
) -> str:
    """Return the level of the extension's own lines, from the first variable that has one."""
    for variable in ("EXTENSION_LOG_LEVEL", "LOGS_EXT_LOG_LEVEL"):
        text = environ.get(variable, "").strip()
        level = _OWN_LEVELS.get(text.lower())
        if level:
            return level
        if text:
            warn(f"{variable} must be debug, info, warn, error or off")
    # Functions use this name for themselves, so what it holds is nobody's mistake.
    level = environ.get("LOG_LEVEL", "") if "openobserve" in names else ""
    return _OWN_LEVELS.get(level.strip().lower(), _DEFAULT_OWN_LEVEL)


def _min_level(environ: Mapping[str, str], warn: Callable[[str], object]) -> str | None:
    text = environ.get("LOGS_MIN_LEVEL", "").strip().upper()
    level = _LEVEL_ALIASES.get(text, text)
    if level in LEVELS:
        return level
    if text:
        warn(f"LOGS_MIN_LEVEL must be one of {', '.join(LEVELS)}; records of all levels are sent")
    return None


def _sample_rate(environ: Mapping[str, str], warn: Callable[[str], object]) -> float:
    text = environ.get("LOGS_SAMPLE_RATE", "").strip()
    try:
        rate = float(text or 1)
    except ValueError:
        rate = -1.0
    # NaN is not between the two either.
    if 0 <= rate <= 1:
        return rate
    warn("LOGS_SAMPLE_RATE must be a number from 0 to 1; all records are sent")
    return 1.0


def _redact(
    environ: Mapping[str, str], warn: Callable[[str], object]
) -> tuple[re.Pattern[str], ...]:
    """Return the expressions: a JSON array of them, or one on each line."""
    text = environ.get("LOGS_REDACT", "").strip()
    patterns: list[re.Pattern[str]] = []
    for number, expression in enumerate(_expressions(text), 1):
        pattern = _compiled(expression)
        if pattern is None:
            # An expression may show what it is to hide.
            warn(
                f"expression {number} of LOGS_REDACT does nothing: it must be a regular "
                "expression of Python that does not match an empty text"
            )
        else:
            patterns.append(pattern)
    return tuple(patterns)


def _expressions(text: str) -> list[str]:
    if text.startswith("["):
        try:
            listed = json.loads(text)
        except (ValueError, RecursionError):
            # One that begins with a set of characters.
            listed = None
        if isinstance(listed, list) and all(isinstance(item, str) for item in listed):
            return [item for item in listed if item]
    return [line.strip() for line in text.splitlines() if line.strip()]


def _compiled(expression: str) -> re.Pattern[str] | None:
    try:
        with warnings.catch_warnings():
            # What a later Python may understand differently works today.
            warnings.simplefilter("ignore")
            pattern = re.compile(expression)
    except (re.error, OverflowError, RecursionError):
        return None
    return None if pattern.match("") else pattern
