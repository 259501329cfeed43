"""Hostile events in fresh processes: an answer, in time, in bounded memory."""

from __future__ import annotations

import pytest

from tools.fuzz.hostile import Result, measure
from tools.fuzz.hostile_events import Case, cases
from tools.instance import Invocation

# Those that are quick; `make hostile` measures all of them.
_QUICK = [
    "4 GiB of zeros in 64 gzip members",
    "220,000 gzip members",
    "records nested 400,000 deep",
    "1 million records of 1 byte",
    "33 million empty records",
    "70 million empty messages",
    "5 million points of one series",
    "5 million empty points of a gauge",
    "5 million percentiles in 10 points",
    "100,000 periods of one series",
    "40 labels of 1 MB",
    "a resource label of 200 kB on 20,000 series",
    "a resource label of 999 kB on 10,000 samples",
    "a metric name of 500 kB",
]


@pytest.mark.large
@pytest.mark.parametrize("name", _QUICK)
def test_bounded_time_and_memory(name: str) -> None:
    """A hostile event is answered as it should be, in time and within its limit of memory."""
    (case,) = [case for case in cases() if case.name == name]
    assert not measure(case, timeout_seconds=300.0).problems


@pytest.mark.parametrize(
    ("status", "seconds", "processor_seconds", "peak_mb", "timeout", "problems"),
    [
        pytest.param(400, 1.0, 1.0, 50.0, 30.0, 0, id="as it should be"),
        pytest.param(200, 31.0, 31.0, 101.0, 30.0, 4, id="all wrong"),
        pytest.param(400, 31.0, 1.0, 50.0, 60.0, 0, id="a busy machine has longer"),
        pytest.param(400, 31.0, 31.0, 50.0, 60.0, 1, id="but not more of its processor"),
    ],
)
def test_problems(
    status: int,
    seconds: float,
    processor_seconds: float,
    peak_mb: float,
    timeout: float,
    problems: int,
) -> None:
    """A wrong answer, too much time and too much memory are each reported."""
    case = Case("none", dict, frozenset({400}), 100)
    invocation = Invocation(status, "", seconds, processor_seconds, peak_mb)
    assert len(Result(case, 1, invocation, timeout).problems) == problems


def test_a_process_that_ends_is_a_problem() -> None:
    """An event that kills the process is reported."""
    assert Result(Case("none", dict), 1, None).problems == ["the process has ended"]
