"""Every data point is converted or counted, and the counts add up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testing.converting import assert_sound, convert, samples_of
from tests.support.deliveries import deliveries
from tests.support.otlp_building import SummaryPoint, deliver
from tests.support.properties import examples
from tests.support.reference_wire import read_record


@pytest.mark.slow
@given(records=deliveries, max_bytes=st.sampled_from([1_000_000, 500, 330, 300, 1]))
@examples(80)
def test_all_points_are_accounted_for(records: list[bytes], max_bytes: int) -> None:
    """Points read are points sent, at least in part, and points dropped; samples likewise."""
    conversion = convert(*records, max_bytes=max_bytes)
    assert_sound(conversion)
    assert conversion.data_points == sum(1 for record in records for _ in read_record(record))
    sent = sum(map(len, samples_of(conversion).values()))
    assert conversion.samples == sent + sum(conversion.dropped_samples.values())
    kept = conversion.data_points - sum(conversion.dropped_points.values())
    assert (kept == 0) == (sent == 0)
    assert kept <= sent
    assert all(count > 0 for count in conversion.dropped_points.values())
    assert all(count > 0 for count in conversion.dropped_samples.values())


@given(
    totals=st.lists(st.tuples(st.sampled_from("aAb"), st.integers(0, 2)), min_size=1, max_size=12)
)
@examples(100)
def test_points_kept_are_points_seen(totals: list[tuple[str, int]]) -> None:
    """A point counts as dropped exactly if none of its samples arrives."""
    # Each point has a sum of its own, and a percentile of its own that nothing can take away.
    points = [
        SummaryPoint(
            dimensions=(("k", key),), count=count, total=float(n), quantiles=((0.0, float(n)),)
        )
        for n, (key, count) in enumerate(totals)
    ]
    conversion = convert(deliver(points))
    seen = {
        value
        for labels, samples in samples_of(conversion).items()
        for _, value in samples
        if dict(labels)["__name__"].endswith("_sum")
    }
    assert conversion.data_points - sum(conversion.dropped_points.values()) == len(seen)
    kept = [
        SummaryPoint(dimensions=(("k", key),), quantiles=((0.1 + 0.01 * n, 1.0),))
        for n, (key, _) in enumerate(totals)
    ]
    assert convert(deliver(kept)).dropped_points == {}
