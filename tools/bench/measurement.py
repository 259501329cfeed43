"""What a measurement gets and returns."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from testing.events.otlp import Format

Cell = str | float

FORMATS: dict[str, Format] = {"1.0": Format.V1_0, "0.7": Format.V0_7}


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to measure.

    Attributes:
        points: Data points of the large delivery.
        repetitions: How often each thing is timed.
        sizes: Data points of the deliveries that show growth: smallest and largest.
        warm_deliveries: How many deliveries follow the first one in a process of its own.
        starts: How many processes are started for each kind of start.
        invocations: How many invocations the extension is measured with.
        bodies: How many bodies of 512 kB it gets at full speed.
        outage_bodies: How many of them while its destination is down.
        settling: Data points of the deliveries that are partly refused.
        resources: Tagged resources of a sweep.
    """

    points: int
    repetitions: int
    sizes: tuple[int, int]
    warm_deliveries: int
    starts: int
    invocations: int
    bodies: int
    outage_bodies: int
    settling: tuple[int, ...]
    resources: int


FULL = Effort(12_000, 9, (1_000, 20_000), 5, 11, 300, 200, 600, (400, 1_000), 50_000)
QUICK = Effort(600, 2, (100, 300), 1, 1, 5, 4, 6, (20,), 300)


@dataclass(frozen=True, slots=True)
class Target:
    """A figure that has a limit.

    Attributes:
        name: What is limited.
        value: What was measured.
        limit: The highest value that meets the target.
        unit: Of both.
    """

    name: str
    value: float
    limit: float
    unit: str

    @property
    def met(self) -> bool:
        """Whether the figure is within its limit."""
        return self.value <= self.limit


@dataclass(frozen=True, slots=True)
class Table:
    """Rows for a reader.

    Attributes:
        title: The heading above them.
        headers: The columns.
        rows: Text and numbers; a number is shown with two decimals.
    """

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was measured.

    Attributes:
        table: For a reader.
        figures: The same and more, for JSON.
        targets: The figures that have a limit.
    """

    table: Table
    figures: dict[str, Any]
    targets: Sequence[Target] = ()


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return minimum, median, 99th percentile and maximum."""
    ordered = sorted(values)
    return {
        "min": ordered[0],
        "median": statistics.median(ordered),
        "p99": ordered[-1 - len(ordered) // 100],
        "max": ordered[-1],
    }
