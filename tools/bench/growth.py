"""How the time per data point changes with the size of a delivery."""

import gc
from functools import partial
from typing import Any

from converters.convert import Converter
from testing.events.ingresses import Event
from testing.events.otlp import Format
from tools.bench.clock import Time, mean, ratio, summary, timed
from tools.bench.deliveries import generated
from tools.bench.measurement import FORMATS, Cell, Effort, Measurement, Table, Target
from tools.bench.pipeline import new_converter, run

_WARMTHS = ("cold", "warm")
# Caches of the processor hold a small delivery and not a large one, so a little
# more than 1 is not the algorithm; quadratic growth would be 20.
_LIMIT = 1.5
# A small delivery is over within milliseconds, so it is taken several times in a row.
_POINTS_AT_LEAST = 5_000


def measure(effort: Effort) -> Measurement:
    """Measure deliveries of several sizes in both formats."""
    figures: dict[str, Any] = {}
    targets = []
    words = f"per point, {_growth_words(effort)} points"
    for name, otlp in FORMATS.items():
        found = figures[name] = _by_size(otlp, effort)
        targets += [
            Target(f"{words}, {warmth}, format {name}", found["growth"][warmth], _LIMIT, "x")
            for warmth in _WARMTHS
        ]
    return Measurement([_table(figures, effort)], figures, targets)


def _by_size(otlp: Format, effort: Effort) -> dict[str, Any]:
    """Measure all sizes in turn, so that a slow moment of the machine hits all of them."""
    times: dict[int, dict[str, list[Time]]] = {s: {w: [] for w in _WARMTHS} for s in effort.sizes}
    warm = {size: new_converter() for size in effort.sizes}
    for size, converter in warm.items():
        run(generated(size, 0, otlp), converter)
    for number in range(effort.repetitions):
        for size, converter in warm.items():
            event = generated(size, 1 + number % 2, otlp)
            runs = max(1, _POINTS_AT_LEAST // size)
            times[size]["warm"].append(_time(event, [converter] * runs))
            times[size]["cold"].append(_time(event, [new_converter() for _ in range(runs)]))
    smallest, largest = times[effort.sizes[0]], times[effort.sizes[-1]]
    scale = effort.sizes[0] / effort.sizes[-1]
    return {
        "sizes": {
            str(size): {warmth: summary(found[warmth], size) for warmth in _WARMTHS}
            for size, found in times.items()
        },
        "growth": {w: scale * ratio(largest[w], smallest[w]) for w in _WARMTHS},
    }


def _time(event: Event, converters: list[Converter]) -> Time:
    """Time a delivery, once with each converter; give the mean."""
    gc.collect()
    return mean([timed(partial(run, event, converter)) for converter in converters])


def _growth_words(effort: Effort) -> str:
    return f"{effort.sizes[-1]:,} / {effort.sizes[0]:,}"


def _table(figures: dict[str, Any], effort: Effort) -> Table:
    rows: list[list[Cell]] = [
        [
            f"{size:,}",
            *(_cpu(case["sizes"][str(size)][w]) for case in figures.values() for w in _WARMTHS),
        ]
        for size in effort.sizes
    ]
    growth = [case["growth"][warmth] for case in figures.values() for warmth in _WARMTHS]
    rows.append([_growth_words(effort), *growth])
    headers = ["points", *(f"{name} {warmth}" for name in figures for warmth in _WARMTHS)]
    return Table("Growth, us of CPU per data point", headers, rows)


def _cpu(found: dict[str, Any]) -> float:
    return float(found["cpu_us"]["median"])
