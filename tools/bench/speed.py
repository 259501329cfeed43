"""The stages of a large delivery, cold and warm, beside the floor."""

import dataclasses
import gc
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from testing.events.ingresses import Event
from tools.bench.clock import Time, mean, ratio, summary, timed
from tools.bench.deliveries import minutes
from tools.bench.measurement import FORMATS, Cell, Effort, Measurement, Table, Target
from tools.bench.pipeline import STAGES, Floor, Stages, new_converter, run, shape

_WARMTHS = ("cold", "warm")
_LIMITS = {"warm": (7.0, 5.0), "cold": (20.0, None)}


def measure(effort: Effort) -> Measurement:
    """Measure the large delivery in both formats."""
    figures = {
        name: case(minutes(effort.points, otlp), effort.repetitions)
        for name, otlp in FORMATS.items()
    }
    targets = [
        Target(f"{warmth}, format {name}", found[warmth]["ratio"], limit, "x floor", aim)
        for name, found in figures.items()
        for warmth, (limit, aim) in _LIMITS.items()
    ]
    title = f"A delivery of {effort.points:,} points, us of CPU per data point"
    return Measurement([table(title, figures)], figures, targets)


def case(events: Sequence[Event], repetitions: int) -> dict[str, Any]:
    """Measure one sequence of deliveries.

    Args:
        events: The first one warms up what is measured warm; the others are measured.
        repetitions: How often.

    Returns:
        The delivery's shape; the floor; cold and warm each with its stages, total and ratio.
    """
    first, *later = events
    size = shape(first)
    warm, warm_stages = new_converter(), Stages()
    run(first, warm)
    warm_stages.run(first)
    floors = []
    for event in later:
        warm_stages.run(event)
        floors.append(Floor(event, warm_stages.bodies))
    times = _Times()
    for number in range(repetitions):
        event, floor = later[number % len(later)], floors[number % len(later)]
        times.add_total("warm", floor, partial(run, event, warm))
        times.add_total("cold", floor, partial(run, event, new_converter()))
        times.add_stages("warm", warm_stages, event)
        times.add_stages("cold", Stages(), event)
    return {"delivery": dataclasses.asdict(size), **times.figures(size.points)}


class _Times:
    """The times of all repetitions of one case."""

    def __init__(self) -> None:
        self._floors: dict[str, list[Time]] = {warmth: [] for warmth in _WARMTHS}
        self._totals: dict[str, list[Time]] = {warmth: [] for warmth in _WARMTHS}
        self._stages: dict[str, list[dict[str, Time]]] = {warmth: [] for warmth in _WARMTHS}

    def add_total(self, warmth: str, floor: Floor, work: Callable[[], object]) -> None:
        """Time the whole way, and the floor before and after it."""
        gc.collect()
        before = timed(floor.run)
        self._totals[warmth].append(timed(work))
        self._floors[warmth].append(mean([before, timed(floor.run)]))

    def add_stages(self, warmth: str, stages: Stages, event: Event) -> None:
        """Time each stage once."""
        gc.collect()
        self._stages[warmth].append(stages.run(event))

    def figures(self, points: int) -> dict[str, Any]:
        """Sum all up, per data point."""
        found: dict[str, Any] = {
            "floor": summary([time for times in self._floors.values() for time in times], points)
        }
        for warmth in _WARMTHS:
            runs = self._stages[warmth]
            found[warmth] = {
                "stages": {s: summary([times[s] for times in runs], points) for s in STAGES},
                "total": summary(self._totals[warmth], points),
                "ratio": ratio(self._totals[warmth], self._floors[warmth]),
            }
        return found


def table(title: str, cases: dict[str, dict[str, Any]]) -> Table:
    """Show the figures of several cases side by side."""
    columns = [(case, warmth) for case in cases.values() for warmth in _WARMTHS]
    rows: list[list[Cell]] = [
        [stage, *(c[warmth]["stages"][stage]["cpu_us"]["median"] for c, warmth in columns)]
        for stage in STAGES
    ]
    for words, clock, figure in (
        ("total, median", "cpu_us", "median"),
        ("total, minimum", "cpu_us", "min"),
        ("total, wall median", "wall_us", "median"),
    ):
        rows.append([words, *(c[warmth]["total"][clock][figure] for c, warmth in columns)])
    rows.append(["floor, median", *(c["floor"]["cpu_us"]["median"] for c, _ in columns)])
    rows.append(["total / floor", *(c[warmth]["ratio"] for c, warmth in columns)])
    headers = ["stage", *(f"{name} {warmth}" for name in cases for warmth in _WARMTHS)]
    return Table(title, headers, rows)
