"""When a destination is tried again: exponential backoff, then a circuit breaker."""

from __future__ import annotations

from collections.abc import Callable

from extension.destinations.destination import RetrySettings

# After this number of failures in a row invocations no longer wait for the destination, whatever
# its settings are …
_MOST_FAILURES = 4
# … except for one attempt after each of these pauses.
_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 300.0


class Backoff:
    """Exponential backoff with jitter, then a circuit breaker; times in seconds on the clock.

    Args:
        clock: A monotonic clock.
        random: Returns a number from 0 to 1.
        settings: The delays before the breaker opens, and after how many retries it does.

    Attributes:
        retry_at: When the next attempt may start.
        retry_at_shutdown: The same at SHUTDOWN, where no later attempt follows.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        random: Callable[[], float],
        settings: RetrySettings,
    ) -> None:
        self._clock = clock
        self._random = random
        self._first_delay = settings.initial_delay_ms / 1000
        self._longest_delay = settings.max_delay_ms / 1000
        self._failures_to_open = min(settings.max_retries + 1, _MOST_FAILURES)
        self._failures = 0
        self.retry_at = 0.0
        self.retry_at_shutdown = 0.0

    @property
    def failing(self) -> bool:
        """Whether the last attempt failed."""
        return self._failures > 0

    @property
    def open(self) -> bool:
        """Whether the circuit is open: the destination counts as down."""
        return self._failures >= self._failures_to_open

    def failed(self, retry_after: float | None) -> None:
        """Note a failure; `retry_after` is the wait that the destination asks for, in seconds."""
        self._failures += 1
        if self.open:
            doublings = min(self._failures - self._failures_to_open, 10)
            delay = min(_FIRST_PAUSE * 2**doublings, _LONGEST_PAUSE)
        else:
            delay = min(self._first_delay * 2 ** min(self._failures - 1, 20), self._longest_delay)
        # Half of it is random, so that many environments do not come back at the same moment.
        delay *= 0.5 + self._random() / 2
        now = self._clock()
        self.retry_at = now + max(delay, retry_after or 0.0)
        self.retry_at_shutdown = now + self._first_delay

    def succeeded(self) -> None:
        """Note that the destination responded."""
        self._failures = 0
        self.retry_at = 0.0
        self.retry_at_shutdown = 0.0

    def begin_again(self) -> None:
        """Note that the next attempt is another one than those that failed; its pause stays."""
        self._failures = 1
