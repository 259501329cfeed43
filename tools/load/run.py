"""A load run: how much one instance can take, then rates below and above that."""

import dataclasses
import itertools
import json
import os
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from testing.events.firehose import delivery_body, headers
from testing.events.ingresses import SENT_MS, http_api_v2
from testing.events.large import large_points, large_records
from testing.events.otlp import Format
from tools.instance import Instance, running_instance
from tools.load.memory import Growth, growth

# Of the time; the rest is divided evenly among the rates.
_CAPACITY_SHARE = 0.1
_RATES = (0.2, 0.4, 0.6, 0.8, 1.0, 1.2)
# Replaced by the number of the delivery, which is as long.
_NUMBER_BYTES = 12
_MARK = b"#" * _NUMBER_BYTES


@dataclass(frozen=True)
class Plan:
    """What to run.

    Attributes:
        seconds: Duration of the whole run.
        points: Data points of each delivery; 4,000 make about Firehose's 1 MB.
        new_share: The part of them whose series no delivery had before, as those of containers
            that live for minutes.
    """

    seconds: float
    points: int = 4_000
    new_share: float = 0.25


@dataclass
class Step:
    """Some time at one rate.

    Attributes:
        rate: Deliveries that became due in a second; 0: each when the one before was done.
        seconds: How long it lasted.
        latencies: Seconds from when a delivery was due to its response.
        processor_seconds: What the instance used of its processor.
        memory: (Seconds since the step began, MB) after each response.
        failures: Responses other than 200.
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


@dataclass(frozen=True)
class Result:
    """What was measured.

    Attributes:
        plan: What was run.
        steps: The first as fast as the instance takes deliveries, then each rate.
        memory: How memory changed over all steps.
    """

    plan: Plan
    steps: tuple[Step, ...]
    memory: Growth

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


def deliveries(points: int, new_share: float) -> Iterator[bytes]:
    """Yield events as JSON without end; each has new series for a part of its points."""
    template = large_points(points, 0)
    every = round(1 / new_share) if new_share else points + 1
    for place in range(0, points, every):
        point = template[place]
        mark = (("TaskId", _MARK.decode()),)
        template[place] = dataclasses.replace(point, dimensions=(*point.dimensions, *mark))
    records = large_records(template, Format.V1_0)
    for number in itertools.count(1):
        new = b"%0*d" % (_NUMBER_BYTES, number)
        request_id = f"00000000-0000-4000-8000-{number:012d}"
        body = delivery_body([r.replace(_MARK, new) for r in records], request_id, SENT_MS)
        yield json.dumps(http_api_v2(headers(request_id), body)).encode()


def run(plan: Plan) -> Result:
    """Run; the instance gets the first processor, this process and the listener the others."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, set(cores[1:]) or set(cores))
    events = deliveries(plan.points, plan.new_share)
    try:
        with running_instance(core=cores[0]) as instance:
            steps = [run_step(instance, events, 0, _CAPACITY_SHARE * plan.seconds)]
            seconds = (1 - _CAPACITY_SHARE) * plan.seconds / len(_RATES)
            capacity = steps[0].throughput
            steps += [run_step(instance, events, share * capacity, seconds) for share in _RATES]
    finally:
        os.sched_setaffinity(0, set(cores))
    memory: list[tuple[float, float]] = []
    begun = 0.0
    for step in steps:
        memory += [(begun + seconds, mb) for seconds, mb in step.memory]
        begun += step.seconds
    return Result(plan, tuple(steps), growth(memory))


def run_step(instance: Instance, events: Iterator[bytes], rate: float, seconds: float) -> Step:
    """Invoke an instance with deliveries at a rate for some time.

    Latency is counted from when a delivery was due, so those that waited for a slow one are slow
    too. What is due when the time is over is left out, but for the first delivery.

    Args:
        instance: The instance.
        events: The deliveries; each is made while the instance works on the one before.
        rate: How many become due in a second; 0: each when the one before is done.
        seconds: How long the step lasts.
    """
    step = Step(rate)
    with ThreadPoolExecutor(1) as maker:
        ahead = maker.submit(next, events)
        begun = time.monotonic()
        while not step.latencies or time.monotonic() < begun + seconds:
            event, ahead = ahead.result(), maker.submit(next, events)
            due = begun + len(step.latencies) / rate if rate else time.monotonic()
            if step.latencies and due >= begun + seconds:
                time.sleep(max(0.0, begun + seconds - time.monotonic()))
                break
            time.sleep(max(0.0, due - time.monotonic()))
            invocation = instance.invoke(event)
            now = time.monotonic()
            step.latencies.append(now - due)
            step.processor_seconds += invocation.processor_seconds
            step.memory.append((now - begun, instance.memory_mb()))
            step.failures += invocation.status != 200
        step.seconds = time.monotonic() - begun
    return step
