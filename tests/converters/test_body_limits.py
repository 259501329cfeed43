"""Bodies: never too large, each series in one lane, late samples apart, always the same."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.convert import Conversion
from testing.converting import DELIVERED_MS, assert_sound, convert, decoded, samples_of
from testing.events.fleet import END_MS, fleet
from testing.events.otlp import Format
from testing.events.samples import sample_records
from tests.support.deliveries import deliveries
from tests.support.otlp_building import (
    END_NS,
    MINUTE_NS,
    SummaryPoint,
    deliver,
    gauge,
    number,
    one_record,
)
from tests.support.properties import examples

_HOUR_NS = 60 * MINUTE_NS
_HOUR_MS = 3_600_000
_LATE = SummaryPoint(time_ns=END_NS - 26 * _HOUR_NS)


def _bodies(conversion: Conversion) -> list[list[list[int]]]:
    """Return how many hours old the samples of each body are, lane by lane."""
    return [
        [
            sorted(
                {
                    (DELIVERED_MS - sample.timestamp) // _HOUR_MS
                    for series in decoded(body).timeseries
                    for sample in series.samples
                }
            )
            for body in lane
        ]
        for lane in conversion.lanes
    ]


@pytest.mark.slow
@given(records=deliveries, max_bytes=st.one_of(st.integers(1, 1_500), st.just(3_000)))
@examples(120)
def test_limit(records: list[bytes], max_bytes: int) -> None:
    """No body exceeds the limit, whatever it is, and every sample and point is accounted for."""
    conversion = convert(*records, max_bytes=max_bytes, native_histograms=True)
    assert_sound(conversion)
    assert all(body.size <= max_bytes for lane in conversion.lanes for body in lane)
    whole = convert(*records, native_histograms=True)
    oversized = conversion.dropped_samples.get("oversized", 0)
    assert conversion.samples == whole.samples
    sent = sum(map(len, samples_of(conversion).values()))
    assert sent + oversized == sum(map(len, samples_of(whole).values()))
    kept = conversion.data_points - sum(conversion.dropped_points.values())
    assert (kept == 0) == (sent == 0)
    assert kept <= sent


@pytest.mark.parametrize("max_bytes", [700, 2_000, 10_000, 100_000])
def test_fleet_in_small_bodies(max_bytes: int) -> None:
    """The sample events lose nothing in small bodies, and fill them well."""
    records = sample_records(fleet(END_MS), Format.V1_0)
    conversion = convert(*records, max_bytes=max_bytes)
    assert_sound(conversion)
    assert samples_of(conversion) == samples_of(convert(*records))
    sizes = [body.size for lane in conversion.lanes for body in lane]
    assert max(sizes) <= max_bytes
    assert len(sizes) <= 2 * sum(sizes) // max_bytes + 5


def test_exact_limit() -> None:
    """A series of exactly the limit is sent, with one byte less it is dropped."""
    record = one_record(gauge("g", number(1.0)))
    ((body,),) = convert(record).lanes
    assert convert(record, max_bytes=body.size).dropped_samples == {}
    conversion = convert(record, max_bytes=body.size - 1)
    assert conversion.dropped_samples == conversion.dropped_points == {"oversized": 1}
    assert (conversion.lanes, conversion.series, conversion.samples) == ([], 0, 1)


@pytest.mark.parametrize("apart", [0, 1])
def test_exactly_full(apart: int) -> None:
    """Two series that fill a body exactly share it; with one byte less each has its own."""
    gauges = one_record(gauge("g", number(1.0)), gauge("h", number(1.0)))
    summaries = deliver([SummaryPoint(dimensions=(("n", name),)) for name in "ab"])
    for record in (gauges, summaries):
        ((body,),) = convert(record).lanes
        lanes = convert(record, max_bytes=body.size - apart).lanes
        assert [len(lane) for lane in lanes] == [1] * (1 + apart)


def test_partly_oversized() -> None:
    """Where some statistics fit and some do not, the point does not count as dropped."""
    record = deliver([SummaryPoint(quantiles=((0.0, 1.0), (0.999999999999, 2.0), (1.0, 4.0)))])
    sizes = sorted(
        len(series.SerializeToString())
        for lane in convert(record).lanes
        for series in decoded(lane[0]).timeseries
    )
    conversion = convert(record, max_bytes=sizes[-2] + 3)
    assert conversion.dropped_samples == {"oversized": 1}
    assert conversion.dropped_points == {}


@pytest.mark.parametrize("max_bytes", range(400, 440))
def test_pieces_of_a_series(max_bytes: int) -> None:
    """Whatever the limit leaves over, no sample of a series in pieces is lost."""
    times = [END_NS + n * 1_000_000_000 for n in range(50)]
    record = one_record(gauge("g", *(number(1.0, (), time) for time in times)))
    conversion = convert(record, max_bytes=max_bytes)
    assert_sound(conversion)
    assert conversion.dropped_samples == {}
    assert all(body.size <= max_bytes for lane in conversion.lanes for body in lane)


def test_long_series() -> None:
    """A series that no body can hold whole goes out piece by piece, one after the other."""
    points = [number(float(n), (), END_NS - n * 1_000_000_000) for n in range(500)]
    conversion = convert(one_record(gauge("g", *points)), max_bytes=1_000)
    assert_sound(conversion)
    assert len(conversion.lanes) == 1
    assert len(conversion.lanes[0]) > 5
    assert conversion.lanes[0][-1].samples == 1
    ((samples),) = samples_of(conversion).values()
    assert samples == [(END_MS - n * 1_000, float(n)) for n in reversed(range(500))]


def _summaries(points: list[tuple[str, int]]) -> bytes:
    """Return points of series of that name and age."""
    return deliver(
        [
            SummaryPoint(time_ns=(DELIVERED_MS - age) * 1_000_000, dimensions=(("n", name),))
            for name, age in points
        ]
    )


def _gauges(points: list[tuple[str, int]]) -> bytes:
    return one_record(
        *(
            gauge(name, number(1.0, time_ns=(DELIVERED_MS - age) * 1_000_000))
            for name, age in points
        )
    )


_H = _HOUR_MS
_M = 60_000


@pytest.mark.parametrize("record_of", [_summaries, _gauges])
@pytest.mark.parametrize(
    ("points", "bodies"),
    [
        ([("a", 0)], [[[0]]]),
        ([("a", _H)], [[[1]]]),
        ([("a", 26 * _H)], [[[26]]]),
        ([("a", 0), ("b", 26 * _H)], [[[0]], [[26]]]),
        ([("a", 0), ("a", 26 * _H)], [[[26], [0]]]),
        ([("a", 0), ("a", _H)], [[[1], [0]]]),
        ([("a", 0), ("a", _H), ("a", 30 * _M), ("b", 0), ("b", _M)], [[[0, 1], [0]]]),
        ([("a", 0), ("a", _H + 1)], [[[1], [0]]]),
        ([("a", 0), ("b", _H)], [[[0, 1]]]),
        ([("a", 0), ("b", _H + 1)], [[[0]], [[1]]]),
        ([("a", 26 * _H), ("a", 25 * _H)], [[[26], [25]]]),
        ([("a", 26 * _H), ("a", 25 * _H), ("b", 0), ("b", 27 * _H)], [[[27], [0]], [[26], [25]]]),
        ([("a", 26 * _H), ("a", _H), ("a", 0)], [[[26], [1], [0]]]),
        ([("a", 26 * _H), ("b", 0), ("c", -_M)], [[[0]], [[26]], [[-1]]]),
        ([("a", 0), ("a", -_M), ("a", -10 * _M), ("b", 0)], [[[0]], [[-1]]]),
        ([("a", 0), ("b", -10 * _M - 1)], [[[0]]]),
    ],
)
def test_late_samples(
    record_of: Callable[[list[tuple[str, int]]], bytes],
    points: list[tuple[str, int]],
    bodies: list[list[list[int]]],
) -> None:
    """Samples older than an hour travel apart; in a series that has both they go first."""
    conversion = convert(record_of(points))
    assert_sound(conversion)
    assert _bodies(conversion) == bodies


def test_points_in_the_future_are_counted() -> None:
    """Points over ten minutes ahead of the delivery are counted, and their metrics named."""
    far = [SummaryPoint(time_ns=END_NS + 2 * _HOUR_NS, dimensions=(("n", str(n)),)) for n in (1, 2)]
    recent = [SummaryPoint(dimensions=(("n", str(n)),)) for n in range(3)]
    ahead = gauge("g", number(1.0, time_ns=END_NS + 2 * _HOUR_NS))
    conversion = convert(deliver([*far, *recent]), one_record(ahead))
    assert_sound(conversion)
    assert conversion.dropped_points == {"in_the_future": 3}
    assert conversion.dropped_samples == {"in_the_future": 9}
    assert conversion.warnings == {"in_the_future": ("aws_ec2_cpuutilization", "g")}
    assert {time for samples in samples_of(conversion).values() for time, _ in samples} == {END_MS}


@pytest.mark.parametrize("delivered_ms", [None, 0, END_MS - 3 * _HOUR_MS])
def test_unknown_delivery_time(delivered_ms: int | None) -> None:
    """Without a sound time of the delivery most of its points decide."""
    newest = SummaryPoint(dimensions=())
    conversion = convert(deliver([SummaryPoint(), newest, _LATE]), delivered_ms=delivered_ms)
    assert conversion.dropped_points == {}
    assert [len(lane) for lane in conversion.lanes] == [1, 2]


def test_late_and_merged() -> None:
    """Late samples travel apart where a series has to be merged, too."""
    upper = SummaryPoint(dimensions=(("InstanceId", "I-1"),), time_ns=END_NS - MINUTE_NS)
    conversion = convert(deliver([SummaryPoint(), upper, _LATE]))
    assert_sound(conversion)
    assert _bodies(conversion) == [[[26], [0], [0]]]


def test_records_that_contribute() -> None:
    """A record with nothing but dropped points contributes nothing."""
    records = [deliver([SummaryPoint()]), deliver([SummaryPoint(time_ns=0)]), b"", b"\x80"]
    conversion = convert(*records)
    assert conversion.contributing == {0}
    assert list(conversion.failures) == [3]


def test_oldest_point() -> None:
    """The oldest time is the oldest of all points, late or not."""
    assert convert(deliver([SummaryPoint(), _LATE])).oldest_ms == END_MS - 26 * _HOUR_MS
