"""What happens before and after each request: pacing, checkpoints, and a dry run's preview."""

import hashlib
import math
import threading
from collections import Counter
from collections.abc import Callable, Sequence

from converters.bodies import Body, Lane
from converters.split import Bodies
from handler.verdict import Verdict
from replay.checkpoint import Checkpoint
from replay.errors import StoppedError, StoreError

SETTLING = frozenset({Verdict.ACCEPTED, Verdict.SETTLED})
"""The verdicts after which a body is never sent again."""

# What has no namespace comes from another producer than CloudWatch.
_NO_NAMESPACE = "(none)"


class Pace:
    """Limits the samples a second; safe for several threads.

    Args:
        samples_per_second: The limit on average; None for no limit. Requests are not
            split, so a second may see all samples of one.
        monotonic: A clock in seconds.
        stopped: Once set, no request is made any more.
    """

    def __init__(
        self,
        samples_per_second: float | None,
        monotonic: Callable[[], float],
        stopped: threading.Event,
    ) -> None:
        self._rate = samples_per_second
        self._monotonic = monotonic
        self._stopped = stopped
        self._lock = threading.Lock()
        self._next = 0.0

    def seconds_for(self, samples: int) -> float:
        """Return how long samples take from now on at least, after those before them."""
        with self._lock:
            waiting = max(0.0, self._next - self._monotonic())
        return waiting + self._seconds(samples)

    def wait(self, samples: int, end: float = math.inf) -> None:
        """Wait until a request may be made, or until the end.

        Args:
            samples: The samples of the request.
            end: When to stop waiting, by the same clock. A request that may not be
                made before then does not delay the next ones.

        Raises:
            StoppedError: The replay has been ended, or is while this waits.
        """
        with self._lock:
            now = self._monotonic()
            begin = max(now, self._next)
            if begin < end:
                self._next = begin + self._seconds(samples)
        if self._stopped.wait(min(begin, end) - now):
            raise StoppedError("interrupted")

    def _seconds(self, samples: int) -> float:
        return samples / self._rate if self._rate else 0.0


class BatchRequests:
    """Paces the requests of one batch, and records in the checkpoint what is settled.

    A body that the listener had settled before the replay was interrupted is not
    sent again. The same batch makes the same bodies, whenever it is replayed, so their
    digests are enough to know them. Of a body that is refused, the checkpoint has the
    data points that were settled one by one.

    Args:
        lanes: All bodies of the batch.
        number: The batch's number in its object.
        checkpoint: The checkpoint of the object.
        pace: Limits the samples a second.
        end: When no request may be made any more, by the pace's clock.

    Attributes:
        verdicts: What the responses meant.
    """

    def __init__(
        self, lanes: Sequence[Lane], number: int, checkpoint: Checkpoint, pace: Pace, end: float
    ) -> None:
        self._number = number
        self._checkpoint = checkpoint
        self._pace = pace
        self._end = end
        self._digests = {_digest(body) for lane in lanes for body in lane}
        self._paced: set[str] = set()
        self._lock = threading.Lock()
        self._failure: StoreError | None = None
        self.verdicts: set[Verdict] = set()

    def before(self, body: Body) -> bool:
        """Wait for the pace; return whether the body has to be sent.

        Raises:
            StoreError: An accepted body could not be recorded, so no other one is sent.
            StoppedError: The replay has been ended.
        """
        digest = _digest(body)
        if self._checkpoint.has_accepted(self._number, digest):
            return False
        with self._lock:
            # A retry, and a part of a refused body, do not wait again for the same samples.
            is_new = digest in self._digests and digest not in self._paced
            self._paced.add(digest)
        self._pace.wait(body.samples if is_new else 0, self._end)
        with self._lock:
            if self._failure is not None:
                raise self._failure
        return True

    def after(self, body: Body, verdict: Verdict) -> None:
        """Record a body that the listener has settled.

        Raises:
            StoreError: It cannot be recorded.
        """
        digest = _digest(body)
        with self._lock:
            self.verdicts.add(verdict)
        try:
            if digest not in self._digests:
                self._checkpoint.save_at_times()
            elif verdict in SETTLING:
                self._checkpoint.accept(self._number, digest)
        except StoreError as error:
            with self._lock:
                self._failure = error
            raise


class Preview:
    """Counts what would be sent, and keeps it from being sent.

    Args:
        bodies: Reads bodies.

    Attributes:
        times: The oldest and the newest sample's time, in ms since the epoch; empty
            without samples.
        namespaces: How many samples there are of each namespace.
    """

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self._lock = threading.Lock()
        self.times: tuple[int, ...] = ()
        self.namespaces: Counter[str] = Counter()

    def before(self, body: Body) -> bool:
        """Count the samples of a body; return that it is not to be sent."""
        found = list(self._bodies.times(body))
        with self._lock:
            self.namespaces.update(namespace or _NO_NAMESPACE for namespace, _ in found)
            known = (*self.times, *(time for _, time in found))
            self.times = (min(known), max(known))
        return False

    def after(self, body: Body, verdict: Verdict) -> None:
        """Do nothing: no request is made."""


def _digest(body: Body) -> str:
    return hashlib.sha256(body.content).hexdigest()[:32]
