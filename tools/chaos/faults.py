"""Which request meets which fault."""

import enum
import random
import threading
from collections import Counter
from collections.abc import Iterable

from converters.schema.remote_write_pb2 import WriteRequest
from testing.exchange import labels_of
from tools.chaos.expectation import Labels, Sample


class Fault(enum.Enum):
    """What the listener does to a request; most are only forwarded."""

    NONE = "forwarded"
    STALL = "never answered"
    STALL_AFTER = "forwarded, never answered"
    RESET = "connection reset"
    RESET_AFTER = "forwarded, connection reset"
    CUT_AFTER = "forwarded, answer cut in the middle"
    SAY_429 = "429 with Retry-After"
    SAY_500 = "500"
    SAY_503 = "503"
    SAY_503_AFTER = "forwarded, 503"
    SAY_413 = "413 to several series"
    SAY_400 = "400 to several series"
    KILL = "function killed"
    KILL_AFTER = "forwarded, function killed"
    POISON = "400 for a poison sample"
    CURSED = "503 for a cursed sample"
    BLACKOUT = "503 in a blackout"


_WEIGHTS = {
    Fault.NONE: 760,
    Fault.STALL: 12,
    Fault.STALL_AFTER: 8,
    Fault.RESET: 40,
    Fault.RESET_AFTER: 40,
    Fault.CUT_AFTER: 20,
    Fault.SAY_429: 20,
    Fault.SAY_500: 20,
    Fault.SAY_503: 20,
    Fault.SAY_503_AFTER: 20,
    Fault.SAY_413: 15,
    Fault.SAY_400: 15,
    Fault.KILL: 5,
    Fault.KILL_AFTER: 5,
}

AFTER = frozenset(
    {
        Fault.NONE,
        Fault.STALL_AFTER,
        Fault.RESET_AFTER,
        Fault.CUT_AFTER,
        Fault.SAY_503_AFTER,
        Fault.KILL_AFTER,
    }
)
"""The faults of a request that is forwarded all the same."""

_Key = tuple[Labels, int]


class Faults:
    """Draws the faults, and knows the samples that are marked.

    Args:
        seed: Where chance comes from.

    Attributes:
        counts: How often each fault was met.
        blackout: Set while nothing is taken.
    """

    def __init__(self, seed: int) -> None:
        self.counts: Counter[Fault] = Counter()
        self.blackout = threading.Event()
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self._poison: set[_Key] = set()
        self._cursed: set[_Key] = set()

    def mark(self, poison: Iterable[Sample], cursed: Iterable[Sample]) -> None:
        """Mark samples, before they are delivered."""
        with self._lock:
            self._poison.update((labels, at) for labels, at, _ in poison)
            self._cursed.update((labels, at) for labels, at, _ in cursed)

    def draw(self, request: WriteRequest) -> tuple[Fault, str]:
        """Give what happens to a request, and the words of a refusal.

        Poison goes before chance: whoever sends a poison sample is refused at each attempt, or
        meets a fault that is no acceptance. The words name the sample, as Prometheus's do.

        Args:
            request: What was sent.
        """
        with self._lock:
            fault = self._chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
            poison, cursed = self._marked(request)
            words = ""
            if self.blackout.is_set():
                fault = Fault.BLACKOUT
            elif poison is not None and fault in AFTER:
                fault, words = Fault.POISON, f"label set not taken: {poison}"
            elif cursed and fault in AFTER:
                fault = Fault.CURSED
            elif fault in (Fault.SAY_400, Fault.SAY_413) and len(request.timeseries) < 2:
                # A refusal that does not follow from a sample must not make one rejected alone.
                fault = Fault.SAY_503
            self.counts[fault] += 1
        return fault, words

    def _marked(self, request: WriteRequest) -> tuple[str | None, bool]:
        """Give a text that names the first poison sample, and whether there is a cursed one."""
        poison, cursed = None, False
        for series in request.timeseries:
            labels = tuple(sorted(labels_of(series)))
            for sample in series.samples:
                key = (labels, sample.timestamp)
                cursed = cursed or key in self._cursed
                if poison is None and key in self._poison:
                    poison = f"{labels} at {sample.timestamp}"
        return poison, cursed
