"""What each action of a relabel_config does to the labels of a series.

A label without a value does not exist: it reads as empty, and to set it empty removes it.
"""

import hashlib
from collections.abc import Callable
from functools import lru_cache

from converters.errors import LabelsTooLargeError
from converters.relabel import Rule
from converters.relabel.checks import LABEL_NAME, RelabelConfig
from converters.relabel.patterns import MAX_LENGTH, Pattern, Template, remembered

# Each `labelmap` may double the number of labels.
_MAX_LABELS = 1_000

_Read = Callable[[dict[str, str]], str]


def make_rule(config: RelabelConfig, place: str) -> Rule:
    """Return the function of a rule.

    Args:
        config: The rule.
        place: Which rule it is, for errors.

    Raises:
        RelabelError: Its regex is not RE2.
    """
    return _MAKERS[config.action](config, Pattern(config.regex, place))


def _reader(config: RelabelConfig) -> _Read:
    """Return the function that joins the values of the source labels."""
    names, separator = config.source_labels, config.separator
    if len(names) == 1:
        (name,) = names
        return lambda labels: labels.get(name, "")

    def read(labels: dict[str, str]) -> str:
        values = [labels.get(name, "") for name in names]
        if sum(map(len, values)) + len(separator) * len(names) > MAX_LENGTH:
            raise LabelsTooLargeError
        return separator.join(values)

    return read


def _set(labels: dict[str, str], name: str, value: str) -> None:
    if value:
        labels[name] = value
    else:
        labels.pop(name, None)


def _replace(config: RelabelConfig, pattern: Pattern) -> Rule:
    read = _reader(config)
    target = Template(config.target_label, pattern)
    replacement = Template(config.replacement, pattern)

    @remembered
    def label_for(value: str) -> tuple[str, str] | None:
        groups = pattern.match(value)
        if groups is None:
            return None
        name = target.expand(groups)
        return (name, replacement.expand(groups)) if LABEL_NAME.fullmatch(name) else None

    def rule(labels: dict[str, str]) -> bool:
        label = label_for(read(labels))
        if label:
            _set(labels, *label)
        return True

    return rule


def _select(config: RelabelConfig, pattern: Pattern) -> Rule:
    read, wanted = _reader(config), config.action == "keep"
    matches = remembered(pattern.matches)
    return lambda labels: matches(read(labels)) == wanted


def _select_equal(config: RelabelConfig, _pattern: Pattern) -> Rule:
    read, wanted, target = _reader(config), config.action == "keepequal", config.target_label
    return lambda labels: (read(labels) == labels.get(target, "")) == wanted


def _select_labels(config: RelabelConfig, pattern: Pattern) -> Rule:
    wanted = config.action == "labelkeep"
    matches = remembered(pattern.matches)

    # The series of a group, and of most groups of a metric, have the same names of labels.
    @lru_cache(maxsize=8)
    def unwanted(names: tuple[str, ...]) -> list[str]:
        return [name for name in names if matches(name) != wanted]

    def rule(labels: dict[str, str]) -> bool:
        for name in unwanted(tuple(labels)):
            del labels[name]
        return True

    return rule


def _map_labels(config: RelabelConfig, pattern: Pattern) -> Rule:
    replacement = Template(config.replacement, pattern)

    @remembered
    def name_for(name: str) -> str | None:
        groups = pattern.match(name)
        changed = "" if groups is None else replacement.expand(groups)
        return changed if LABEL_NAME.fullmatch(changed) else None

    def rule(labels: dict[str, str]) -> bool:
        # Where two become one, the last by name wins, as in Prometheus 2.
        for name, value in sorted(labels.items()):
            changed = name_for(name)
            if changed:
                _set(labels, changed, value)
        if len(labels) > _MAX_LABELS:
            raise LabelsTooLargeError
        return True

    return rule


def _write(change: Callable[[RelabelConfig, str], str]) -> Callable[[RelabelConfig, Pattern], Rule]:
    """Return the maker of a rule that writes what a function makes of the source labels."""

    def make(config: RelabelConfig, _pattern: Pattern) -> Rule:
        read, target = _reader(config), config.target_label

        def rule(labels: dict[str, str]) -> bool:
            _set(labels, target, change(config, read(labels)))
            return True

        return rule

    return make


def _hash(config: RelabelConfig, value: str) -> str:
    digest = hashlib.md5(value.encode(), usedforsecurity=False).digest()
    return str(int.from_bytes(digest[8:], "big") % config.modulus)


# Go maps each character to one other; Python also knows characters that become two ("ß"), and that
# depend on their neighbours.
def _lower(_config: RelabelConfig, value: str) -> str:
    return value.lower() if value.isascii() else "".join([it.lower()[0] for it in value])


def _upper(_config: RelabelConfig, value: str) -> str:
    return value.upper() if value.isascii() else "".join(map(_upper_character, value))


def _upper_character(character: str) -> str:
    for changed in (character.upper(), character.title()):
        if len(changed) == 1:
            return changed
    return character


_MAKERS: dict[str, Callable[[RelabelConfig, Pattern], Rule]] = {
    "replace": _replace,
    "keep": _select,
    "drop": _select,
    "keepequal": _select_equal,
    "dropequal": _select_equal,
    "labelkeep": _select_labels,
    "labeldrop": _select_labels,
    "labelmap": _map_labels,
    "lowercase": _write(_lower),
    "uppercase": _write(_upper),
    "hashmod": _write(_hash),
}
