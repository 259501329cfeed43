"""Deliveries that become due at a fixed rate, whether or not the one before is done."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.load.driver import Instance


@dataclass
class Step:
    """
    Some time at one rate.

    Attributes:
        rate: Deliveries that became due in a second; 0: each when the one before was done.
        seconds: How long it lasted.
        latencies: Seconds from when a delivery was due to its answer.
        processor_seconds: What the instance used of its processor.
        memory: (Seconds since the step began, MB) after each answer.
        failures: Answers other than 200.
    """

    rate: float
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    processor_seconds: float = 0.0
    memory: list[tuple[float, float]] = field(default_factory=list)
    failures: int = 0

    @property
    def throughput(self) -> float:
        """Deliveries that were answered in a second."""
        return len(self.latencies) / self.seconds

    def latency(self, percent: int) -> float:
        """Return a percentile of the latencies, in seconds."""
        if len(self.latencies) < 2:
            return self.latencies[0]
        return statistics.quantiles(self.latencies, n=100, method="inclusive")[percent - 1]

    @property
    def peak_mb(self) -> float:
        """The most memory after any answer, in MB."""
        return max(mb for _, mb in self.memory)


def run_step(instance: Instance, events: Iterator[bytes], rate: float, seconds: float) -> Step:
    """
    Hand deliveries to an instance for some time.

    Latency is counted from when a delivery was due, so that those that had to
    wait for a slow one are slow too; what is due when the time is over is left out,
    but for the first, so that a machine that stood still has a latency too.

    Args:
        instance: The instance.
        events: The deliveries.
        rate: How many become due in a second; 0: each when the one before is done.
        seconds: For how long.
    """
    step = Step(rate)
    begun = time.monotonic()
    number = 0
    while not number or time.monotonic() < begun + seconds:
        event = next(events)
        due = begun + number / rate if rate else time.monotonic()
        if number and due >= begun + seconds:
            time.sleep(max(0.0, begun + seconds - time.monotonic()))
            break
        number += 1
        time.sleep(max(0.0, due - time.monotonic()))
        answered = instance.invoke(event)
        now = time.monotonic()
        step.latencies.append(now - due)
        step.processor_seconds += answered.processor_seconds
        step.memory.append((now - begun, instance.memory_mb()))
        step.failures += answered.status != 200
    step.seconds = time.monotonic() - begun
    return step
