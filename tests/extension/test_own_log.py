"""The extension's own log lines: few, each subject once, each recognisable."""

import pytest

from extension.own_log import PREFIX, OwnLog


def said(level: str) -> list[str]:
    """Return what a log of some level writes of lines of each kind."""
    written: list[str] = []
    log = OwnLog(written.append, level)
    log.debug("d")
    log.warning("w")
    log.warn_once("subject", "o")
    return [line.removeprefix(PREFIX).strip() for line in written]


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("debug", ["debug: d", "warning: w", "warning: o"]),
        ("info", ["warning: w", "warning: o"]),
        ("warn", ["warning: w", "warning: o"]),
        ("trace", ["debug: d", "warning: w", "warning: o"]),
        ("error", []),
        ("fatal", []),
        ("off", []),
    ],
)
def test_levels(level: str, expected: list[str]) -> None:
    """Lines below the level are not written."""
    assert said(level) == expected


def test_once() -> None:
    """There is one warning about a subject, whatever the second one says."""
    written: list[str] = []
    log = OwnLog(written.append)
    for number in range(5):
        log.warn_once("a", f"a {number}")
        log.warn_once("b", f"b {number}")
    assert written == [f"{PREFIX}warning: a 0\n", f"{PREFIX}warning: b 0\n"]


def test_one_line() -> None:
    """A warning is one line, so that all of it is recognised as the extension's own."""
    written: list[str] = []
    OwnLog(written.append).warning("two\nlines\r\nand\ta tab")
    assert written == [f"{PREFIX}warning: two lines and a tab\n"]


@pytest.mark.parametrize("error", [OSError("gone"), ValueError("closed"), BrokenPipeError()])
def test_closed_output(error: Exception) -> None:
    """A closed or broken output raises no error."""

    def write(_line: str) -> None:
        raise error

    OwnLog(write).warning("hello")
