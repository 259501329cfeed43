"""How much is sent at once: as much as a destination takes within the time for an exchange."""

from __future__ import annotations

# Larger batches need fewer round trips, and more memory for the joined body.
_LARGEST_BYTES = 2_097_152
# Of log lines some twenty kilobytes on the wire; whoever needs longer for them is down.
_SMALLEST_BYTES = 262_144


class BatchSize:
    """
    The size of the next batch.

    A batch for which a destination needs more than a budget is never taken, however often it is
    sent; a smaller one may be. So what follows it is small, and grows with each answer.

    Args:
        limit: What the destination takes at most, in bytes.

    Attributes:
        bytes: The size, before compression.
    """

    def __init__(self, limit: int) -> None:
        self._largest = min(limit, _LARGEST_BYTES)
        self._smallest = min(limit, _SMALLEST_BYTES)
        self.bytes = self._largest

    def answered(self, seconds: float, budget: float) -> None:
        """Note that an exchange took some seconds; twice as much may take twice as long."""
        if seconds < budget / 2:
            self.bytes = min(self.bytes * 2, self._largest)

    def unanswered(self, seconds: float, budget: float) -> None:
        """Note that there was no answer; whether it is the size is not known where time is left."""
        if seconds >= budget:
            self.bytes = self._smallest
