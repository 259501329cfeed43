"""The bodies that the platform sent and nobody has read yet."""

from __future__ import annotations

import threading
from collections import deque


class Inbox:
    """
    Raw bodies in the order in which they came; safe for several threads.

    It takes every body: holding back is for whoever reads the next one from the wire.

    Args:
        max_bytes: Above this there is no room for another body.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bodies: deque[bytes] = deque()
        self._bytes = 0
        self._taken = 0
        self._changed = threading.Condition()

    def put(self, body: bytes) -> None:
        """Add a body."""
        with self._changed:
            self._bodies.append(body)
            self._bytes += len(body)
            self._changed.notify_all()

    def take(self, timeout: float | None = None) -> bytes | None:
        """Return the oldest body, which stays counted until `done`; None after `timeout` s."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._bodies, timeout):
                return None
            body = self._bodies.popleft()
            self._taken = len(body)
            return body

    def done(self) -> None:
        """Say that the body taken last has been read."""
        with self._changed:
            self._bytes -= self._taken
            self._taken = 0
            self._changed.notify_all()

    @property
    def bytes(self) -> int:
        """How many bytes have not been read."""
        return self._bytes

    def wait_for_room(self) -> None:
        """
        Wait until another body has room.

        Whoever takes the bodies bounds this wait: a destination that is down never holds
        them up, one that works may for as long as it takes records (see `intake`).
        """
        with self._changed:
            self._changed.wait_for(lambda: self._bytes <= self._max_bytes)

    def wait_until_read(self, timeout: float) -> bool:
        """Wait until every body has been read, at most `timeout` seconds; tell whether."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._bytes, timeout)
