"""How large a batch may be: less after a timeout or a refusal for rate, more after successes."""

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


class BatchSize:
    """The size of the next batch to one destination.

    Args:
        largest: What the destination accepts, in bytes.

    Attributes:
        bytes: The size.
    """

    def __init__(self, largest: int) -> None:
        self._largest = min(largest, LARGEST_BATCH_BYTES)
        self.bytes = self._largest
        self._refusals = 0
        self._accepted_to_grow = 0

    def timed_out(self) -> None:
        """Note that a batch had no response in time."""
        self.bytes = min(self.bytes, SMALL_BATCH_BYTES)

    def accepted(self, *, quickly: bool) -> None:
        """Note a batch that was accepted; twice the size may take twice as long."""
        self._refusals = 0
        self._accepted_to_grow = max(self._accepted_to_grow - 1, 0)
        if quickly and not self._accepted_to_grow:
            self.bytes = min(self.bytes * 2, self._largest)

    def refused_for_rate(self, size: int) -> bool:
        """Note a refusal of some bytes; return whether the next batch is a much smaller one."""
        self._refusals += 1
        if self._refusals < _REFUSALS_TO_HALVE:
            return False
        self._refusals = 0
        self._accepted_to_grow = _ACCEPTED_TO_GROW
        self.bytes = max(min(self.bytes, size) // 2, 1)
        return self.bytes >= _LEAST_PROGRESS_BYTES
