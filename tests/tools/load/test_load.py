"""Load on one instance: a short run, and the series of its deliveries."""

import itertools
import json

import pytest

from handler.delivery import Delivery
from handler.ingress import open_ingress
from testing.converting import convert, samples_of
from testing.rules import Labels
from tools.load.__main__ import summary
from tools.load.run import Plan, deliveries, run


def _delivery(event: bytes) -> Delivery:
    return open_ingress(json.loads(event)).parse()


@pytest.mark.large
def test_a_short_run() -> None:
    """One instance answers every delivery, at each rate, and its memory stays within bounds."""
    result = run(Plan(seconds=8, points=1_000, new_share=0.5))
    assert len(result.steps) == 7
    assert not any(step.failures for step in result.steps)
    # The caches may hold 64 MB; the instance itself takes about 40.
    assert all(0 < mb < 250 for step in result.steps for _, mb in step.memory)
    assert "1,000 data points, 50% of them" in summary(result)


def test_some_series_are_new_each_time() -> None:
    """Each delivery has as many points as asked for, and the share of series that no other had."""
    labels: list[set[Labels]] = []
    for event in itertools.islice(deliveries(400, 0.25), 2):
        records = [record.content or b"" for record in _delivery(event).records]
        conversion = convert(*records)
        assert conversion.data_points == 400
        labels.append(set(samples_of(conversion)))
    new = labels[1] - labels[0]
    assert 0.2 < len(new) / len(labels[1]) < 0.3
