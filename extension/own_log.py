"""The extension's own lines: few, each said once, and never shipped in a loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# By this the intake knows the extension's own lines among those of other extensions.
PREFIX = "metric-stream-logs: "

_LEVELS = {"debug": 10, "info": 20, "warn": 30, "warning": 30, "error": 40, "off": 99}


def where(error: BaseException) -> str:
    """Return what and where a fault is; what it is about may be a user's line or a token."""
    trace, place = error.__traceback__, ""
    while trace is not None:
        place = f" at {trace.tb_frame.f_code.co_name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return type(error).__name__ + place


class OwnLog:
    """
    Writes lines for the operator; safe for several threads.

    Args:
        write: Takes one line with its newline; what it raises is ignored, for a closed
            stream must not end the extension.
        level: `debug`, `info`, `warn`, `error` or `off`, in any case; warnings and errors
            are written by default.
    """

    def __init__(self, write: Callable[[str], object], level: str = "warn") -> None:
        self._write = write
        self._level = _LEVELS.get(level.lower(), _LEVELS["warn"])
        self._said: set[str] = set()

    def debug(self, text: str) -> None:
        """Write a line for somebody who looks for a fault."""
        if self._level <= _LEVELS["debug"]:
            self._line("debug", text)

    def warning(self, text: str) -> None:
        """Write a line that tells the operator what to do."""
        if self._level <= _LEVELS["warn"]:
            self._line("warning", text)

    def warn_once(self, subject: str, text: str) -> None:
        """Write a warning unless there was one about the same subject."""
        if subject not in self._said:
            self._said.add(subject)
            self.warning(text)

    def _line(self, level: str, text: str) -> None:
        try:
            self._write(f"{PREFIX}{level}: {' '.join(text.split())}\n")
        except (OSError, ValueError):
            # Nobody reads the line; everything else goes on.
            return
