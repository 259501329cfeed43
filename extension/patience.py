"""When to try a destination again: exponential backoff with jitter, then a circuit breaker."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_FIRST_DELAY = 0.1
_LONGEST_DELAY = 2.0
# After so many failures in a row invocations no longer wait for this destination …
FAILURES_TO_OPEN = 4
# … but for one attempt after each of these pauses.
_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 300.0


class Patience:
    """
    What the failures in a row mean for the next attempt; times in seconds on the clock.

    Attributes:
        not_before: When the next attempt may start.
        not_before_at_the_end: The same where there is no later attempt.

    Args:
        clock: A monotonic clock.
        random: Gives a number from 0 to 1.
        first_delay: The delay after the first failure.
        longest_delay: No delay before the breaker opens is longer.
        failures_to_open: After so many failures in a row the breaker is open.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        random: Callable[[], float],
        first_delay: float = _FIRST_DELAY,
        longest_delay: float = _LONGEST_DELAY,
        failures_to_open: int = FAILURES_TO_OPEN,
    ) -> None:
        self._clock = clock
        self._random = random
        self._first_delay = first_delay
        self._longest_delay = longest_delay
        self._failures_to_open = failures_to_open
        self._failures = 0
        self.not_before = 0.0
        self.not_before_at_the_end = 0.0

    @property
    def failing(self) -> bool:
        """Whether the last attempt failed."""
        return self._failures > 0

    @property
    def open(self) -> bool:
        """Whether the circuit is open: the destination counts as down."""
        return self._failures >= self._failures_to_open

    def failed(self, retry_after: float | None) -> None:
        """Note a failure; `retry_after` is what the destination asks for, in seconds."""
        self._failures += 1
        if self.open:
            doublings = min(self._failures - self._failures_to_open, 10)
            delay = min(_FIRST_PAUSE * 2**doublings, _LONGEST_PAUSE)
        else:
            delay = min(self._first_delay * 2 ** min(self._failures - 1, 20), self._longest_delay)
        # Half of it is random, so that many environments do not come back at once.
        delay *= 0.5 + self._random() / 2
        now = self._clock()
        self.not_before = now + max(delay, retry_after or 0.0)
        # At SHUTDOWN there is no later, and still no reason to hammer.
        self.not_before_at_the_end = now + self._first_delay

    def succeeded(self) -> None:
        """Note that the destination answered."""
        self._failures = 0
        self.not_before = 0.0
        self.not_before_at_the_end = 0.0
