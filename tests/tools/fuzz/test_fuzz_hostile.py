"""Hostile events in fresh processes: an answer, in time, in bounded memory."""

from __future__ import annotations

import pytest

from tools.fuzz.hostile import Found, main, measure
from tools.fuzz.hostile_events import Case, cases

# Those that are quick; `python -m fuzz.hostile` measures all of them.
_QUICK = [
    "4 GiB of zeros in 64 gzip members",
    "220,000 gzip members",
    "nested 4.5 million deep",
    "1 million records of 1 byte",
    "33 million empty records",
    "70 million empty messages",
    "5 million points of one series",
    "5 million empty points of a gauge",
    "5 million percentiles in a point",
    "a resource label of 200 kB on 100,000 series",
    "a metric name of 1 MB",
]


@pytest.mark.parametrize("name", _QUICK)
def test_bounded_time_and_memory(name: str) -> None:
    """A hostile event is answered as it should be, in time and within its limit of memory."""
    (case,) = [case for case in cases() if case.name == name]
    assert not measure(case, timeout_seconds=300.0).problems


def test_what_is_told_of_a_case() -> None:
    """A wrong answer, too much time and too much memory are each told."""
    case = Case("none", dict, frozenset({400}), 100)
    assert not Found(case, 1, 400, "", 1.0, 1.0, 50.0).problems
    assert len(Found(case, 1, 200, "", 31.0, 31.0, 101.0).problems) == 4
    # A busy machine has longer, but not more of its processor.
    assert not Found(case, 1, 400, "", 31.0, 1.0, 50.0, 60.0).problems
    assert len(Found(case, 1, 400, "", 31.0, 31.0, 50.0, 60.0).problems) == 1


def test_the_command_shows_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """The command measures the cases that are asked for, and prints a row for each."""
    assert main(["--only", "gzip of gzip"]) == 0
    table = capsys.readouterr().out
    assert "gzip of gzip of zeros" in table
    assert " 400 " in table
