"""The operator's settings: environment variables, read once into one immutable object.

`DECLARED` lists every variable; docs/logs-extension.md says what each is for.
"""

import re
from collections.abc import Mapping
from typing import Any

from extension.destinations import DESTINATIONS
from extension.destinations.destination import TYPES
from extension.json_text import json_text, parsed
from extension.line_formats import LEVELS, RANKS
from extension.proxies import Proxies
from extension.variables import SAMPLE_RATE, Configured, Setting, number, patterns, words

# "Do not use port 9001" (Telemetry API reference, "Specifying a destination").
_RESERVED_PORT = 9001
_HOST_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
# Names of some settings in the original extension of a destination; they count only as variables.
# Functions use those of a Data Tap for other things, so they count only if it is the only one.
_ORIGINAL_NAMES = {
    "logzio": {"EXTENSION_LOG_LEVEL": "LOGS_EXT_LOG_LEVEL"},
    "openobserve": {"EXTENSION_LOG_LEVEL": "LOG_LEVEL"},
    "datatap": {
        "LOGS_MAX_ITEMS": "MAX_ITEMS",
        "LOGS_MAX_BYTES": "MAX_BYTES",
        "LOGS_TIMEOUT_MS": "TIMEOUT_MS",
    },
}


def _level(text: str) -> str:
    if text and text.upper() not in RANKS:
        raise ValueError(f"must be one of {', '.join(LEVELS)}")
    return LEVELS[RANKS[text.upper()]] if text else ""


def _own_level(text: str) -> str:
    return "off" if text.lower() == "off" else _level(text).lower()


def _host_name(text: str) -> str:
    if not _HOST_NAME.fullmatch(text):
        raise ValueError("must be a host name")
    return text


def _port(text: str) -> int:
    port = number(1, 65_535)(text)
    if port == _RESERVED_PORT:
        raise ValueError(f"must not be {_RESERVED_PORT}, which Lambda uses")
    return port


_DESTINATION_NAMES = Setting("LOGS_DESTINATION", words(DESTINATIONS))


class Settings(Configured):
    """The settings that do not belong to one destination.

    Attributes:
        types: What is shipped; None for what each destination ships by default.
        warnings: What the operator should fix; no value of a secret is in them.
    """

    destination_names = _DESTINATION_NAMES
    telemetry_types = Setting("TELEMETRY_TYPES", words(TYPES))
    min_level = Setting("LOGS_MIN_LEVEL", _level)
    sample_rate = SAMPLE_RATE
    exclude = Setting("LOGS_EXCLUDE", patterns)
    redact = Setting("LOGS_REDACT", patterns)
    flush_budget_ms = Setting("FLUSH_BUDGET_MS", number(10, 30_000), "1000")
    request_timeout_ms = Setting("LOGS_REQUEST_TIMEOUT_MS", number(10, 300_000), "10000")
    buffer_max_bytes = Setting("BUFFER_MAX_BYTES", number(65_536, 1_073_741_824), "8388608")
    # Telemetry API reference, "Memory usage and buffering". AWS's own default for the time is a
    # second; every invocation would end with that wait.
    max_items = Setting("LOGS_MAX_ITEMS", number(1_000, 10_000), "10000")
    max_bytes = Setting("LOGS_MAX_BYTES", number(262_144, 1_048_576), "262144")
    timeout_ms = Setting("LOGS_TIMEOUT_MS", number(25, 30_000), "25")
    receiver_address = Setting("RECEIVER_ADDRESS", _host_name, "sandbox.localdomain")
    receiver_port = Setting("RECEIVER_PORT", _port, "4243")
    log_level = Setting("EXTENSION_LOG_LEVEL", _own_level, "warn")

    def __init__(self, environ: Mapping[str, str]) -> None:
        problems: list[str] = []
        names = _DESTINATION_NAMES.read(environ, lambda _: None) or _inferred_destinations(environ)
        super().__init__(_with_original_names(environ, names), problems.append)
        vars(self)["destination_names"] = names
        self.types = frozenset(self.telemetry_types) or None
        # Lambda's buffering time is a part of the budget: at most half of it.
        longest = max(25, self.flush_budget_ms // 2)
        if self.timeout_ms > longest:
            problems.append(
                f"LOGS_TIMEOUT_MS must be at most half of FLUSH_BUDGET_MS; {longest} is used"
            )
            vars(self)["timeout_ms"] = longest
        self.warnings = tuple(filter(None, (*problems, Proxies(environ).problem)))


DECLARED: Mapping[str, tuple[Setting[Any], ...]] = {
    "all": Settings.declared(),
    **{name: kind.declared() for name, kind in DESTINATIONS.items()},
}
"""Every setting; the destinations' own by their names."""

_PREFIXES = tuple(s.name[:-1] for group in DECLARED.values() for s in group if s.name[-1] == "*")
_NAMES = frozenset(s.name for group in DECLARED.values() for s in group)


def with_json_settings(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return an environment in which what the JSON object in `SETTINGS` holds are variables.

    It may hold the function's settings too, or be a variable of the function that is no JSON. So
    what the extension does not know is not reported. A secret is not taken from there, and a
    variable of its own takes precedence.
    """
    members = parsed(environ.get("SETTINGS", ""))
    taken = {
        name: value if isinstance(value, str) else json_text(value)
        for name, value in (members if isinstance(members, dict) else {}).items()
        if value is not None and _is_plain(name)
    }
    own = {name: value for name, value in environ.items() if value.strip() or name not in taken}
    return {**taken, **own}


def _is_plain(name: str) -> bool:
    """Return whether a name is that of a setting that holds no secret."""
    # A header may be a credential.
    is_secret = f"{name}_ARN" in _NAMES or name == "LOKI_HEADERS"
    return name.startswith(_PREFIXES) or (name in _NAMES and not is_secret)


def _inferred_destinations(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the destinations whose variables are set; Logz.io if there is none."""
    return tuple(
        name
        for name, kind in DESTINATIONS.items()
        if any(environ.get(setting.name, "").strip() for setting in kind.identified_by)
    ) or ("logzio",)


def _with_original_names(environ: Mapping[str, str], names: tuple[str, ...]) -> Mapping[str, str]:
    """Return an environment in which variables of an original extension have our names."""
    renamed = {
        ours: environ[theirs]
        for name in names
        if name != "datatap" or len(names) == 1
        for ours, theirs in _ORIGINAL_NAMES.get(name, {}).items()
        if environ.get(theirs)
    }
    # What a function calls LOG_LEVEL may be no level of ours.
    if renamed.get("EXTENSION_LOG_LEVEL", "").upper() not in RANKS:
        renamed.pop("EXTENSION_LOG_LEVEL", "")
    return {**renamed, **{name: value for name, value in environ.items() if value.strip()}}
