"""The filter line that saves half of the bill at the fewest series lost."""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from replay.estimate import MetricUsage

# "up to 20 entries separated by commas" - the parameter ExcludeFilters of template.yaml
_MAX_ENTRIES = 20
# "Parameter values: maximum 4,096 bytes" - CloudFormation quotas
_MAX_BYTES = 4096

# What an entry can name: it has commas between entries, and `=` and `+` within one.
_NAME = re.compile(r"[!-*\--<>-~]+( +[!-*\--<>-~]+)*")

# How many choices are tried; the first ones are the best of those that are quickly found.
_MAX_STEPS = 20_000


@dataclass(frozen=True)
class Filter:
    """What to exclude.

    Attributes:
        text: The value of ExcludeFilters; empty where nothing can be excluded.
        billed: The billed updates of a month that it saves.
        series: How many series are no longer streamed.
    """

    text: str = ""
    billed: int = 0
    series: int = 0


class _Candidate(NamedTuple):
    """What can be excluded together: a metric, or a namespace whole."""

    namespace: str
    names: tuple[str, ...]
    billed: int
    series: int


def choose_filter(usage: Iterable[MetricUsage], goal: int) -> Filter:
    """Return the filter that saves the goal at the fewest series; the one that saves most, else.

    Args:
        usage: All metrics.
        goal: How many of the billed updates of a month to save.
    """
    by_namespace: dict[str, list[MetricUsage]] = defaultdict(list)
    for metric in usage:
        by_namespace[metric.namespace].append(metric)
    spaces = {n: m for n, m in by_namespace.items() if _NAME.fullmatch(n) and n[0] != ":"}
    largest = sorted(spaces, key=lambda n: (-sum(m.billed for m in spaces[n]), n))[:_MAX_ENTRIES]
    attempts = (
        [one for name in spaces for one in _metrics_of(spaces[name])],
        # Where the entries are too few for the best metrics, the largest namespaces have the most.
        [one for name in largest for one in _metrics_of(spaces[name])],
        [_whole(name, spaces[name]) for name in largest],
    )
    filters = [_written(_choose(candidates, goal), spaces) for candidates in attempts]
    return min(filters, key=lambda f: (0, f.series) if f.billed >= goal else (1, -f.billed))


def _metrics_of(metrics: Iterable[MetricUsage]) -> list[_Candidate]:
    return [
        _Candidate(m.namespace, (m.name,), m.billed, m.series)
        for m in metrics
        if _NAME.fullmatch(m.name)
    ]


def _whole(namespace: str, metrics: Sequence[MetricUsage]) -> _Candidate:
    billed, series = sum(m.billed for m in metrics), sum(m.series for m in metrics)
    return _Candidate(namespace, (), billed, series)


def _choose(candidates: Iterable[_Candidate], goal: int) -> list[_Candidate]:
    """Return the candidates that reach the goal at the fewest series, as far as was tried.

    A search, first for what saves most for a series. It leaves each branch that could not lose
    fewer series than the best choice so far, even if candidates could be divided.
    """
    ordered = sorted(candidates, key=lambda c: (-c.billed / c.series, -c.billed, c[:2]))
    saved = [0, *accumulate(c.billed for c in ordered)]
    lost = [0, *accumulate(c.series for c in ordered)]
    best: list[_Candidate] = []
    # Whether the goal is reached, and then the fewer series or the more updates.
    best_rank = (False, 0)
    chosen: list[_Candidate] = []
    positions: list[int] = []
    billed, series, position = 0, 0, 0
    for _ in range(_MAX_STEPS):
        rank = (True, -series) if billed >= goal else (False, billed)
        if rank > best_rank:
            best, best_rank = list(chosen), rank
        worth = billed < goal and position < len(ordered)
        if worth and best_rank[0]:
            worth = series + _least(saved, lost, position, goal - billed) < -best_rank[1]
        if worth:
            candidate = ordered[position]
            if _fits([*chosen, candidate]):
                chosen.append(candidate)
                positions.append(position)
                billed += candidate.billed
                series += candidate.series
        elif positions:
            position = positions.pop()
            candidate = chosen.pop()
            billed -= candidate.billed
            series -= candidate.series
        else:
            break
        position += 1
    return best


def _least(saved: Sequence[int], lost: Sequence[int], begin: int, goal: int) -> float:
    """Return how many series it takes at least to save the goal from a position on.

    Args:
        saved: What all candidates before each position save.
        lost: How many series they have.
        begin: The position.
        goal: What is still to be saved.
    """
    target = saved[begin] + goal
    end = bisect_left(saved, target)
    if end == len(saved):
        return float("inf")
    # Exact, and rounded up, since no series is lost in part.
    part = -(
        -(target - saved[end - 1]) * (lost[end] - lost[end - 1]) // (saved[end] - saved[end - 1])
    )
    return lost[end - 1] - lost[begin] + part


def _fits(chosen: Sequence[_Candidate]) -> bool:
    """Return whether the text of a filter has as few entries and bytes as the parameter takes."""
    namespaces = {c.namespace for c in chosen}
    # Behind each name there is `=`, `+` or a comma.
    length = sum(len(n) + 1 for n in namespaces) + sum(len(n) + 1 for c in chosen for n in c.names)
    return len(namespaces) <= _MAX_ENTRIES and length <= _MAX_BYTES


def _written(chosen: Iterable[_Candidate], spaces: Mapping[str, Sequence[MetricUsage]]) -> Filter:
    names: dict[str, set[str]] = defaultdict(set)
    billed = series = 0
    for candidate in chosen:
        names[candidate.namespace].update(candidate.names)
        billed += candidate.billed
        series += candidate.series
    entries = []
    for namespace in sorted(names):
        some = names[namespace] and len(names[namespace]) < len(spaces[namespace])
        entries.append(f"{namespace}={'+'.join(sorted(names[namespace]))}" if some else namespace)
    return Filter(",".join(entries), billed, series)
