"""The account of one delivery while it is being sent: where each sample is."""

import dataclasses
import threading
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

# A server's texts name each series; a log with thousands of them helps nobody.
_MAX_REFUSALS_KEPT = 10


@dataclasses.dataclass
class Refusal:
    """How many samples the listener rejected for the same reason, and one of them."""

    reason: str
    example: str
    samples: int


class Sent(NamedTuple):
    """The samples of a delivery, counted when its sending is over.

    All samples = `accepted` + `rejected` + `undelivered`.

    Attributes:
        accepted: The listener took them.
        rejected: The listener refused them alone, and will again.
        undelivered: Not settled; Firehose has to keep them.
        requests: How many requests were made.
        retries: How many of them repeated one that had failed.
        bytes: The compressed bytes of all bodies that were accepted.
        failures: Why samples are undelivered: the status to answer Firehose, and the reason.
        refusals: What was rejected, by the listener's reasons; of many reasons the first ten.
        errors: Unforeseen errors, which ended lanes.
        rejected_by_reason: What `rejected` adds up from: `superseded`, `too_old`, `in_the_future`,
            `limit`, `invalid`, `other`.
        settled_unknown: How many of `accepted` are in bodies of which the listener refused some
            samples without a word on how many.
    """

    accepted: int
    rejected: int
    undelivered: int
    requests: int
    retries: int
    bytes: int
    failures: tuple[tuple[int, str], ...]
    refusals: tuple[Refusal, ...]
    errors: tuple[BaseException, ...] = ()
    rejected_by_reason: Mapping[str, int] = MappingProxyType({})
    settled_unknown: int = 0


class SampleAccount:
    """Counts for several threads; `close` returns the counts as they are then.

    Args:
        samples: How many samples are to be sent.
    """

    def __init__(self, samples: int) -> None:
        self._samples = samples
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._failures: dict[tuple[int, str], None] = {}
        self._refusals: dict[str, Refusal] = {}
        self._errors: list[BaseException] = []
        self._last_reason = ""

    def request(self, *, again: bool) -> None:
        """Count a request that is about to be made."""
        with self._lock:
            self._counts["requests"] += 1
            self._counts["retries"] += again

    def accept(self, samples: int, size: int) -> None:
        """Count a body that the listener took."""
        with self._lock:
            self._counts["accepted"] += samples
            self._counts["bytes"] += size

    def reject(self, samples: int, reason: str, example: str) -> None:
        """Count samples that the listener refuses for good, with its reason and one of them."""
        with self._lock:
            self._counts["rejected"] += samples
            if reason not in self._refusals and len(self._refusals) >= _MAX_REFUSALS_KEPT:
                reason = "other reasons"
            refusal = self._refusals.setdefault(reason, Refusal(reason, example, 0))
            refusal.samples += samples

    def fail(self, status: int, reason: str) -> None:
        """Record why samples stay undelivered, and the status to answer Firehose."""
        with self._lock:
            self._failures[status, reason] = None

    def note_unavailable(self, reason: str) -> None:
        """Record why the listener was not available the last time."""
        with self._lock:
            self._last_reason = reason

    def record_error(self, error: BaseException) -> None:
        """Record an unforeseen error, which has ended a lane."""
        self.fail(500, f"unforeseen error while sending: {type(error).__name__}")
        with self._lock:
            self._errors.append(error)

    def close(self, unfinished: str) -> Sent:
        """Return the account as it stands; what is not settled by now is undelivered.

        Args:
            unfinished: Why samples are left, where no failure is recorded.
        """
        with self._lock:
            counts = self._counts.copy()
            failures = tuple(self._failures)
            refusals = tuple(dataclasses.replace(r) for r in self._refusals.values())
        undelivered = self._samples - counts["accepted"] - counts["rejected"]
        if undelivered and not failures:
            last = f"; the last answer was: {self._last_reason}" if self._last_reason else ""
            failures = ((503, unfinished + last),)
        names = ("accepted", "rejected", "requests", "retries", "bytes")
        return Sent(
            **{name: counts[name] for name in names},
            undelivered=undelivered,
            failures=failures,
            refusals=refusals,
            errors=tuple(self._errors),
            rejected_by_reason={"other": counts["rejected"]} if counts["rejected"] else {},
        )
