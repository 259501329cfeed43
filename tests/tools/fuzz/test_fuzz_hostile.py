"""Hostile events in fresh processes: an answer, in time, in bounded memory."""

import pytest

from tools.fuzz.hostile import measure
from tools.fuzz.hostile_events import Case, cases

# Those that are quick; `make hostile` measures all of them.
_QUICK = [
    "4 GiB of zeros in 64 gzip members",
    "220,000 gzip members",
    "records nested 400,000 deep",
    "1 million records of 1 byte",
    "33 million empty records",
    "70 million empty messages",
    "5 million empty points of a gauge",
    "5 million percentiles in 10 points",
    "100,000 periods of one series",
    "40 labels of 1 MB",
    "a resource label of 200 kB on 20,000 series",
    "a resource label of 999 kB on 10,000 samples",
    "a metric name of 500 kB",
]


@pytest.mark.slow
@pytest.mark.parametrize(
    "case", [case for case in cases() if case.limit_ms], ids=lambda case: case.name
)
def test_request_of_a_stranger_costs_little(case: Case) -> None:
    """Without the right key, no request takes more of the processor than its few milliseconds."""
    assert not measure(case, timeout_seconds=300.0).problems


@pytest.mark.large
@pytest.mark.parametrize("name", _QUICK)
def test_bounded_time_and_memory(name: str) -> None:
    """A hostile event is answered as it should be, in time and within its limit of memory."""
    (case,) = [case for case in cases() if case.name == name]
    assert not measure(case, timeout_seconds=300.0).problems
