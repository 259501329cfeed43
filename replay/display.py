"""How a replay goes on, for people: a bar on a terminal, otherwise a line for each object."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from replay.stores import Found
    from replay.tally import Tally

_WIDTH = 24
_SECONDS_BETWEEN = 0.1


def shown(text: str) -> str:
    """
    Return a text that a terminal shows and does not obey.

    The names of objects and the words of a listener are others' own.
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )


class Lines:
    """
    Writes a line for each object.

    Args:
        write: Takes a line without its end.
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def begin(self, objects: Sequence[Found]) -> None:
        """Tell how many objects there are."""
        size = sum(found.size for found in objects)
        self._write(f"{len(objects)} objects, {size:,} bytes")

    def batch(self, found: Found, share: float, tally: Tally) -> None:
        """Tell nothing of a batch."""

    def object(self, found: Found, words: str) -> None:
        """Tell what became of an object."""
        self._write(f"{found.name}: {words}")

    def end(self) -> None:
        """Tell nothing more."""


class Bar:
    """
    Draws a progress bar in one line of a terminal.

    Args:
        terminal: Where to draw.
        monotonic: A clock in seconds.
    """

    def __init__(self, terminal: TextIO, monotonic: Callable[[], float]) -> None:
        self._terminal = terminal
        self._monotonic = monotonic
        self._objects = 0
        self._all_bytes = 0
        self._done_objects = 0
        self._done_bytes = 0
        self._samples = 0
        self._begun = self._drawn = monotonic()

    def begin(self, objects: Sequence[Found]) -> None:
        """Draw the empty bar."""
        self._objects = len(objects)
        self._all_bytes = sum(found.size for found in objects)
        self._begun = self._monotonic()
        self._draw(0.0)

    def batch(self, found: Found, share: float, tally: Tally) -> None:
        """Draw the bar again, unless that was just done."""
        self._samples += tally.counts["sent"]
        if self._monotonic() - self._drawn >= _SECONDS_BETWEEN:
            self._draw(found.size * share)

    def object(self, found: Found, words: str) -> None:
        """Draw the bar again, below a line about what is left of an object."""
        self._done_objects += 1
        self._done_bytes += found.size
        if words.startswith("left"):
            self._terminal.write(f"\r\x1b[K{shown(found.name)}: {shown(words)}\n")
        self._draw(0.0)

    def end(self) -> None:
        """Leave the bar as it is."""
        self._terminal.write("\n")
        self._terminal.flush()

    def _draw(self, more_bytes: float) -> None:
        self._drawn = self._monotonic()
        seconds = self._drawn - self._begun
        share = (self._done_bytes + more_bytes) / self._all_bytes if self._all_bytes else 1.0
        filled = int(_WIDTH * min(share, 1.0))
        bar = "#" * filled + "-" * (_WIDTH - filled)
        left = f", {seconds / share - seconds:.0f} s left" if 0 < share < 1 and seconds > 1 else ""
        self._terminal.write(
            f"\r\x1b[K[{bar}] {share:4.0%} {self._done_objects}/{self._objects} objects, "
            f"{self._samples:,} samples{left}"
        )
        self._terminal.flush()
