"""The account of a run: where each sample is that was to be."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tools.chaos.expectation import Labels, Sample
from tools.chaos.records import Planned
from tools.chaos.said import text_of

_EXAMPLES = 10

Stored = Mapping[Labels, Iterable[tuple[int, float]]]
"""What a server gives back: labels, sorted by name, to milliseconds and values."""


class TwiceError(Exception):
    """Two records were to become the same sample; the run could not tell them apart."""


@dataclass(slots=True)
class Account:
    """Where the samples are.

    Attributes:
        places: How many samples are in each combination of `stored`, `rejected` and `backup`;
            in none of them: lost.
        rejected_and_stored: Samples that the function called rejected, and that are stored.
            They count as stored alone.
        unexpected: Stored samples that nobody put in, be it that the value is another one.
        strangers: Records in the backup that nobody put in.
        examples: Some of what is lost or unexpected, in words.
        kept: The place of each sample, for whoever goes on with what the run left.
    """

    places: Counter[tuple[str, ...]] = field(default_factory=Counter)
    rejected_and_stored: int = 0
    unexpected: int = 0
    strangers: int = 0
    examples: list[str] = field(default_factory=list)
    kept: list[tuple[Sample, tuple[str, ...]]] = field(default_factory=list)

    @property
    def lost(self) -> int:
        """How many samples are nowhere."""
        return self.places[()]

    @property
    def sound(self) -> bool:
        """Whether nothing is lost, and nothing there that should not be."""
        return not (self.lost or self.unexpected or self.strangers)


def settle(
    put_in: Iterable[Planned], stored: Stored, said_rejected: set[str], backup: Iterable[bytes]
) -> Account:
    """Find each sample.

    A sample is identified by all its labels, its time and its value. It counts as stored where
    the server gives back exactly that, as rejected where the listener was to refuse it, the
    function has named it alone and it is not stored, and as backed up where the record that it
    comes from is in the backup, byte for byte. What the function says of any other sample is
    no proof: it would lose what it called rejected.

    Args:
        put_in: Everything that was put into the streams.
        stored: What the server holds.
        said_rejected: What the function called rejected, as `said.text_of` writes it.
        backup: The records in the backup.

    Raises:
        TwiceError: A sample was planned twice.
    """
    account = Account()
    seen: set[tuple[Labels, int]] = set()
    there = {labels: dict(samples) for labels, samples in stored.items()}
    in_backup = Counter(backup)
    for planned in put_in:
        backed_up = in_backup.pop(planned.content, 0) > 0
        for sample in planned.samples:
            if sample[:2] in seen:
                raise TwiceError(text_of(*sample[:2]))
            seen.add(sample[:2])
            refused = sample in planned.poison
            _place(sample, there, said_rejected, account, refused=refused, backed_up=backed_up)
    account.strangers = in_backup.total()
    for labels, left in there.items():
        for at, value in left.items():
            account.unexpected += 1
            _tell(account, f"unexpected: {text_of(labels, at)}: {value!r}")
    return account


def _place(
    sample: Sample,
    there: dict[Labels, dict[int, float]],
    said_rejected: set[str],
    account: Account,
    *,
    refused: bool,
    backed_up: bool,
) -> None:
    """Note where one sample is, and take it out of what is there."""
    labels, at, value = sample
    found: list[str] = []
    named = text_of(labels, at) in said_rejected
    series = there.get(labels, {})
    if at in series and series[at] == value:
        del series[at]
        found.append("stored")
        account.rejected_and_stored += named
    elif named and refused:
        found.append("rejected")
    if backed_up:
        found.append("backup")
    place = tuple(found)
    account.places[place] += 1
    account.kept.append((sample, place))
    if not place:
        _tell(account, f"lost: {text_of(labels, at)}: {value!r}")


def _tell(account: Account, words: str) -> None:
    if len(account.examples) < _EXAMPLES:
        account.examples.append(words)
