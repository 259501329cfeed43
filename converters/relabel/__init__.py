"""Prometheus' `write_relabel_configs`: rules that change, keep or drop series by their labels.

`documents` reads the text, `checks` says what is wrong with a rule, `actions` makes a function of
it, and `patterns` matches and replaces as RE2 and Go do. The rules have Prometheus' semantics
(its page "Configuration", <relabel_config>, and its package model/relabel).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from converters.errors import LabelsTooLargeError

Rule = Callable[[dict[str, str]], bool]
"""Changes labels in place; False to drop their series."""

_METRIC_NAME = re.compile("[a-zA-Z_:][a-zA-Z0-9_:]*")


class RelabelConfigs:
    """The rules of the setting WRITE_RELABEL_CONFIGS.

    Args:
        rules: What `parse_relabel_configs` made of them, in their order.
        reads: What the attribute has.

    Attributes:
        reads: The labels whose values decide what the rules do, beside the names of all labels;
            None if the values of any label may.
    """

    def __init__(self, rules: Iterable[Rule] = (), reads: frozenset[str] | None = None) -> None:
        self._rules = tuple(rules)
        self.reads = reads

    def __bool__(self) -> bool:
        """Whether there is any rule."""
        return bool(self._rules)

    def apply(self, labels: Mapping[str, str]) -> dict[str, str] | None:
        """Return the labels that the rules make of a series, in any order, or None to drop it.

        A series is also dropped if it has no valid metric name afterwards, since no listener takes
        it, or if the rules make its labels too large.

        Args:
            labels: All labels, with `__name__` and `quantile`.
        """
        changed = dict(labels)
        if "" in changed.values():
            changed = {name: value for name, value in changed.items() if value}
        try:
            for rule in self._rules:
                if not rule(changed):
                    return None
        except LabelsTooLargeError:
            return None
        return changed if _METRIC_NAME.fullmatch(changed.get("__name__", "")) else None


def parse_relabel_configs(text: str) -> RelabelConfigs:
    """Return the rules in a text; none for a text of blanks.

    Args:
        text: YAML or JSON: a list of relabel_config objects, or an object with that list as
            `write_relabel_configs`.

    Raises:
        RelabelError: What is wrong, in which rule, and what to write instead.
    """
    if not text.strip():
        return RelabelConfigs()
    # RE2 and YAML take 20 ms to import, which a function without rules saves.
    from converters.relabel.actions import make_rule  # noqa: PLC0415
    from converters.relabel.checks import check_rule, labels_read  # noqa: PLC0415
    from converters.relabel.documents import read_rules  # noqa: PLC0415

    configs = [check_rule(rule, f"rule {it}") for it, rule in enumerate(read_rules(text), 1)]
    rules = [make_rule(config, f"rule {it}") for it, config in enumerate(configs, 1)]
    return RelabelConfigs(rules, labels_read(configs))
