"""Which groups of a delivery may make a series that another group or point makes too.

Those have to be merged sample by sample; all others are written as they are. It depends on the
delivery alone, and not on what is remembered, so that the same delivery makes the same bytes.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import chain
from operator import attrgetter

from converters.points import DeliveryPoints, percentiles_of
from converters.rules import SeriesRules
from converters.series import SeriesGroup
from converters.statistics import Selection, quantile_statistic


def ambiguous_groups(points: DeliveryPoints, rules: SeriesRules) -> set[SeriesGroup]:
    """Return the groups with points in the common form that have to be merged."""
    return _relabelled(points, rules.selection) if rules.relabel else _named(points)


def _named(points: DeliveryPoints) -> set[SeriesGroup]:
    """Return them where series have the names of a profile."""
    groups = points.first.keys()
    others = {point.group for point in points.general}
    key = attrgetter("key")
    if not others and len(set(map(key, groups))) == len(groups):
        return set()
    owners = Counter(map(key, groups))
    ambiguous = {group for group in groups if owners[group.key] > 1 or group in others}
    if others:
        # Other producers may give their metrics any name.
        labels = {group.labels for group in others}
        ambiguous |= {group for group in groups if group.labels in labels}
    return ambiguous


def _percentile_keys(group: SeriesGroup, encoded: bytes, selection: Selection) -> Iterator[int]:
    for quantile, _ in percentiles_of(encoded):
        labels = group.series(quantile_statistic(quantile))
        if labels and selection.selects(quantile):
            yield hash(labels)


def _relabelled(points: DeliveryPoints, selection: Selection) -> set[SeriesGroup]:
    """Return them where rules may give any two series the same labels."""
    groups = points.first.keys()
    others = {(point.group, it) for point in points.general for it, _ in point.samples}
    keys = list(chain.from_iterable(map(attrgetter("keys"), groups)))
    of_percentiles: dict[SeriesGroup, set[int]] = {}
    first = ((group, values[4]) for group, values in points.first.items() if values[4])
    more = ((group, it[4]) for group, periods in points.more.items() for it in periods if it[4])
    for group, percentiles in chain(first, more):
        found = of_percentiles.setdefault(group, set())
        found.update(_percentile_keys(group, percentiles, selection))
    keys += chain.from_iterable(of_percentiles.values())
    if not others and len(set(keys)) == len(keys):
        return set()
    keys += [hash(labels) for group, it in others if (labels := group.series(it))]
    owners, general = Counter(keys), {group for group, _ in others}
    return {
        group
        for group in groups
        if group in general
        or any(owners[key] > 1 for key in (*group.keys, *of_percentiles.get(group, ())))
    }
