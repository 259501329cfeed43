"""What a replay has done: numbers, a JSON document, and lines for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from converters.convert import Conversion
from handler.account import Sent
from replay.content import Batch
from replay.hooks import Preview

# Lambda's response is bounded. The checkpoints list all.
_MAX_LISTED = 20

_SURVEYED = ("records", "unreadable", "points", "samples")
_NUMBERS = (
    *_SURVEYED,
    *("sent", "settledUnknown", "rejected", "dropped", "undelivered", "requests", "retries"),
)

# The keys of these groups are words of this module; those of others are names.
_OURS = ("objects", "account")


@dataclass
class Tally:
    """The numbers of a replay, or of an object of it.

    Samples = sent + rejected + dropped + undelivered.

    Attributes:
        counts: `records`, `unreadable` (records), `points`, `samples`, `sent`, `undelivered`
            (samples), `requests`, `retries`, `bytes`; of `sent`, `settledUnknown` is what the
            listener may have refused without saying how much.
        rejected: Samples that the listener refused for good, by the reasons of `SamplesRejected`.
        dropped: Samples that were converted and not sent, by reason.
        points_dropped: Points that were not sent, by reason.
        examples: The listener's words, and one of the samples if it was refused alone, by reason.
    """

    counts: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    points_dropped: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        """Add the numbers of another one."""
        self.counts += other.counts
        self.rejected += other.rejected
        self.dropped += other.dropped
        self.points_dropped += other.points_dropped
        self.examples = {**other.examples, **self.examples}


def tally_of(batch: Batch, conversion: Conversion, sent: Sent) -> Tally:
    """Return the numbers of one batch."""
    tally = Tally(
        counts=Counter(
            records=len(batch.records) + len(batch.unreadable),
            unreadable=len(batch.unreadable) + len(conversion.failures),
            points=conversion.data_points,
            samples=conversion.samples,
            sent=sent.accepted,
            settledUnknown=sent.settled_unknown,
            undelivered=sent.undelivered,
            requests=sent.requests,
            retries=sent.retries,
            bytes=sent.bytes,
        ),
        rejected=Counter(sent.rejected_by_reason),
        dropped=Counter(conversion.dropped_samples),
        points_dropped=Counter(conversion.dropped_points),
    )
    for refusal in sent.refusals:
        words = f"{refusal.words}: {refusal.example}" if refusal.example else refusal.words
        tally.examples.setdefault(refusal.reason, words)
    return tally


@dataclass
class ReplayResult:
    """What a replay, or a dry run, has done.

    Attributes:
        found: Objects that were found.
        begun: Objects that were not sent before, and were begun.
        sent: Objects that are sent completely.
        sent_before: Objects that an earlier replay had sent.
        left: Objects of which something is left, and why.
        tally: The numbers of this replay. If an earlier one had sent a part of a batch,
            that counts too.
        more: Whether some objects were not begun.
        stopped: Why the replay has ended early; empty if it has not.
    """

    found: int = 0
    begun: int = 0
    sent: int = 0
    sent_before: int = 0
    left: dict[str, str] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    more: bool = False
    stopped: str = ""

    @property
    def complete(self) -> bool:
        """Whether nothing is left to be sent."""
        return not self.left and not self.more and not self.stopped

    def document(self) -> dict[str, Any]:
        """Return the result of a replay as JSON."""
        tally = self.tally
        numbers = dict(tally.counts)
        numbers |= {"rejected": tally.rejected.total(), "dropped": tally.dropped.total()}
        return {
            "objects": {
                "found": self.found,
                "sent": self.sent,
                "sentBefore": self.sent_before,
                "left": len(self.left),
            },
            "account": {name: numbers.get(name, 0) for name in _NUMBERS},
            "rejected": dict(tally.rejected),
            "rejectedExamples": tally.examples,
            "dropped": dict(tally.dropped),
            "pointsDropped": dict(tally.points_dropped),
            "left": _first(self.left),
            "stopped": self.stopped,
            "more": self.more,
            "complete": self.complete,
        }

    def dry_run_document(self, preview: Preview) -> dict[str, Any]:
        """Return the result of a dry run as JSON."""
        tally = self.tally
        oldest, newest = map(_time, preview.times or (None, None))
        return {
            "dryRun": True,
            "objects": {
                "found": self.found,
                "toSend": self.begun,
                "sentBefore": self.sent_before,
                "unreadableInPart": len(self.left),
            },
            "account": {name: tally.counts[name] for name in _SURVEYED},
            "dropped": dict(tally.dropped),
            "pointsDropped": dict(tally.points_dropped),
            "unreadable": _first(self.left),
            "oldest": oldest,
            "newest": newest,
            "namespaces": dict(sorted(preview.namespaces.items())),
            "more": self.more,
        }


def lines(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of a document, names and values in columns."""
    for name, value in document.items():
        if isinstance(value, dict):
            yield from _group(name, value)
        elif value not in ("", None, False):
            yield f"{_spaced(name):<22}{_text(value)}"


def _group(name: str, values: Mapping[str, Any]) -> Iterator[str]:
    if values:
        yield f"{_spaced(name)}:"
    named = {_spaced(key) if name in _OURS else key: value for key, value in values.items()}
    width = max((len(key) for key in named), default=0)
    for key, value in named.items():
        if isinstance(value, int):
            yield f"  {key:<{width}}{value:>14,}"
        else:
            yield f"  {key}: {value}"


def _first(left: Mapping[str, str]) -> dict[str, str]:
    return dict(list(left.items())[:_MAX_LISTED])


def _time(milliseconds: int | None) -> str | None:
    if milliseconds is None:
        return None
    try:
        time = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return f"{milliseconds} ms"
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _spaced(name: str) -> str:
    return "".join(f" {c.lower()}" if c.isupper() else c for c in name)


def _text(value: Any) -> str:
    return "yes" if value is True else f"{value:,}" if isinstance(value, int) else str(value)
