"""What relabelling rules make of the series of a group, remembered by what the rules read.

Rules read few labels, and most groups of a metric have the same values of these. So the rules run
once for all such groups, and each of them gets the same changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from converters.columns import Columns, Own, SeriesNames
from converters.labels import LabelEncoder, encode_label, sorted_names
from converters.relabel import RelabelConfigs
from converters.statistics import Statistic

# What an entry of the table costs beside the texts of its labels.
_OVERHEAD_BYTES = 1_000


class Plan(NamedTuple):
    """What the rules make of several statistics' series.

    Attributes:
        made: The numbers of those that are not dropped.
        columns: What distinguishes these; None where that is more than their own labels.
        before: The names of the labels that they have in common and that sort before `__name__`.
        after: Those of all others in common.
        added: Those of these labels that the rules add or change.
    """

    made: tuple[int, ...]
    columns: Columns | None
    before: Sequence[str] = ()
    after: Sequence[str] = ()
    added: Mapping[str, str] = {}

    @property
    def number(self) -> int:
        """How many labels the series have in common, with that of the name."""
        return len(self.before) + len(self.after) + 1

    def encode(self, labels: Mapping[str, str], encoder: LabelEncoder) -> tuple[bytes, bytes]:
        """Return the labels in common after the rules, before `__name__` and behind it."""
        changed = {**labels, **self.added}
        return encoder.join(changed, self.before), encoder.join(changed, self.after)


class Relabeller:
    """Applies rules to the series of groups.

    Args:
        rules: The rules.
        grow: Called with about how many bytes are remembered from now on.
    """

    def __init__(self, rules: RelabelConfigs, grow: Callable[[int], None]) -> None:
        self._rules = rules
        self._grow = grow
        self._plans: dict[object, Plan] = {}

    def plan(
        self, names: SeriesNames, statistics: tuple[Statistic, ...], labels: Mapping[str, str]
    ) -> Plan:
        """Return what the rules make of some series of a metric.

        Args:
            names: The names of its series.
            statistics: The statistics of these series.
            labels: The labels that they have in common.
        """
        reads = self._rules.reads
        read = tuple(labels.items()) if reads is None else tuple([labels.get(n) for n in reads])
        # Some rules work on the names of all labels.
        key = (names.identity, statistics, read, tuple(labels))
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = self._make(names, statistics, labels)
            self._grow(_OVERHEAD_BYTES + 2 * sum(map(len, labels.values())))
        return plan

    def apply(
        self, names: SeriesNames, statistic: Statistic, labels: Mapping[str, str]
    ) -> dict[str, str] | None:
        """Return the labels that the rules make of one series; None if they drop it."""
        named = {**labels, "__name__": names.name(statistic)}
        own = names.own_label(statistic)
        if own is not None:
            named[own[0]] = own[1]
        return self._rules.apply(named)

    def _make(
        self, names: SeriesNames, statistics: tuple[Statistic, ...], labels: Mapping[str, str]
    ) -> Plan:
        made: list[int] = []
        series: list[tuple[str, Own]] = []
        common: list[dict[str, str]] = []
        for number, statistic in enumerate(statistics):
            result = self.apply(names, statistic, labels)
            if result is None:
                continue
            name, own = result.pop("__name__"), names.own_label(statistic)
            if own is not None and result.get(own[0]) == own[1]:
                del result[own[0]]
            else:
                own = None
            made.append(number)
            series.append((name, own))
            common.append(result)
        if any(other != common[0] for other in common):
            return Plan(tuple(made), None)
        if series == [(names.name(it), names.own_label(it)) for it in names.statistics]:
            columns = names.columns
        else:
            columns = Columns([(encode_label("__name__", name), own) for name, own in series])
        after = common[0] if common else labels
        added = {name: value for name, value in after.items() if labels.get(name) != value}
        return Plan(tuple(made), columns, *sorted_names(after), added)
