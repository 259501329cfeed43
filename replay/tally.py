"""What a replay, or an object of it, comes to."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from converters.convert import Conversion
    from handler.account import Sent

# Servers name each series in their words; the operator wants to know why.
_REASON = re.compile(r"too old|out[ -]of[ -]order|out of bounds|duplicate|label", re.IGNORECASE)
_REASON_LENGTH = 120


@dataclass
class Tally:
    """
    An account in numbers.

    Samples = sent + rejected + dropped + undelivered.

    Attributes:
        counts: `records`, `unreadable` (records), `points`, `samples`, `sent`, `undelivered`
            (samples), `requests`, `retries`, `bytes`.
        rejected: Samples that the listener refused for good, by reason.
        dropped: Samples that were made and not sent, by reason.
        points_dropped: Points that were not sent, by reason.
        examples: For each reason of `rejected` the listener's words, and one of the samples.
    """

    counts: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    points_dropped: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        """Take another account into this one."""
        self.counts += other.counts
        self.rejected += other.rejected
        self.dropped += other.dropped
        self.points_dropped += other.points_dropped
        self.examples = {**other.examples, **self.examples}

    def document(self) -> dict[str, Any]:
        """Return what `from_document` reads."""
        return {
            "counts": dict(self.counts),
            "rejected": dict(self.rejected),
            "dropped": dict(self.dropped),
            "pointsDropped": dict(self.points_dropped),
            "examples": self.examples,
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """
        Return the account of a document.

        Raises:
            ValueError, TypeError, AttributeError: It is none.
        """
        return cls(
            counts=_counter(document.get("counts", {})),
            rejected=_counter(document.get("rejected", {})),
            dropped=_counter(document.get("dropped", {})),
            points_dropped=_counter(document.get("pointsDropped", {})),
            examples={str(k): str(v) for k, v in document.get("examples", {}).items()},
        )


def tally_of(records: int, conversion: Conversion, sent: Sent) -> Tally:
    """Return the account of one batch."""
    tally = Tally(
        counts=Counter(
            records=records,
            unreadable=len(conversion.failures),
            points=conversion.data_points,
            samples=conversion.samples,
            sent=sent.accepted,
            undelivered=sent.undelivered,
            retries=sent.retries,
            bytes=sent.bytes,
        ),
        dropped=Counter(conversion.dropped_samples),
        points_dropped=Counter(conversion.dropped_points),
    )
    for refusal in sent.refusals:
        reason = _reason(refusal.reason)
        tally.rejected[reason] += refusal.samples
        tally.examples.setdefault(reason, f"{refusal.reason}: {refusal.example}")
    return tally


def _reason(words: str) -> str:
    found = _REASON.search(words)
    return found[0].lower().replace("-", " ") if found else words[:_REASON_LENGTH]


def _counter(numbers: dict[str, Any]) -> Counter[str]:
    return Counter({str(name): int(number) for name, number in numbers.items()})
