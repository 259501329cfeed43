"""The operator's settings: environment variables, read once into one immutable object.

`DECLARED` lists every variable; the documentation's table is generated from it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from extension.destinations import DESTINATIONS
from extension.destinations.datatap import DataTap
from extension.destinations.destination import TYPES
from extension.json_text import json_text, object_in
from extension.proxies import Proxies
from extension.variables import (
    FLUSH_BUDGET_MS,
    REQUEST_TIMEOUT_MS,
    SAMPLE_RATE,
    Configured,
    Setting,
    number,
    patterns,
    words,
)

# "Do not use port 9001" (Telemetry API reference, "Specifying a destination").
_RESERVED_PORT = 9001
_HOST_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
"""The levels of Lambda's JSON log format, from the least to the most severe."""

_ALL_LEVELS = ", ".join(f"`{level}`" for level in LEVELS)
_OWN_LEVELS = {
    "": "",
    **{level: level for level in ("debug", "info", "warn", "error", "off")},
    "trace": "debug",
    "warning": "warn",
    **dict.fromkeys(("fatal", "panic", "critical"), "error"),
}


def _own_level(text: str) -> str:
    if text.lower() not in _OWN_LEVELS:
        raise ValueError("must be debug, info, warn, error or off")
    return _OWN_LEVELS[text.lower()]


def _min_level(text: str) -> str | None:
    level = {"WARNING": "WARN", "CRITICAL": "FATAL"}.get(text.upper(), text.upper())
    if level and level not in LEVELS:
        raise ValueError(f"must be one of {', '.join(LEVELS)}")
    return level or None


def _host_name(text: str) -> str:
    if not _HOST_NAME.fullmatch(text):
        raise ValueError("must be a host name")
    return text


def _port(text: str) -> int:
    port = number("", "", 0, (1, 65_535)).parse(text)
    if port == _RESERVED_PORT:
        raise ValueError(f"must not be {_RESERVED_PORT}, which Lambda uses")
    return port


_NEGOTIATED = "the extension chooses the versions of the Lambda APIs itself"
_WITHOUT_EFFECT = {
    "AWS_LAMBDA_RUNTIME_EXTENSION_API_VERSION": _NEGOTIATED,
    "AWS_LAMBDA_RUNTIME_TELEMETRY_API_VERSION": _NEGOTIATED,
    "AWS_LAMBDA_RUNTIME_TELEMETRY_SCHEMA_VERSION": _NEGOTIATED,
    "AWS_SAM_LOCAL": "the local sandbox delivers no telemetry, so no logs are shipped from it",
}


class Settings(Configured):
    """The settings that do not belong to one destination; `meaning` says what each is for.

    Attributes:
        types: What is shipped; None for what each destination ships by default.
        warnings: What the operator should fix; no value of a secret is in them.
    """

    destination_names = words(
        "LOGS_DESTINATION",
        "`logzio`, `loki`, `openobserve`, `datatap`; several, separated by commas.",
        DESTINATIONS,
        "from the other variables",
    )
    telemetry_types = words(
        "TELEMETRY_TYPES",
        "What is shipped: `function`, `platform`, `extension`, separated by commas. By default the "
        "function's lines; OpenObserve and a Data Tap get all three.",
        TYPES,
        "by destination",
    )
    min_level = Setting(
        "LOGS_MIN_LEVEL",
        _min_level,
        "",
        f"Lines with a lower level are not shipped. {_ALL_LEVELS}.",
    )
    sample_rate = SAMPLE_RATE
    exclude = patterns(
        "LOGS_EXCLUDE",
        "Regular expressions as in `LOGS_REDACT`. The function's lines in which one is found are "
        "not shipped; an object counts as its JSON.",
    )
    redact = patterns(
        "LOGS_REDACT",
        "Regular expressions of Python, as a JSON array or one on each line. What they match, in "
        "texts and numbers, is replaced before a record is queued. An expression that backtracks "
        "a lot delays the extension.",
    )
    flush_budget_ms = FLUSH_BUDGET_MS
    request_timeout_ms = REQUEST_TIMEOUT_MS
    buffer_max_bytes = number(
        "BUFFER_MAX_BYTES",
        "Memory for queued records, of all destinations together, in bytes.",
        8_388_608,
        (65_536, 1_073_741_824),
    )
    # Telemetry API reference, "Memory usage and buffering". AWS's own default for the time is a
    # second; every invocation would end with that wait.
    max_items = number(
        "LOGS_MAX_ITEMS",
        "Lambda sends its buffer when it has this number of events.",
        10_000,
        (1_000, 10_000),
    )
    max_bytes = number(
        "LOGS_MAX_BYTES",
        "Lambda sends its buffer when it has this size in bytes.",
        262_144,
        (262_144, 1_048_576),
    )
    timeout_ms = number(
        "LOGS_TIMEOUT_MS",
        "Lambda sends its buffer after this time in milliseconds, at most half of "
        "`FLUSH_BUDGET_MS`. The end of each invocation waits that long.",
        25,
        (25, 15_000),
    )
    receiver_address = Setting(
        "RECEIVER_ADDRESS", _host_name, "sandbox.localdomain", "The host name that Lambda sends to."
    )
    receiver_port = Setting(
        "RECEIVER_PORT", _port, "4243", "Its port. If that is in use, another one is used."
    )
    own_level = Setting(
        "EXTENSION_LOG_LEVEL",
        _own_level,
        "",
        "The lowest level of the extension's own lines: `debug`, `info`, `warn`, `error` or `off`.",
        "`warn`",
    )
    own_level_of_logzio = Setting(
        "LOGS_EXT_LOG_LEVEL",
        _own_level,
        "",
        "The same, under the name in Logz.io's original extension.",
    )
    # Functions use this name for themselves, so a value that is no level is no mistake.
    own_level_of_openobserve = Setting(
        "LOG_LEVEL",
        lambda value: _OWN_LEVELS.get(value.lower(), ""),
        "",
        "The same, under the name in OpenObserve's original extension; only for `openobserve`.",
    )

    def __init__(self, environ: Mapping[str, str]) -> None:
        problems: list[str] = []
        super().__init__(environ, problems.append)
        if not self.destination_names:
            vars(self)["destination_names"] = _inferred_destinations(environ)
        self.types = frozenset(self.telemetry_types) or None
        self._read_original_names(environ, problems)
        # Lambda's buffering time is a part of the budget: at most half of it.
        longest = max(25, self.flush_budget_ms // 2)
        if self.timeout_ms > longest:
            problems = [it for it in problems if "TIMEOUT_MS must be from" not in it]
            problems.append(
                f"LOGS_TIMEOUT_MS must be at most half of FLUSH_BUDGET_MS; {longest} is used"
            )
            vars(self)["timeout_ms"] = longest
        level = self.own_level or self.own_level_of_logzio
        if not level and "openobserve" in self.destination_names:
            level = self.own_level_of_openobserve
        self.log_level = level or "warn"
        if problem := Proxies(environ).problem:
            problems.append(problem)
        self.warnings = (
            *problems,
            *_given_twice(environ),
            *_without_effect(environ, self.destination_names),
        )

    def _read_original_names(self, environ: Mapping[str, str], problems: list[str]) -> None:
        """Read what a Data Tap's own extension calls `MAX_ITEMS`, and so on.

        Many functions use these names for themselves, so they count for a Data Tap alone.
        """
        if self.destination_names != (DataTap.name,):
            return
        for attribute in ("max_items", "max_bytes", "timeout_ms"):
            ours: Setting[int] = vars(Settings)[attribute]
            name = ours.name.removeprefix("LOGS_")
            if not ours.is_set(environ):
                original = Setting(name, ours.parse, ours.default, ours.meaning)
                vars(self)[attribute] = original.read(environ, problems.append)


DECLARED: Mapping[str, tuple[Setting[Any], ...]] = {
    "All destinations": Settings.declared(),
    **{kind.title: kind.declared() for kind in DESTINATIONS.values()},
}
"""Every setting, in the order of the documentation; the destinations' own by their titles."""


_SETTINGS = "SETTINGS"
_PREFIXES = tuple(s.name[:-1] for group in DECLARED.values() for s in group if s.name[-1] == "*")
_NAMES = frozenset(s.name for group in DECLARED.values() for s in group)


def with_json_settings(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return an environment in which what the JSON object in `SETTINGS` holds are variables.

    It may hold the function's settings too, or be a variable of the function that is no JSON. So
    what the extension does not know is not reported. A token is not taken from there, and a
    variable of its own takes precedence.
    """
    members, twice = object_in(environ.get(_SETTINGS, ""))
    taken = {
        name: value if isinstance(value, str) else json_text(value)
        for name, value in (members or {}).items()
        if value is not None and _is_plain(name) and name not in twice
    }
    own = {name: value for name, value in environ.items() if value.strip() or name not in taken}
    return {**taken, **own}


def _given_twice(environ: Mapping[str, str]) -> list[str]:
    """Return a warning for each setting that stands in `SETTINGS` twice."""
    _, twice = object_in(environ.get(_SETTINGS, ""))
    return [
        f"SETTINGS must not set {name} twice; it is ignored" for name in twice if name in _NAMES
    ]


def _is_plain(name: str) -> bool:
    """Return whether a name is that of a setting that is no token."""
    return name.startswith(_PREFIXES) or (name in _NAMES and f"{name}_ARN" not in _NAMES)


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Return the settings of an environment; never raises, whatever the environment holds."""
    return Settings(environ)


def _inferred_destinations(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the destinations whose variables are set; Logz.io if there is none."""
    return tuple(
        name
        for name, kind in DESTINATIONS.items()
        if any(setting.is_set(environ) for setting in kind.identified_by)
    ) or ("logzio",)


def _without_effect(environ: Mapping[str, str], names: tuple[str, ...]) -> list[str]:
    """Return a warning for each variable of an original extension that does nothing here."""
    reasons = dict(_WITHOUT_EFFECT)
    for name in names:
        reasons.update(DESTINATIONS[name].without_effect)
    return [
        f"{variable} does nothing: {reason}"
        for variable, reason in reasons.items()
        if environ.get(variable, "").strip()
    ]
