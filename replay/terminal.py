"""What the command shows on a terminal; the Lambda function needs none of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from tqdm import tqdm

from replay.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replay.report import Tally
    from replay.stores import StoredObject


def printable(text: str) -> str:
    """Return a text with its control characters written out.

    The names of objects and the messages of a listener might control the terminal.
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )


class ProgressBar(Progress):
    """Shows a progress bar, by bytes, and a line for each object that is left.

    Args:
        terminal: Where to show it.
    """

    def __init__(self, terminal: TextIO) -> None:
        self._bar = tqdm(total=0, unit="B", unit_scale=True, file=terminal, dynamic_ncols=True)
        super().__init__(lambda line: self._bar.write(line, file=terminal))
        self._done_bytes = 0
        self._done = 0
        self._objects = 0
        self._samples = 0

    def begin(self, objects: Sequence[StoredObject]) -> None:
        """Show the empty bar."""
        self._objects = len(objects)
        self._bar.reset(total=sum(found.size for found in objects))

    def batch(self, found: StoredObject, share: float, tally: Tally) -> None:
        """Move the bar within an object."""
        self._samples += tally.counts["sent"]
        self._show(self._done_bytes + found.size * share)

    def object(self, found: StoredObject, status: str) -> None:
        """Move the bar to the end of an object; write why it is left."""
        self._done += 1
        self._done_bytes += found.size
        if status.startswith("left"):
            self._write(printable(f"{found.name}: {status}"))
        self._show(self._done_bytes)

    def end(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()

    def _show(self, done_bytes: float) -> None:
        self._bar.set_postfix_str(
            f"{self._done}/{self._objects} objects, {self._samples:,} samples", refresh=False
        )
        self._bar.update(int(done_bytes) - self._bar.n)
