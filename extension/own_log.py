"""The extension's own log lines: few, each subject once, and never shipped in a loop."""

import contextlib
import traceback
from collections.abc import Callable

# The router recognizes the extension's own lines by this prefix.
PREFIX = "metric-stream-logs: "

_WITH_DEBUG = ("trace", "debug")
_WITH_WARNINGS = (*_WITH_DEBUG, "info", "warn")


def location(error: BaseException) -> str:
    """Return the type of an error that was caught, and where it was raised.

    Its text is left out, which may quote a user's line or a token.
    """
    *_, (frame, line) = traceback.walk_tb(error.__traceback__)
    return f"{type(error).__name__} at {frame.f_code.co_name}:{line}"


class OwnLog:
    """Writes log lines for the operator, each with its newline; safe for several threads."""

    def __init__(self, write: Callable[[str], object], level: str = "warn") -> None:
        self._write = write
        self._level = level
        self._warned: set[str] = set()

    def debug(self, text: str) -> None:
        """Write a line that helps to find a problem."""
        if self._level in _WITH_DEBUG:
            self._line("debug", text)

    def warning(self, text: str) -> None:
        """Write a line about something that the operator has to fix."""
        if self._level in _WITH_WARNINGS:
            self._line("warning", text)

    def warn_once(self, subject: str, text: str) -> None:
        """Write a warning unless there was one about the same subject."""
        if subject not in self._warned:
            self._warned.add(subject)
            self.warning(text)

    def _line(self, level: str, text: str) -> None:
        # A closed output must not end the extension.
        with contextlib.suppress(OSError, ValueError):
            self._write(f"{PREFIX}{level}: {' '.join(text.split())}\n")
