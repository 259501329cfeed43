"""The account of one delivery while it is being sent: where each sample is."""

import dataclasses
import threading
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from handler.verdict import Reason, reason_in

# A server's texts name each series; a log with thousands of them helps nobody.
_MAX_REFUSALS_KEPT = 10


@dataclasses.dataclass
class Refusal:
    """How many samples the listener refused for one reason in the same words, and one of them.

    Attributes:
        reason: Why it does not want them.
        words: The listener's words.
        example: One of the samples; empty where the listener stored the others and did not name it.
        samples: How many are rejected.
        settled_unknown: How many samples the listener has settled without saying how many of them
            it refused; they count as accepted.
    """

    reason: Reason
    words: str
    example: str
    samples: int = 0
    settled_unknown: int = 0


class Sent(NamedTuple):
    """The samples of a delivery, counted when its sending is over.

    All samples = `accepted` + `rejected` + `undelivered`.

    Attributes:
        accepted: The listener took them.
        rejected_by_reason: The listener refused them and will again, or has the others; by reason.
        settled_unknown: How many of the accepted ones the listener may have refused.
        undelivered: Not settled; Firehose has to keep them.
        requests: How many requests were made.
        retries: How many of them repeated one that had failed.
        bytes: The compressed bytes of all bodies that were accepted.
        failures: Why samples are undelivered: the status to answer Firehose, and the reason.
        refusals: What was refused, by the listener's words; of many different words the first ten,
            and the first ten with an example.
        errors: Unforeseen errors, which ended lanes.
        warnings: What the listener said beside accepting everything; the first ten.
    """

    accepted: int
    rejected_by_reason: Mapping[str, int]
    settled_unknown: int
    undelivered: int
    requests: int
    retries: int
    bytes: int
    failures: tuple[tuple[int, str], ...]
    refusals: tuple[Refusal, ...]
    errors: tuple[BaseException, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def rejected(self) -> int:
        """How many samples the listener refused for good."""
        return sum(self.rejected_by_reason.values())


class SampleAccount:
    """Counts for several threads; `close` returns the counts as they are then.

    Args:
        samples: How many samples are to be sent.
    """

    def __init__(self, samples: int) -> None:
        self._samples = samples
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._rejected: Counter[str] = Counter()
        self._failures: dict[tuple[int, str], None] = {}
        self._refusals: dict[tuple[Reason, str, bool], Refusal] = {}
        self._errors: list[BaseException] = []
        self._warnings: dict[str, None] = {}
        self._last_words = ""
        self._last_problem = ""

    def request(self, *, again: bool) -> None:
        """Count a request that is about to be made."""
        with self._lock:
            self._counts["requests"] += 1
            self._counts["retries"] += again

    def accept(self, samples: int) -> None:
        """Count samples that the listener took."""
        with self._lock:
            self._counts["accepted"] += samples

    def note_bytes(self, size: int) -> None:
        """Count the compressed bytes of a request that the listener has accepted."""
        with self._lock:
            self._counts["bytes"] += size

    def reject(self, samples: int, reason: Reason, words: str, example: str = "") -> None:
        """Count samples that the listener refuses for good, with its words and one of them."""
        with self._lock:
            self._rejected[reason] += samples
            self._refusal(reason, words, example).samples += samples

    def settle_unknown(self, samples: int, words: str) -> None:
        """Count samples some of which the listener has refused, without saying how many."""
        with self._lock:
            self._counts["accepted"] += samples
            self._counts["settled_unknown"] += samples
            self._refusal(reason_in(words), words, "").settled_unknown += samples

    def _refusal(self, reason: Reason, words: str, example: str) -> Refusal:
        # Apart: a server that stores the good samples may write other numbers into each answer,
        # and must not keep data points that are refused alone from being named.
        named = bool(example)
        alike = sum(of_named is named for *_, of_named in self._refusals)
        if (reason, words, named) not in self._refusals and alike >= _MAX_REFUSALS_KEPT:
            words = "other words"
        key = (reason, words, named)
        return self._refusals.setdefault(key, Refusal(reason, words, example))

    def fail(self, status: int, reason: str) -> None:
        """Record why samples stay undelivered, and the status to answer Firehose."""
        with self._lock:
            self._failures[status, reason] = None

    def fail_unavailable(self, reason: str) -> None:
        """Record that the listener was not available as long as there was time for an attempt."""
        with self._lock:
            words = self._last_words
        said = f"; its last words were: {words}" if words and words != reason else ""
        self.fail(503, f"the listener is not available: {reason}{said}")

    def note_words(self, words: str) -> None:
        """Record what the listener said last, other than that it accepts a request."""
        with self._lock:
            self._last_words = words

    def note_warning(self, words: str) -> None:
        """Record what the listener said beside accepting a whole request."""
        with self._lock:
            if len(self._warnings) < _MAX_REFUSALS_KEPT:
                self._warnings[words] = None

    def note_problem(self, problem: str) -> None:
        """Record why the last attempt had no response."""
        with self._lock:
            self._last_problem = problem

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
            counts, rejected = self._counts.copy(), self._rejected.copy()
            failures = tuple(self._failures)
            refusals = tuple(dataclasses.replace(r) for r in self._refusals.values())
            words, problem = self._last_words, self._last_problem
            warnings = tuple(self._warnings)
        undelivered = self._samples - counts["accepted"] - rejected.total()
        if undelivered and not failures:
            last = f"its last words were: {words}" if words else problem
            failures = ((503, f"{unfinished}; {last}" if last else unfinished),)
        names = ("accepted", "settled_unknown", "requests", "retries", "bytes")
        return Sent(
            **{name: counts[name] for name in names},
            rejected_by_reason={str(reason): number for reason, number in rejected.items()},
            undelivered=undelivered,
            failures=failures,
            refusals=refusals,
            errors=tuple(self._errors),
            warnings=warnings,
        )
