"""Which objects are replayed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from replay.stores import Found, Source


@dataclass(frozen=True)
class Selection:
    """
    Which of the objects that are found.

    Attributes:
        since: Those written at this time or later; None for all.
        until: Those written before this time; None for all.
    """

    since: datetime | None = None
    until: datetime | None = None

    def of(self, source: Source) -> list[Found]:
        """
        Return the objects of a source within the times.

        Raises:
            StoreError: They cannot be listed.
        """
        return [
            found
            for found in source.objects()
            if (self.since is None or found.modified >= self.since)
            and (self.until is None or found.modified < self.until)
        ]
