"""The records that are put into the streams, each with the samples that it must become."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass

from testing.events.fleet import MINUTE_MS, Point
from testing.events.large import large_points
from testing.events.otlp import Format, messages, record
from tools.chaos.expectation import Sample, expected_samples
from tools.chaos.plan import MINUTES_PER_ROUND, POINTS_PER_ROUND, Plan

_MALFORMED_SHARE = 1 / 500
_POISON_SHARE = 1 / 500
_CURSED_SHARE = 1 / 250

# A message that is longer than its record.
_MALFORMED = b"\x7f\x0a\x05cut"


@dataclass(frozen=True, slots=True)
class Planned:
    """A record and what is known about it.

    Attributes:
        content: The record.
        points: What each of its data points must become; none for a malformed record.
        poison: Those of the samples for which the listener refuses a body with 400.
        cursed: Those for which it always responds with 503, so that the batch ends in the backup.
    """

    content: bytes
    points: tuple[tuple[Sample, ...], ...] = ()
    poison: tuple[Sample, ...] = ()
    cursed: tuple[Sample, ...] = ()

    @property
    def samples(self) -> tuple[Sample, ...]:
        """What it must become."""
        return tuple(itertools.chain.from_iterable(self.points))


def planned_records(plan: Plan, now_ms: int) -> Iterator[Planned]:
    """Yield records without end, oldest points first.

    Args:
        plan: The run.
        now_ms: The time in milliseconds since the epoch. The points of the planned deliveries
            are older: Prometheus refuses what is far ahead of its clock.
    """
    chance = random.Random(plan.seed)
    first_ms = now_ms // MINUTE_MS * MINUTE_MS - plan.span_ms
    for number in itertools.count():
        minute = (number + 1) * MINUTES_PER_ROUND
        points = large_points(POINTS_PER_ROUND, minute, end_ms=first_ms)
        while points:
            size = chance.randint(4, 28)
            yield _planned(points[:size], chance)
            points = points[size:]
            if chance.random() < _MALFORMED_SHARE:
                unique = chance.getrandbits(64).to_bytes(8, "big")
                yield Planned(_MALFORMED + unique)


def _planned(points: list[Point], chance: random.Random) -> Planned:
    """Return a record of one or two messages, in either format or in both."""
    middle = len(points) // 2 if chance.random() < 0.3 else len(points)
    parts = [part for part in (points[:middle], points[middle:]) if part]
    encoded = [message for part in parts for message in messages(part, chance.choice(list(Format)))]
    if chance.random() < 0.1:
        # Zero bytes are a message without anything.
        encoded.insert(0, b"")
    expected = tuple(tuple(expected_samples(point)) for point in points)
    samples = tuple(itertools.chain.from_iterable(expected))
    poison = tuple(sample for sample in samples if chance.random() < _POISON_SHARE)
    cursed = (chance.choice(samples),) if chance.random() < _CURSED_SHARE else ()
    return Planned(record(encoded), expected, poison, cursed)
