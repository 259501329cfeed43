"""How far a replay is, shown while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from replay.report import Tally
    from replay.stores import StoredObject


class Progress:
    """Writes a line for each object.

    Args:
        write: Takes a line without its end.
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def begin(self, objects: Sequence[StoredObject]) -> None:
        """Show how many objects there are."""
        size = sum(found.size for found in objects)
        self._write(f"{len(objects)} objects, {size:,} bytes")

    def batch(self, found: StoredObject, share: float, tally: Tally) -> None:
        """Show that a share of an object is done, from 0 to 1, and the numbers of a batch."""

    def object(self, found: StoredObject, status: str) -> None:
        """Show what has happened to an object."""
        self._write(f"{found.name}: {status}")

    def end(self) -> None:
        """Show nothing more."""
