"""A line of progress now and then."""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Progress:
    """Tells how far a run is, every few seconds until the end of `with`.

    Args:
        tell: Where the lines go.
        words: Gives the words of the moment.
        seconds: The time between two lines.
    """

    def __init__(
        self, tell: Callable[[str], object], words: Callable[[], str], seconds: float = 10.0
    ) -> None:
        self._tell = tell
        self._words = words
        self._seconds = seconds
        self._ending = threading.Event()
        self._begun = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Tell it for the last time."""
        self._ending.set()
        self._thread.join()
        self._line()

    def _run(self) -> None:
        while not self._ending.wait(self._seconds):
            self._line()

    def _line(self) -> None:
        self._tell(f"{time.monotonic() - self._begun:6.0f} s  {self._words()}")
