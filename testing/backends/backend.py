"""What the stand-ins of servers share: limits, state, and counts of what they did."""

import threading
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, NamedTuple

from testing.backends.head import Head, Kind, Sample
from testing.http_server import Reply
from testing.receiver import Received
from testing.rules import Labels

_HEAD_KINDS = frozenset(
    {Kind.OUT_OF_ORDER, Kind.DUPLICATE, Kind.TOO_OLD, Kind.OUT_OF_BOUNDS, Kind.SERIES_LIMIT}
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server takes.

    Attributes:
        window_ms: How old an out-of-order sample may be; 0: none is taken.
        max_series: How many series a tenant may have; None: any number.
        max_labels: How many labels a series may have, its name included; None: any number.
        max_value: How many bytes the value of a label may have; None: any number.
        now_ms: The server's clock; None: no sample is too far in its past or future.
        past_ms: How far in the past a sample may be; None: as far as the order allows.
        future_ms: How far in the future a sample may be.
    """

    window_ms: int = 0
    max_series: int | None = None
    max_labels: int | None = None
    max_value: int | None = None
    now_ms: Callable[[], int] | None = None
    past_ms: int | None = None
    future_ms: int = 600_000


class Refusal(NamedTuple):
    """A sample that a server refuses, and why."""

    kind: Kind
    labels: Labels
    at_ms: int
    value: float


class Backend:
    """A server: a reply function with state.

    Args:
        limits: What it takes; None: what the real server takes by default.

    Attributes:
        refusals: What was refused, in the order of arrival, also what was sent again. The good
            samples beside it are not there, not even where they were not stored.
        replies: How often each status was answered.
    """

    default_limits: ClassVar[Limits] = Limits()
    whole: ClassVar[bool] = False
    """Whether a request with a refused sample is not stored at all."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = self.default_limits if limits is None else limits
        self.head = Head(self.limits.window_ms, self.limits.max_series)
        self.refusals: list[Refusal] = []
        self.replies: Counter[int] = Counter()
        self._lock = threading.Lock()

    @property
    def stored(self) -> dict[Labels, dict[int, float]]:
        """What is stored: the samples of each series by time."""
        return self.head.stored

    @property
    def refused(self) -> int:
        """How many samples were refused."""
        return len(self.refusals)

    def __call__(self, received: Received) -> Reply:
        """Store what can be stored of a request, and reply."""
        samples = list(received.samples())
        with self._lock:
            reply = self._turn_away(samples)
            if reply is None:
                refusals = self._take(samples)
                self.refusals += refusals
                reply = self._refuse(refusals) if refusals else self._accept()
            self.replies[reply.status] += 1
        return reply

    def _turn_away(self, samples: Sequence[Sample]) -> Reply | None:  # noqa: ARG002 -- for subclasses
        """Return a reply to a request of which nothing is looked at; None: look at it."""
        return None

    def _accept(self) -> Reply:
        return Reply(200)

    @abstractmethod
    def _refuse(self, refusals: Sequence[Refusal]) -> Reply:
        """Return the reply to a request of which samples were refused, in their order."""

    def _take(self, samples: Sequence[Sample]) -> list[Refusal]:
        """Store what can be stored; return the rest."""
        judged = list(zip(samples, self._judge(samples), strict=True))
        good = [sample for sample, kind in judged if kind is None]
        if good and not (self.whole and len(good) < len(samples)):
            self._store(good)
        return [Refusal(kind, *sample) for sample, kind in judged if kind is not None]

    def _judge(self, samples: Sequence[Sample]) -> list[Kind | None]:
        """Return for each sample why it is refused; None: it can be stored."""
        kinds = [self._invalid(sample) for sample in samples]
        valid = [sample for sample, kind in zip(samples, kinds, strict=True) if kind is None]
        checked = iter(self.head.check(valid))
        return [kind or next(checked) for kind in kinds]

    def _store(self, samples: Sequence[Sample]) -> None:
        self.head.store(samples)

    def _invalid(self, sample: Sample) -> Kind | None:
        """Return why a sample is refused whatever is stored; None: that depends on the order."""
        limits, (labels, at_ms, _) = self.limits, sample
        if limits.max_labels is not None and len(labels) > limits.max_labels:
            return Kind.MANY_LABELS
        longest = max((len(value.encode()) for _, value in labels), default=0)
        if limits.max_value is not None and longest > limits.max_value:
            return Kind.LONG_VALUE
        if limits.now_ms is not None:
            now_ms = limits.now_ms()
            if at_ms > now_ms + limits.future_ms:
                return Kind.FUTURE
            if limits.past_ms is not None and at_ms < now_ms - limits.past_ms - limits.window_ms:
                return Kind.PAST
        return None


def first(refusals: Sequence[Refusal]) -> Refusal:
    """Return the refusal that the words are about, where ingesters are asked after a check.

    The first that an ingester refuses; where it refuses none, the first that failed the check.
    """
    return next((refusal for refusal in refusals if refusal.kind in _HEAD_KINDS), refusals[0])


def failure(status: int, text: str) -> Reply:
    """Return the reply that Go's `http.Error` writes."""
    return Reply(status, body=f"{text}\n".encode())


def braced(labels: Labels) -> str:
    """Write a series as Prometheus's labels: `{__name__="cpu", host="a"}`."""
    return "{" + ", ".join(f"{name}={quoted(value)}" for name, value in labels) + "}"


def named(labels: Labels) -> str:
    """Write a series as its name and its other labels: `cpu{host="a"}`."""
    others = tuple(label for label in labels if label[0] != "__name__")
    return dict(labels).get("__name__", "") + (braced(others) if others else "")


def quoted(text: str) -> str:
    """Write a text as a Go string, for the characters that labels usually have."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def rfc3339(at_ms: int) -> str:
    """Write a time as Go's `time.RFC3339Nano`, in UTC."""
    seconds, fraction = divmod(at_ms, 1000)
    text = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"
    return text + (f".{fraction:03d}".rstrip("0") if fraction else "") + "Z"
