"""What a measurement is asked for, and what it gives back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from testing.events.otlp import Format

Cell = str | float


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to measure.

    Attributes:
        points: Data points of the large delivery.
        repetitions: How often each thing is timed.
        sizes: Data points of the deliveries that growth is seen from, ascending.
        warm_deliveries: How many deliveries follow the first one in a process of its own.
        processes: How many interpreters are started for each way to import.
        starts: How often the extension is started on each Python.
        invocations: How many invocations the extension is measured with.
        bodies: How many bodies of 512 kB it gets at full speed.
        outage_bodies: How many of them while its destination is down.
    """

    points: int
    repetitions: int
    sizes: tuple[int, ...]
    warm_deliveries: int
    processes: int
    starts: int
    invocations: int
    bodies: int
    outage_bodies: int


FULL = Effort(12_000, 9, (1_000, 2_000, 5_000, 12_000, 20_000), 5, 11, 15, 300, 200, 600)
QUICK = Effort(600, 2, (100, 300), 1, 1, 1, 5, 4, 6)

FORMATS: dict[str, Format] = {"1.0": Format.V1_0, "0.7": Format.V0_7}


@dataclass(frozen=True, slots=True)
class Target:
    """A figure that has a limit.

    Attributes:
        name: What is limited.
        value: What was measured.
        limit: What it may be at most.
        unit: Of both.
        aim: What to try for; None where the limit is all.
    """

    name: str
    value: float
    limit: float
    unit: str
    aim: float | None = None

    @property
    def met(self) -> bool:
        """Whether the figure keeps its limit."""
        return self.value <= self.limit


@dataclass(frozen=True, slots=True)
class Table:
    """Rows for a person.

    Attributes:
        title: What they show.
        headers: The columns.
        rows: Text and numbers; a number is shown with two decimals.
    """

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one module measured.

    Attributes:
        tables: For a person.
        figures: The same and more, for JSON.
        targets: What of it has a limit.
    """

    tables: Sequence[Table]
    figures: dict[str, Any]
    targets: Sequence[Target] = ()
