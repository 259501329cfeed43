"""How much memory the conversion of one delivery takes, so that no delivery takes all there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from converters.checkpoint import no_checkpoint
from converters.errors import TooLargeError

if TYPE_CHECKING:
    from converters.checkpoint import Checkpoint

# What decoded messages take for each byte on the wire at most (fields of two bytes,
# each a message of its own), and each message beside that.
_DECODED_BYTES_PER_BYTE = 28
_MESSAGE_BYTES = 600

_BYTES_BETWEEN = 1_000_000


class Meter:
    """
    Adds up estimates; what is counted is what an attacker could make large.

    Args:
        max_bytes: About how much memory one delivery may take.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self.begin()

    def begin(self, checkpoint: Checkpoint = no_checkpoint) -> None:
        """
        Start with a new delivery.

        Args:
            checkpoint: Called with every megabyte that is kept, since what makes
                memory grow takes its time too; what it raises ends the work.
        """
        self._kept = self._borrowed = 0
        self._checkpoint = checkpoint
        self._next = _BYTES_BETWEEN

    def keep(self, size: int) -> None:
        """
        Count bytes that are held until the delivery is over.

        Raises:
            TooLargeError: The delivery takes more than it may.
        """
        self._kept += size
        if self._kept >= self._next:
            self._next = self._kept + _BYTES_BETWEEN
            self._checkpoint()
            self.need(0)

    def borrow_message(self, size: int) -> None:
        """
        Count a message of so many bytes, which is held until `give_back`.

        Raises:
            TooLargeError: The delivery takes more than it may.
        """
        self._borrowed += size * _DECODED_BYTES_PER_BYTE + _MESSAGE_BYTES
        self.need(0)

    def give_back(self) -> None:
        """Count everything as released that was borrowed."""
        self._borrowed = 0

    def need(self, size: int) -> None:
        """
        See to it that so many bytes may be held for a moment.

        Raises:
            TooLargeError: They may not.
        """
        if self._kept + self._borrowed + size > self._max_bytes:
            raise TooLargeError(
                f"converting the delivery would take more than the {self._max_bytes // 1_000_000} "
                "MB of memory there are for it: give the function more memory"
            )
