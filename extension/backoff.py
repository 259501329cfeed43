"""When a destination is tried again, and with how much: backoff, circuit breaker, batch size."""

from __future__ import annotations

from collections.abc import Callable

# After this number of failures in a row invocations no longer wait for the destination …
_FAILURES_TO_OPEN = 4
# … except for one attempt after each of these pauses.
_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 300.0

# Larger batches need fewer round trips, and more memory for the joined body.
LARGEST_BATCH_BYTES = 2_097_152
# After a timeout: some twenty kilobytes of log lines on the wire. A batch for which a destination
# needs more than its time is never accepted, however often it is sent; a smaller one may be.
SMALL_BATCH_BYTES = 262_144
# One refusal for rate may be about what others send; two are also about this batch.
_REFUSALS_TO_HALVE = 2
# A size that was refused for rate is tried again after this many batches of a smaller one.
_ACCEPTED_TO_GROW = 10
# Smaller batches show that the rate is the problem, and not the size.
_LEAST_PROGRESS_BYTES = 65_536


class Backoff:
    """Exponential backoff with jitter, then a circuit breaker; times in seconds on the clock.

    Args:
        random: Returns a number from 0 to 1.
        largest: What the destination accepts in one request, in bytes.

    Attributes:
        retry_at: When the next attempt may start.
        retry_at_shutdown: The same at SHUTDOWN, where no later attempt follows.
        batch_bytes: The size of the next batch: less after a timeout or a refusal for rate, more
            after successes.
    """

    first_delay = 0.1

    def __init__(
        self, clock: Callable[[], float], random: Callable[[], float], largest: int
    ) -> None:
        self._clock = clock
        self._random = random
        self._largest = min(largest, LARGEST_BATCH_BYTES)
        self._failures = 0
        self._refusals = 0
        self._accepted_to_grow = 0
        self.retry_at = 0.0
        self.retry_at_shutdown = 0.0
        self.batch_bytes = self._largest

    @property
    def failing(self) -> bool:
        """Whether the last attempt failed."""
        return self._failures > 0

    @property
    def open(self) -> bool:
        """Whether the circuit is open: the destination counts as down."""
        return self._failures >= _FAILURES_TO_OPEN

    def failed(self, retry_after: float | None) -> None:
        """Note a failure; `retry_after` is the wait that the destination asks for, in seconds."""
        self._failures += 1
        if self.open:
            doublings = min(self._failures - _FAILURES_TO_OPEN, 10)
            delay = min(_FIRST_PAUSE * 2**doublings, _LONGEST_PAUSE)
        else:
            delay = self.first_delay * 2 ** (self._failures - 1)
        # Half of it is random, so that many environments do not come back at the same moment.
        delay *= 0.5 + self._random() / 2
        now = self._clock()
        self.retry_at = now + max(delay, retry_after or 0.0)
        self.retry_at_shutdown = now + self.first_delay

    def succeeded(self) -> None:
        """Note that the destination responded."""
        self._failures = 0
        self.retry_at = 0.0
        self.retry_at_shutdown = 0.0

    def timed_out(self) -> None:
        """Note that a batch had no response in time."""
        self.batch_bytes = min(self.batch_bytes, SMALL_BATCH_BYTES)

    def accepted(self, *, quickly: bool) -> None:
        """Note a batch that was accepted; twice the size may take twice as long."""
        self._refusals = 0
        self._accepted_to_grow = max(self._accepted_to_grow - 1, 0)
        if quickly and not self._accepted_to_grow:
            self.batch_bytes = min(self.batch_bytes * 2, self._largest)

    def refused_for_rate(self, size: int) -> None:
        """Note a failure of a batch of some bytes for its rate."""
        self._refusals += 1
        if self._refusals >= _REFUSALS_TO_HALVE:
            self._refusals = 0
            self._accepted_to_grow = _ACCEPTED_TO_GROW
            self.batch_bytes = max(min(self.batch_bytes, size) // 2, 1)
            if self.batch_bytes >= _LEAST_PROGRESS_BYTES:
                # Another request than the one that was refused; its pause stays.
                self._failures = 1
