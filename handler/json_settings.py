"""SETTINGS: a JSON object of environment variables, for what is rarely set."""

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from handler.further_variables import EXTENSION_VARIABLES, OTEL_LABELS, TAG_VARIABLES
from handler.json_objects import object_in
from handler.listener import is_credential, names_in_list
from handler.otlp_settings import HEADERS

_HEADERS: Mapping[str, Callable[[str], Iterable[str]]] = {
    "REMOTE_WRITE_HEADERS": lambda text: object_in(text) or {},
    HEADERS: names_in_list,
}

# Their texts are JSON, which may stand here as it is.
_STRUCTURED = (
    *("REMOTE_WRITE_HEADERS", "EXTERNAL_LABELS", "WRITE_RELABEL_CONFIGS"),
    *("LOGS_REDACT", "LOGS_EXCLUDE"),
    *TAG_VARIABLES,
)

# A text that is no name may be a secret in the wrong place.
_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]{0,63}")


def members_in(text: str, variables: Collection[str]) -> Mapping[str, str]:
    """Return the variables in SETTINGS, each with its text.

    A list or an object stands for its text as JSON, in which numbers are text too.

    Args:
        text: The JSON object.
        variables: The names of the function's own variables.

    Raises:
        ValueError: Something is wrong with it. No value is repeated.
    """
    # Numbers stay as they are written.
    members = object_in(text, number=str)
    if members is None:
        raise ValueError("must be a JSON object of variables and their values")
    names = {name for name in variables if not name.startswith("AWS_")} - {"SETTINGS"}
    names |= EXTENSION_VARIABLES | TAG_VARIABLES
    problems = [it for name, value in members.items() if (it := _problem(name, value, names))]
    if problems:
        raise ValueError("; SETTINGS ".join(problems))
    return {name: _text(value) for name, value in members.items()}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _problem(name: str, value: Any, names: Collection[str]) -> str:
    """Return what is wrong with a member; empty if nothing is."""
    if not _NAME.fullmatch(name):
        return "must not set a name that no variable has"
    if name == "LOKI_HEADERS":
        return "must not set LOKI_HEADERS, which may be a secret; it must be a variable of its own"
    if name not in names and not name.startswith(OTEL_LABELS):
        return f"must not set {name}, which is unknown"
    allowed = str | bool | list | dict if name in _STRUCTURED else str | bool
    if not isinstance(value, allowed):
        return f"must set {name} to text, a number or a boolean"
    stored = f"{name}_ARN"
    if name in _HEADERS:
        credentials = [it for it in _HEADERS[name](_text(value)) if is_credential(it)]
        if credentials:
            return (
                f"must not set the header {credentials[0]}, which is a secret; use "
                "REMOTE_WRITE_HEADERS_ARN"
            )
    elif stored in names:
        return f"must not set {name}, which is a secret; use {stored}"
    return ""
