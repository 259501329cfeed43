"""The filter line that halves the bill at the fewest series lost."""

import itertools
import random
import re

import pytest

from replay.estimate import MetricUsage
from replay.filters import Filter, choose_filter
from tests.support.accounts import MONTH
from tests.support.stack import parameters


def metric(namespace: str, name: str, series: int, updates: int = MONTH) -> MetricUsage:
    """Return the usage of a metric whose series have so many billed updates each."""
    billed = series * updates
    return MetricUsage(namespace, name, series, billed, billed, 0)


def choose(*usage: MetricUsage) -> Filter:
    """Choose a filter for half of the bill; it is a value that the parameter accepts."""
    chosen = choose_filter(usage, half_of(usage))
    assert re.fullmatch(parameters()["ExcludeFilters"]["AllowedPattern"], chosen.text)
    assert len(chosen.text) <= 4096
    return chosen


def half_of(usage: tuple[MetricUsage, ...]) -> int:
    """Return half of the bill, rounded up."""
    return -(-sum(m.billed for m in usage) // 2)


def excluded(text: str, usage: tuple[MetricUsage, ...]) -> list[MetricUsage]:
    """Return the metrics that a filter leaves out, as CloudWatch reads it."""
    entries = {e.partition("=")[0]: e.partition("=")[2] for e in text.split(",")}
    return [
        m
        for m in usage
        if m.namespace in entries
        and m.name in (entries[m.namespace].split("+") if entries[m.namespace] else [m.name])
    ]


@pytest.mark.parametrize(
    ("usage", "text"),
    [
        ([metric("A", "x", 5), metric("A", "y", 5)], "A=x"),
        ([metric("A", "x", 5), metric("B", "y", 4)], "A"),
        ([metric("A", "x", 9, MONTH // 5), metric("B", "y", 2)], "B"),
        ([metric("A", "x", 9), metric("B", "y", 5, 2 * MONTH)], "B"),
        ([metric("A", "x", 1, 4), metric("A", "y", 5, 2), metric("B", "z", 1, 6)], "A=x,B"),
        ([metric("A", "x", 1, 4), metric("A", "y", 5, 2), metric("B", "z", 6, 1)], "A=y"),
        ([metric("A", "x", 6), metric("A", "y", 3), metric("B", "z", 3)], "A=x"),
    ],
    ids=[
        "one of two",
        "the larger one",
        "each minute",
        "percentiles",
        "both",
        "one",
        "one for two",
    ],
)
def test_choice(usage: list[MetricUsage], text: str) -> None:
    """What saves most for a series is left out, and no more than is needed."""
    assert choose(*usage).text == text


@pytest.mark.parametrize("seed", range(40))
def test_fewest_series(seed: int) -> None:
    """No other choice of metrics saves half at fewer series."""
    dice = random.Random(seed)
    usage = tuple(
        metric(f"N{dice.randint(1, 4)}", f"m{n}", dice.randint(1, 30), dice.choice((1, 5, 60, 300)))
        for n in range(dice.randint(1, 11))
    )
    chosen = choose(*usage)
    left_out = excluded(chosen.text, usage)
    assert chosen.billed == sum(m.billed for m in left_out) >= half_of(usage)
    choices = itertools.chain(*(itertools.combinations(usage, n) for n in range(len(usage) + 1)))
    enough = (c for c in choices if sum(m.billed for m in c) >= half_of(usage))
    assert chosen.series == min(sum(m.series for m in c) for c in enough)


def test_at_most_twenty_entries() -> None:
    """With many small namespaces and a few large ones, the large ones are chosen."""
    small = [metric(f"Small{n}", "m", 1, 2 * MONTH) for n in range(50)]
    large = [metric(f"Large{n}", "m", 40) for n in range(3)]
    usage = (*small, *large)
    chosen = choose(*usage)
    assert chosen.billed >= half_of(usage)
    assert chosen.series <= 130


def test_what_twenty_entries_cannot_halve() -> None:
    """Where no 20 entries save half, those that save most are chosen."""
    usage = tuple(metric(f"N{n}", "m", 100 + n) for n in range(60))
    chosen = choose(*usage)
    assert chosen.billed == sum(m.billed for m in usage[-20:]) < half_of(usage)


def test_long_names() -> None:
    """Where the names are too long for the parameter, whole namespaces are left out."""
    usage = tuple(metric(f"N{n % 2}", f"{n:03d}" + "x" * 100, 1) for n in range(200))
    chosen = choose(*usage)
    assert chosen.text in ("N0", "N1")
    assert chosen.series == 100


def test_names_that_cannot_be_written() -> None:
    """A metric with a comma, a plus or an equals sign can only go with its whole namespace."""
    usage = (metric("A", "a,b", 5), metric("A", "a+b", 5), metric("A", "ä", 1), metric("B", "m", 2))
    assert choose(*usage).text == "A"
    assert choose(metric("A=B", "m", 5), metric("B", "m", 2)).text == "B"
    assert choose(metric("A=B", "m", 5)) == Filter()


def test_many_metrics() -> None:
    """Thousands of metrics take seconds, and the choice is near what no choice can be below."""
    dice = random.Random(1)
    usage = tuple(
        metric(f"N{n % 15}", f"m{n}", dice.randint(1, 300), dice.choice((1, 5, 60)))
        for n in range(2_000)
    )
    chosen = choose(*usage)
    assert chosen.billed >= half_of(usage)
    best = sorted(usage, key=lambda m: -m.billed / m.series)
    saved = itertools.accumulate(m.billed for m in best)
    needed = next(n for n, billed in enumerate(saved, start=1) if billed >= half_of(usage))
    assert chosen.series <= sum(m.series for m in best[:needed])
