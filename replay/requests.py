"""The requests of one batch: paced, noted once the listener has accepted them, never made twice."""

from __future__ import annotations

import hashlib
import math
import threading
from typing import TYPE_CHECKING

from handler.client import Client, ListenerResponse, NoResponseError
from handler.verdict import Verdict, verdict_on
from replay.errors import StoppedError, StoreError

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

    def seconds_behind(self) -> float:
        """Return how long the next request has to wait for those that were made."""
        with self._lock:
            return max(0.0, self._next - self._monotonic())

    def wait(self, samples: int, end: float = math.inf) -> float:
        """
        Wait until a request of so many samples may be made.

        Args:
            samples: How many.
            end: When to wait no longer, by the same clock.

        Returns:
            How long it is until then.

        Raises:
            StoppedError: The replay has been ended, or is while this waits.
            NoResponseError: It may not be made before the end.
        """
        with self._lock:
            now = self._monotonic()
            begin = max(now, self._next)
            if begin < end:
                self._next = begin + self.seconds_for(samples)
        if self._stopped.wait(min(begin, end) - now):
            raise StoppedError("interrupted")
        left = end - self._monotonic()
        if begin >= end or left <= 0:
            raise NoResponseError("the rate leaves no time for another request")
        return left


class BatchTransport(Client):
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
        end: When no request may be under way any more, by the pace's clock.

    Attributes:
        requests: How many requests have been made.
        accepted: How many of them the listener has accepted.
        refused: Whether the last answer was about what is in a request, not about where it went.
    """

    def __init__(
        self,
        network: Client,
        lanes: Sequence[Lane],
        number: int,
        checkpoint: Checkpoint,
        pace: Pace,
        end: float,
    ) -> None:
        super().__init__(connections=0)
        self._network = network
        self._number = number
        self._checkpoint = checkpoint
        self._pace = pace
        self._end = end
        # Parts of a refused body are paid for with it, and a repeated body with the first.
        self._unpaid = {_digest(body.content): body.samples for lane in lanes for body in lane}
        self._lock = threading.Lock()
        self._unnoted: StoreError | None = None
        self.requests = 0
        self.accepted = 0
        self.refused = False

    def post(
        self, url: str, content: bytes, headers: Mapping[str, str], timeout: float
    ) -> ListenerResponse:
        """
        Send one body, unless it has been accepted before, and return the answer.

        Raises:
            NoResponseError: There was no whole answer, or no time to ask for one.
            StoreError: The listener has accepted it, or one before it, which cannot be noted.
            StoppedError: The replay has been ended; the body was not sent.
        """
        digest = _digest(content)
        if self._checkpoint.has_accepted(self._number, digest):
            return ListenerResponse(204, "", None)
        with self._lock:
            samples = self._unpaid.pop(digest, 0)
        left = self._pace.wait(samples, self._end)
        with self._lock:
            if self._unnoted is not None:
                raise self._unnoted
            self.requests += 1
        answer = self._network.post(url, content, headers, min(timeout, left))
        verdict = verdict_on(answer.status, answer.text)
        self.refused = verdict is Verdict.REFUSED
        if verdict is Verdict.ACCEPTED:
            self._note(digest)
        return answer

    def _note(self, digest: str) -> None:
        """Note that a body was accepted; where that cannot be noted no other one is sent."""
        try:
            self._checkpoint.accept(self._number, digest)
        except StoreError as error:
            with self._lock:
                self._unnoted = error
            raise
        with self._lock:
            self.accepted += 1


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
