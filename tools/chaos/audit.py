"""The audit of a run: where each planned sample is."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from testing.rules import Labels, Samples
from tools.chaos.expectation import Sample
from tools.chaos.kept import text_of
from tools.chaos.records import Planned

_EXAMPLES = 10


class TwiceError(Exception):
    """Two records would become the same sample; the audit could not tell them apart."""


@dataclass(slots=True)
class Audit:
    """Where the samples are.

    Attributes:
        places: How many samples are in each combination of `stored`, `rejected`, `refused` and
            `backup`; in none of them: lost.
        rejected_and_stored: Samples that the function called rejected, and that are stored.
            They count as stored alone.
        unexpected: Stored samples that were not planned, or have another value.
        strangers: Records in the backup that were not put in.
        examples: Some of what is lost or unexpected, as text.
        found: The places of each sample.
    """

    places: Counter[tuple[str, ...]] = field(default_factory=Counter)
    rejected_and_stored: int = 0
    unexpected: int = 0
    strangers: int = 0
    examples: list[str] = field(default_factory=list)
    found: list[tuple[Sample, tuple[str, ...]]] = field(default_factory=list)

    @property
    def lost(self) -> int:
        """How many samples are nowhere."""
        return self.places[()]

    @property
    def sound(self) -> bool:
        """Whether nothing is lost, and nothing there that should not be."""
        return not (self.lost or self.unexpected or self.strangers)

    def add(self, sample: Sample, places: tuple[str, ...]) -> None:
        """Count a sample."""
        self.places[places] += 1
        self.found.append((sample, places))
        if not places:
            self.add_example("lost", *sample)

    def add_example(self, problem: str, labels: Labels, at: int, value: float) -> None:
        """Keep an example, unless there are enough."""
        if len(self.examples) < _EXAMPLES:
            self.examples.append(f"{problem}: {text_of(labels, at)}: {value!r}")


def audit(
    put_in: Iterable[Planned],
    stored: Samples,
    rejected: set[str],
    backup: Iterable[bytes],
    refused: frozenset[Sample] = frozenset(),
) -> Audit:
    """Find each sample.

    A sample is identified by all its labels, its time and its value. It counts as

    - stored if the server has exactly that;
    - rejected if the listener was to refuse a sample of its data point, the function has named
      that data point, and it is not stored. What the function says about any other sample is no
      proof: it would lose what it called rejected;
    - refused if it is neither, and the server itself has refused it;
    - backed up if the record that it comes from is in the backup, byte for byte.

    Args:
        put_in: Everything that was put into the streams.
        stored: What the server has; labels sorted by name.
        rejected: A sample of each data point that the function called rejected, as `text_of`
            writes it.
        backup: The records in the backup.
        refused: What the server has refused because of its state.

    Raises:
        TwiceError: A sample was planned twice.
    """
    result = Audit()
    seen: set[tuple[Labels, int]] = set()
    there = {labels: dict(samples) for labels, samples in stored.items()}
    in_backup = Counter(backup)
    for planned in put_in:
        backed_up = in_backup.pop(planned.content, 0) > 0
        for point in planned.points:
            named = any(text_of(labels, at) in rejected for labels, at, _ in point)
            poisoned = any(sample in planned.poison for sample in point)
            for sample in point:
                labels, at, value = sample
                if (labels, at) in seen:
                    raise TwiceError(text_of(labels, at))
                seen.add((labels, at))
                places: tuple[str, ...] = ()
                if there.get(labels, {}).get(at) == value:
                    del there[labels][at]
                    places = ("stored",)
                    result.rejected_and_stored += named
                elif named and poisoned:
                    places = ("rejected",)
                elif sample in refused:
                    places = ("refused",)
                result.add(sample, (*places, "backup") if backed_up else places)
    result.strangers = in_backup.total()
    for labels, left in there.items():
        for at, value in left.items():
            result.unexpected += 1
            result.add_example("unexpected", labels, at, value)
    return result
