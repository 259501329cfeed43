"""Load on one instance: a short run, and the series of its deliveries."""

import pytest

from tools.load.__main__ import summary
from tools.load.run import Plan, run


@pytest.mark.large
def test_a_short_run() -> None:
    """One instance answers every delivery, at each rate, and its memory stays within bounds."""
    result = run(Plan(seconds=8, points=1_000, new_share=0.5))
    assert len(result.steps) == 7
    assert not any(step.failures for step in result.steps)
    # The caches may hold 64 MB; the instance itself takes about 40.
    assert all(0 < mb < 250 for step in result.steps for _, mb in step.memory)
    assert "1,000 data points, 50% of them" in summary(result)
