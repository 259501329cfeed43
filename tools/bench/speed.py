"""CPU time of a delivery, cold and warm, beside the floor; and how it grows with the size."""

import statistics
from collections.abc import Sequence
from functools import partial
from typing import Any

import snappy

from converters.convert import Conversion, Converter, Options
from handler.ingress import open_ingress
from testing.events.ingresses import Event
from testing.events.otlp import Format
from tools.bench.delivery import Floor, convert, cpu_seconds, generated, write_as_2_0
from tools.bench.measurement import FORMATS, Cell, Effort, Measurement, Table, Target, spread

_WARM_MINUTES = 3
_LIMITS = {"cold": 20.0, "warm": 7.0}
# The processor's caches hold a small delivery and not a large one, so a little more than 1 is
# not the algorithm; quadratic growth would be 20.
_GROWTH_LIMIT = 1.5


def speed(effort: Effort) -> Measurement:
    """Measure the large delivery in both formats."""
    figures = {}
    for name, otlp in FORMATS.items():
        events = [generated(effort.points, minute, otlp) for minute in range(1 + _WARM_MINUTES)]
        figures[name] = _case(events, effort.repetitions)
    targets = [
        Target(f"{warmth}, format {name}", found[warmth]["ratio"], limit, "x floor")
        for name, found in figures.items()
        for warmth, limit in _LIMITS.items()
    ]
    title = f"A delivery of {effort.points:,} points, us of CPU per data point"
    return Measurement(_table(title, figures), figures, targets)


def growth(effort: Effort) -> Measurement:
    """Compare a small delivery with a large one."""
    figures = {name: _growth(otlp, effort) for name, otlp in FORMATS.items()}
    small, large = effort.sizes
    targets = [
        Target(
            f"per point, {large:,} / {small:,} points, {warmth}, format {name}",
            found[warmth]["growth"],
            _GROWTH_LIMIT,
            "x",
        )
        for name, found in figures.items()
        for warmth in _LIMITS
    ]
    rows: list[list[Cell]] = [
        [f"{name} {warmth}", *found[warmth]["per_point_us"], found[warmth]["growth"]]
        for name, found in figures.items()
        for warmth in _LIMITS
    ]
    headers = ["delivery", f"{small:,} points", f"{large:,} points", "growth"]
    return Measurement(Table("Growth, us of CPU per data point", headers, rows), figures, targets)


def _case(events: Sequence[Event], repetitions: int) -> dict[str, Any]:
    """Measure one sequence of deliveries.

    The floor is measured right before and after each delivery: what slows the machine down for
    a while slows both, so the median of their ratios is steadier than the ratio of their medians.

    Args:
        events: The first one fills the caches of what is measured warm; the others are measured.
        repetitions: How often.
    """
    warm = Converter(Options())
    convert(events[0], warm)
    floors = [Floor(event, _requests(convert(event, warm))) for event in events[1:]]
    with_metadata = convert(events[0], Converter(Options(metadata=True)))
    kinds = ("cold", "warm", "ingress", "floor", "version_2")
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    ratios: dict[str, list[float]] = {"cold": [], "warm": []}
    for number in range(repetitions):
        event, floor = events[1 + number % len(floors)], floors[number % len(floors)]
        times["ingress"].append(cpu_seconds(open_ingress(event).parse))
        times["version_2"].append(cpu_seconds(partial(write_as_2_0, with_metadata)))
        for warmth, converter in (("cold", Converter(Options())), ("warm", warm)):
            before = cpu_seconds(floor.run)
            times[warmth].append(cpu_seconds(partial(convert, event, converter)))
            times["floor"].append((before + cpu_seconds(floor.run)) / 2)
            ratios[warmth].append(times[warmth][-1] / times["floor"][-1])
    found = convert(events[1], warm)
    per_point = {name: [1e6 * t / found.data_points for t in ts] for name, ts in times.items()}
    bodies = [body for lane in found.lanes for body in lane]
    return {
        "points": found.data_points,
        "samples": found.samples,
        "event_bytes": len(events[1]["body"]),
        "sent_bytes": sum(body.size for body in bodies),
        "compressed_bytes": sum(len(body.content) for body in bodies),
        "ingress_us": spread(per_point["ingress"]),
        "floor_us": spread(per_point["floor"]),
        "version_2_us": spread(per_point["version_2"]),
        "version_2_bytes": write_as_2_0(with_metadata),
        **{
            warmth: {"us": spread(per_point[warmth]), "ratio": statistics.median(found_ratios)}
            for warmth, found_ratios in ratios.items()
        },
    }


def _requests(conversion: Conversion) -> list[bytes]:
    return [snappy.decompress(body.content) for lane in conversion.lanes for body in lane]


def _growth(otlp: Format, effort: Effort) -> dict[str, Any]:
    """Measure both sizes; the delivery of the next minute has the same series."""
    cases = [
        _case([generated(size, minute, otlp) for minute in (0, 1)], effort.repetitions)
        for size in effort.sizes
    ]
    found = {warmth: [case[warmth]["us"]["median"] for case in cases] for warmth in _LIMITS}
    return {
        warmth: {"per_point_us": [small, large], "growth": large / small}
        for warmth, (small, large) in found.items()
    }


def _table(title: str, cases: dict[str, dict[str, Any]]) -> Table:
    columns = [(case, warmth) for case in cases.values() for warmth in _LIMITS]
    rows: list[list[Cell]] = [
        ["event to records", *(case["ingress_us"]["median"] for case, _ in columns)],
        ["event to bodies, median", *(case[warmth]["us"]["median"] for case, warmth in columns)],
        ["event to bodies, minimum", *(case[warmth]["us"]["min"] for case, warmth in columns)],
        ["floor, median", *(case["floor_us"]["median"] for case, _ in columns)],
        ["bodies to remote write 2.0", *(case["version_2_us"]["median"] for case, _ in columns)],
        ["bodies / floor", *(case[warmth]["ratio"] for case, warmth in columns)],
    ]
    return Table(title, ["", *(f"{name} {warmth}" for name in cases for warmth in _LIMITS)], rows)
