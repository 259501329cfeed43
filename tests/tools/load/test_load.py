"""Load on one instance: how rates, latency and memory are found, and a short run."""

from __future__ import annotations

import itertools
import json
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from converters.convert import Converter, Profile
from handler.ingress import open_ingress
from testing.converting import convert, samples_of
from tools.load.__main__ import report
from tools.load.deliveries import deliveries, prepared
from tools.load.flatness import flatness
from tools.load.run import Plan, run
from tools.load.steps import Step

if TYPE_CHECKING:
    from handler.delivery import Delivery
    from testing.converting import Labels


def _delivery(event: bytes) -> Delivery:
    return open_ingress(json.loads(event)).parse()


def test_a_short_run() -> None:
    """One instance answers every delivery, at each rate, and its memory stays within bounds."""
    result = run(Plan(seconds=8, points=1_000, new_share=0.5))
    assert len(result.steps) == 7
    assert not any(step.failures for step in result.steps)
    assert all(step.latencies for step in result.steps)
    # The caches may hold 64 MB; the instance itself takes about 40.
    assert max(step.peak_mb for step in result.steps) < 250
    table = report(result)
    assert "one after the other" in table
    assert "1,000 data points, 50% of them" in table


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


def test_caches_stay_bounded_while_all_series_change() -> None:
    """Forty deliveries whose series are all new take no more memory than a few of them."""
    converter = Converter(Profile(cache_bytes=800_000))
    tracemalloc.start()
    try:
        sizes = []
        for event in itertools.islice(deliveries(200, 1.0), 40):
            records = [(r.number, r.content or b"") for r in _delivery(event).records]
            converter.convert(records, p8s_logzio_name="load", delivered_ms=None)
            sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert max(sizes[20:]) < 1.5 * max(sizes[:20])
    assert max(sizes) < 5_000_000


def test_events_are_made_ahead() -> None:
    """What is made ahead comes in the same order, and its maker ends with the block."""
    with prepared(iter(map(bytes, range(1_000_000))), ahead=2) as events:
        assert [len(event) for event in itertools.islice(events, 5)] == [0, 1, 2, 3, 4]


def _saw(peak: float, growth: float) -> list[tuple[float, float]]:
    return [(float(n), 50 + peak * (n % 30) / 30 + growth * n / 600) for n in range(600)]


@pytest.mark.parametrize(
    ("memory", "flat"),
    [
        (_saw(60, 0), True),
        (_saw(60, 4), True),
        (_saw(60, 40), False),
        ([(float(n), min(100.0, 50 + n)) for n in range(600)], True),
        ([(float(n), 50 + n / 10) for n in range(600)], False),
        ([(0.0, 50.0)], True),
    ],
    ids=["saw", "little growth", "growing saw", "warm-up", "leak", "one answer"],
)
def test_flat_memory(memory: list[tuple[float, float]], flat: bool) -> None:
    """Caches that fill and are emptied are flat; what rises after the warm-up is not."""
    assert flatness(memory).flat is flat


def test_latency_of_a_step() -> None:
    """Percentiles and throughput are those of the deliveries that were answered."""
    step = Step(rate=10, seconds=10.0, latencies=[n / 100 for n in range(101)])
    assert step.latency(50) == pytest.approx(0.5)
    assert step.latency(99) == pytest.approx(0.99)
    assert step.throughput == pytest.approx(10.1)
    assert Step(1, 1.0, [0.25]).latency(99) == 0.25
