"""What a relabel_config must hold, by its action: what Prometheus checks when it starts."""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from converters.errors import RelabelError
from converters.relabel.documents import Members
from converters.relabel.patterns import DEFAULT_REGEX


class RelabelConfig(NamedTuple):
    """One rule that is right, with Prometheus' defaults for what it leaves out."""

    source_labels: tuple[str, ...] = ()
    separator: str = ";"
    target_label: str = ""
    regex: str = DEFAULT_REGEX
    modulus: int = 0
    replacement: str = "$1"
    action: str = "replace"


_DEFAULTS = RelabelConfig()

_ACTIONS = (
    *("replace", "keep", "drop", "labelmap", "labeldrop", "labelkeep"),
    *("lowercase", "uppercase", "keepequal", "dropequal", "hashmod"),
)
_WITH_TARGET = frozenset(
    ("replace", "lowercase", "uppercase", "keepequal", "dropequal", "hashmod"),
)

# What may differ from the defaults, where Prometheus refuses the rest. Elsewhere a member without
# a meaning for the action is ignored, as there.
_EQUAL = frozenset(("source_labels", "target_label"))
_CASE = frozenset(("source_labels", "separator", "target_label", "regex", "modulus"))
_USED = {
    "labeldrop": frozenset(("regex",)),
    "labelkeep": frozenset(("regex",)),
    "keepequal": _EQUAL,
    "dropequal": _EQUAL,
    "lowercase": _CASE,
    "uppercase": _CASE,
}

_MAX_MODULUS = 2**64 - 1
_NUMBER = re.compile("0|[1-9][0-9]{0,19}")

LABEL_NAME = re.compile("[a-zA-Z_][a-zA-Z0-9_]*")
_NAME_RULE = "letters, digits and _ only, with no digit at the start"

# Prometheus' rule for a name with references: text that is a label name but for its references.
_TEMPLATE = re.compile(
    r"(?:[a-zA-Z_]|\$\w++|\$\{\w+\})(?:\w|\$\w++|\$\{\w+\})*+",
    re.ASCII,
)


def check_rule(rule: Any, place: str) -> RelabelConfig:
    """Return a rule with its defaults.

    Args:
        rule: The object, as `read_rules` gives it.
        place: Which rule it is, for errors.

    Raises:
        RelabelError: What is wrong, and what to write instead.
    """
    if not isinstance(rule, Members):
        raise RelabelError(f"{place} must be an object with members such as action and regex")
    if rule.repeated:
        raise RelabelError(f"{place} has the key {rule.repeated} twice: remove one")
    for name in rule:
        if name not in RelabelConfig._fields:
            raise RelabelError(
                f"{place} has the unknown key {name}: use {', '.join(RelabelConfig._fields)}"
            )
    config = RelabelConfig(
        _names(rule, place),
        _text(rule, "separator", place),
        _text(rule, "target_label", place),
        _text(rule, "regex", place),
        _modulus(rule, place),
        _text(rule, "replacement", place),
        _text(rule, "action", place).lower(),
    )
    if config.action not in _ACTIONS:
        raise RelabelError(f"{place}: action must be one of {', '.join(_ACTIONS)}")
    _check_members(config, place)
    return config


def labels_read(configs: Iterable[RelabelConfig]) -> frozenset[str] | None:
    """Return the labels whose values decide what rules do; None if any may.

    A label that is written counts too: its old value decides whether it changes.
    """
    names: set[str] = set()
    for config in configs:
        if config.action == "labelmap" or "$" in config.target_label:
            return None
        names.update(config.source_labels)
        if config.action in _WITH_TARGET:
            names.add(config.target_label)
    return frozenset(names)


def _text(rule: Members, name: str, place: str) -> str:
    """Return a member's text; its default if it is missing, nothing if it is null."""
    value = rule.get(name, str(getattr(_DEFAULTS, name)))
    if value is not None and not isinstance(value, str):
        raise RelabelError(f"{place}: {name} must be text, and neither a list nor an object")
    return value or ""


def _names(rule: Members, place: str) -> tuple[str, ...]:
    names = rule.get("source_labels") or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise RelabelError(
            f"{place}: source_labels must be a list of label names, such as [__name__, region]"
        )
    for name in names:
        if not LABEL_NAME.fullmatch(name):
            raise RelabelError(
                f"{place}: source_labels holds {name!r}, which no series has as a label: "
                f"write {_NAME_RULE}"
            )
    return tuple(names)


def _modulus(rule: Members, place: str) -> int:
    text = _text(rule, "modulus", place) or "0"
    if not _NUMBER.fullmatch(text) or int(text) > _MAX_MODULUS:
        raise RelabelError(f"{place}: modulus must be a whole number up to {_MAX_MODULUS}")
    return int(text)


def _check_members(config: RelabelConfig, place: str) -> None:
    """Raise an error if the members do not fit the action."""
    action, target = config.action, config.target_label
    if action == "hashmod" and not config.modulus:
        raise RelabelError(f"{place}: hashmod needs a modulus of 1 or more")
    if action in _WITH_TARGET and not target:
        raise RelabelError(f"{place}: {action} needs a target_label, the label to write or compare")
    if action == "replace" and "$" in target:
        if not _TEMPLATE.fullmatch(target):
            raise RelabelError(
                f"{place}: target_label must be {_NAME_RULE}, or references such as ${{1}}"
            )
    elif action in _WITH_TARGET and not LABEL_NAME.fullmatch(target):
        raise RelabelError(f"{place}: target_label must be {_NAME_RULE}")
    if action == "labelmap" and not _TEMPLATE.fullmatch(config.replacement):
        raise RelabelError(
            f"{place}: replacement is the name of the new label, so it must be {_NAME_RULE}, or "
            "references such as ${1}"
        )
    used = _USED.get(action)
    if used is not None:
        for name in config._fields:
            if getattr(config, name) != getattr(_DEFAULTS, name) and name not in {*used, "action"}:
                raise RelabelError(f"{place}: {action} must not have {name}: remove it")
