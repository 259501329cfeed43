"""Which request meets which fault."""

import enum
import random
import threading
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from converters.schema.remote_write_pb2 import WriteRequest
from testing.http_server import Reply
from testing.rules import Labels, labels_of
from tools.chaos.expectation import Sample


class Effect(NamedTuple):
    """What a fault does to a request.

    Attributes:
        text: Its name in the report.
        weight: How often it is drawn, among 1,000; 0: it has another cause than chance.
        reply: The listener's reply; None: the one of the server behind it.
        forwarded: Whether the request is forwarded first.
    """

    text: str
    weight: int = 0
    reply: Reply | None = None
    forwarded: bool = False


_STALL = Reply(stall=True)
_RESET = Reply(reset="before_answer")


class Fault(enum.Enum):
    """What the listener does to a request; most are only forwarded."""

    NONE = Effect("forwarded", 760, forwarded=True)
    STALL = Effect("never answered", 12, _STALL)
    STALL_AFTER = Effect("forwarded, never answered", 8, _STALL, forwarded=True)
    RESET = Effect("connection reset", 40, _RESET)
    RESET_AFTER = Effect("forwarded, connection reset", 40, _RESET, forwarded=True)
    CUT_AFTER = Effect(
        "forwarded, answer cut in the middle",
        20,
        Reply(200, body=b"accepted", reset="mid_body"),
        forwarded=True,
    )
    SAY_429 = Effect("429 with Retry-After", 20, Reply(429, {"Retry-After": "1"}))
    SAY_500 = Effect("500", 20, Reply(500))
    SAY_503 = Effect("503", 20, Reply(503))
    SAY_503_AFTER = Effect("forwarded, 503", 20, Reply(503), forwarded=True)
    SAY_413 = Effect("413 to several data points", 15, Reply(413))
    SAY_400 = Effect("400 to several data points", 15, Reply(400))
    KILL = Effect("function killed", 5, _RESET)
    KILL_AFTER = Effect("forwarded, function killed", 5, _RESET, forwarded=True)
    POISON = Effect("400 for a poison sample", reply=Reply(400))
    CURSED = Effect("503 for a cursed sample", reply=Reply(503))
    BLACKOUT = Effect("503 in a blackout", reply=Reply(503))


_WEIGHTS = [fault.value.weight for fault in Fault]


class Faults:
    """Draws the faults, and knows the samples that are marked.

    Args:
        seed: The source of chance.

    Attributes:
        counts: How often each fault was met.
        blackout: Set while nothing is accepted.
    """

    def __init__(self, seed: int) -> None:
        self.counts: Counter[Fault] = Counter()
        self.blackout = threading.Event()
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self._poison: set[tuple[Labels, int]] = set()
        self._cursed: set[tuple[Labels, int]] = set()

    def mark(self, poison: Iterable[Sample], cursed: Iterable[Sample]) -> None:
        """Mark samples, before they are delivered."""
        with self._lock:
            self._poison.update((labels, at) for labels, at, _ in poison)
            self._cursed.update((labels, at) for labels, at, _ in cursed)

    def draw(self, request: WriteRequest) -> tuple[Fault, str]:
        """Return what happens to a request, and the text of a refusal.

        Poison takes precedence over chance: whoever sends a poison sample is refused at each
        attempt, or meets a fault that is no acceptance. The text names the sample, as
        Prometheus's does.

        Args:
            request: What was sent.
        """
        keys = [
            (tuple(sorted(labels_of(series))), sample.timestamp)
            for series in request.timeseries
            for sample in series.samples
        ]
        with self._lock:
            fault = self._chance.choices(list(Fault), _WEIGHTS)[0]
            poison = next((key for key in keys if key in self._poison), None)
            text = ""
            if self.blackout.is_set():
                fault = Fault.BLACKOUT
            elif poison is not None and fault.value.forwarded:
                fault, text = Fault.POISON, f"invalid label set: {poison[0]} at {poison[1]}"
            elif fault.value.forwarded and not self._cursed.isdisjoint(keys):
                fault = Fault.CURSED
            elif fault in (Fault.SAY_400, Fault.SAY_413) and len(set(map(_point_of, keys))) < 2:
                # A refusal that has nothing to do with a sample must not reject a data point.
                fault = Fault.SAY_503
            self.counts[fault] += 1
        return fault, text


def _point_of(key: tuple[Labels, int]) -> tuple[Labels, int]:
    """Return what the samples of a data point have in common."""
    labels, at = key
    return tuple(label for label in labels if label[0] not in ("__name__", "quantile")), at
