"""CPU time of a delivery to an OTLP endpoint, beside the floor."""

import statistics
from collections.abc import Sequence
from functools import partial
from itertools import product
from typing import Any

from converters.convert import Conversion
from converters.otlp.bodies import OtlpBodies
from converters.otlp.convert import OtlpConverter, OtlpOptions
from testing.events.ingresses import Event
from tools.bench.delivery import Floor, convert, cpu_seconds, generated
from tools.bench.measurement import FORMATS, Cell, Effort, Measurement, Table, Target, spread

_WARM_MINUTES = 3
_DIMENSIONS = ("keep", "flatten")
_COMPRESSIONS = ("none", "gzip")
# What is kept is hardly touched; gzip alone takes more than everything else.
_LIMITED = ("1.0", "keep", "none")
_LIMIT = 1.5


def otlp(effort: Effort) -> Measurement:
    """Measure the large delivery in both formats, with each way to send it."""
    figures: dict[str, Any] = {}
    rows: list[list[Cell]] = []
    targets = []
    for name, version in FORMATS.items():
        events = [generated(effort.points, minute, version) for minute in range(1 + _WARM_MINUTES)]
        for way in product(_DIMENSIONS, _COMPRESSIONS):
            found = _case(events, effort.repetitions, *way)
            figures[" ".join((name, *way))] = found
            numbers = [found["us"]["median"], found["floor_us"]["median"], found["ratio"]]
            rows.append([name, *way, *numbers, found["sent_bytes"] / found["points"]])
            if (name, *way) == _LIMITED:
                title = "OTLP, format 1.0, dimensions kept"
                targets.append(Target(title, found["ratio"], _LIMIT, "x floor"))
    title = f"A delivery of {effort.points:,} points to an OTLP endpoint, warm, us of CPU per point"
    headers = ["format", "dimensions", "compression", "event to bodies", "floor", "bodies / floor"]
    return Measurement(Table(title, [*headers, "bytes sent"], rows), figures, targets)


def _case(
    events: Sequence[Event], repetitions: int, dimensions: str, compression: str
) -> dict[str, Any]:
    """Measure one way to send a delivery; the first event only fills the cache.

    The floor has no gzip: it is what is taken by base64, the stock parse, and snappy of the bodies.
    """
    options = OtlpOptions(flatten=dimensions == "flatten", gzip=compression == "gzip")
    converter = OtlpConverter(options)
    convert(events[0], converter)
    conversions = [convert(event, converter) for event in events[1:]]
    floors = [
        Floor(event, _requests(conversion, options))
        for event, conversion in zip(events[1:], conversions, strict=True)
    ]
    points = conversions[0].data_points
    times: list[float] = []
    floor_times: list[float] = []
    for number in range(repetitions):
        event, floor = events[1 + number % len(floors)], floors[number % len(floors)]
        before = cpu_seconds(floor.run)
        times.append(cpu_seconds(partial(convert, event, converter)))
        floor_times.append((before + cpu_seconds(floor.run)) / 2)
    return {
        "points": points,
        "sent_bytes": sum(len(body.content) for lane in conversions[0].lanes for body in lane),
        "us": spread([1e6 * time / points for time in times]),
        "floor_us": spread([1e6 * time / points for time in floor_times]),
        "ratio": statistics.median(
            time / floor for time, floor in zip(times, floor_times, strict=True)
        ),
    }


def _requests(conversion: Conversion, options: OtlpOptions) -> list[bytes]:
    bodies = OtlpBodies(compressed=options.gzip)
    return [bodies.content_of(body) for lane in conversion.lanes for body in lane]
