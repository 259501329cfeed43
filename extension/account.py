"""
The account of one destination.

At every moment `received = sent + dropped + pending`, in records.
"""

from __future__ import annotations

from typing import NamedTuple

# What an operator asked for is counted, and is no loss.
CHOSEN = frozenset({"sampled", "below_level", "own_line"})


class Account(NamedTuple):
    """
    A copy of the account at one moment.

    Attributes:
        received: Records that were meant for this destination.
        sent: Records that it acknowledged.
        dropped: Records by the reason for which they were dropped.
        pending: Records that are queued or on their way.
    """

    received: int
    sent: int
    dropped: dict[str, int]
    pending: int

    @property
    def balanced(self) -> bool:
        """Whether every record is accounted for."""
        return self.received == self.sent + sum(self.dropped.values()) + self.pending

    @property
    def lost(self) -> dict[str, int]:
        """What was dropped without having been asked for."""
        return {reason: count for reason, count in self.dropped.items() if reason not in CHOSEN}

    def __str__(self) -> str:
        """Return the account as one line."""
        reasons = "".join(f", {reason}={count}" for reason, count in sorted(self.dropped.items()))
        return f"received={self.received}, sent={self.sent}{reasons}, pending={self.pending}"
