"""The requests of one batch: paced, noted once the listener has accepted them, never made twice."""

from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING

from handler.transport import ListenerAnswer, Transport
from replay.errors import StoppedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from converters.bodies import Lane
    from replay.checkpoint import Checkpoint


class Pace:
    """
    Keeps to a number of samples a second; safe for several threads.

    Args:
        samples_per_second: The most on average; None for no limit. A request is
            never cut, so at one moment there may be as much as one request holds.
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
        """Return how long so many samples take at least."""
        return samples / self._rate if self._rate else 0.0

    def wait(self, samples: int) -> None:
        """
        Wait until a request of so many samples may be made.

        Raises:
            StoppedError: The replay has been ended, or is while this waits.
        """
        with self._lock:
            now = self._monotonic()
            begin = max(now, self._next)
            self._next = begin + self.seconds_for(samples)
        if self._stopped.wait(begin - now):
            raise StoppedError("interrupted")


class BatchTransport(Transport):
    """
    Makes the requests of one batch.

    A request that the listener had accepted before the replay was interrupted is
    answered as it was then. The same batch always makes the same bodies, so a
    digest of the body tells.

    Args:
        network: What makes the requests.
        lanes: All bodies of the batch.
        number: The batch's number in its object.
        checkpoint: The note about the object.
        pace: How fast to go.

    Attributes:
        requests: How many requests have been made.
        accepted: How many of them the listener has accepted.
    """

    def __init__(
        self,
        network: Transport,
        lanes: Sequence[Lane],
        number: int,
        checkpoint: Checkpoint,
        pace: Pace,
    ) -> None:
        super().__init__(connections=0)
        self._network = network
        self._number = number
        self._checkpoint = checkpoint
        self._pace = pace
        # Parts of a refused body are paid for with it, and a repeated body with the first.
        self._unpaid = {_digest(body.content): body.samples for lane in lanes for body in lane}
        self._lock = threading.Lock()
        self.requests = 0
        self.accepted = 0

    def post(
        self, url: str, content: bytes, headers: Mapping[str, str], timeout: float
    ) -> ListenerAnswer:
        """
        Send one body, unless it has been accepted before, and return the answer.

        Raises:
            TransportError: There was no whole answer.
            StoreError: The listener has accepted it, which cannot be noted.
            StoppedError: The replay has been ended; the body was not sent.
        """
        digest = _digest(content)
        if self._checkpoint.has_accepted(self._number, digest):
            return ListenerAnswer(204, "", None)
        with self._lock:
            samples = self._unpaid.pop(digest, 0)
        self._pace.wait(samples)
        with self._lock:
            self.requests += 1
        answer = self._network.post(url, content, headers, timeout)
        if 200 <= answer.status < 300:
            self._checkpoint.accept(self._number, digest)
            with self._lock:
                self.accepted += 1
        return answer


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
