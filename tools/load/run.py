"""A whole run: how much one instance can take, then rates below and above that."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from testing.misbehaving import raw_listener
from tools.load.deliveries import deliveries, prepared
from tools.load.driver import instance
from tools.load.flatness import Flatness, flatness
from tools.load.steps import Step, run_step

if TYPE_CHECKING:
    import socket

# Of the time; the rest is divided evenly among the rates.
_CAPACITY_SHARE = 0.1
_RATES = (0.2, 0.4, 0.6, 0.8, 1.0, 1.2)


@dataclass(frozen=True)
class Plan:
    """
    What to run.

    Attributes:
        seconds: For how long, as a whole.
        points: Data points of each delivery.
        new_share: Which part of them is of series that no delivery had before.
    """

    seconds: float
    points: int = 4_000
    new_share: float = 0.25


@dataclass(frozen=True)
class Result:
    """
    What was found.

    Attributes:
        plan: What was run.
        steps: The first as fast as the instance takes them, then each rate.
        memory: How memory changed, over all steps.
    """

    plan: Plan
    steps: tuple[Step, ...]
    memory: Flatness

    @property
    def problems(self) -> list[str]:
        """What is not as it should be."""
        found = []
        failures = sum(step.failures for step in self.steps)
        if failures:
            found.append(f"{failures} deliveries were not answered 200")
        if not self.memory.flat:
            found.append(f"memory grew by {self.memory.growth_mb:.1f} MB after the warm-up")
        return found


def run(plan: Plan) -> Result:
    """Run; the instance gets the first processor, this process and the listener the others."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, set(cores[1:]) or set(cores))
    try:
        with (
            raw_listener(_taken) as url,
            instance(url, cores[0]) as running,
            prepared(deliveries(plan.points, plan.new_share)) as events,
        ):
            steps = [run_step(running, events, 0, _CAPACITY_SHARE * plan.seconds)]
            each = (1 - _CAPACITY_SHARE) * plan.seconds / len(_RATES)
            capacity = steps[0].throughput
            steps += [run_step(running, events, share * capacity, each) for share in _RATES]
    finally:
        os.sched_setaffinity(0, set(cores))
    memory: list[tuple[float, float]] = []
    begun = 0.0
    for step in steps:
        memory += [(begun + seconds, mb) for seconds, mb in step.memory]
        begun += step.seconds
    return Result(plan, tuple(steps), flatness(memory))


def _taken(_connection: socket.socket, _request: bytes) -> bytes:
    """Take what comes, at once."""
    return b"HTTP/1.1 204 No Content\r\n\r\n"
