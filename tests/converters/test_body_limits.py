"""Bodies: never too large, each series in one lane, late samples apart, always the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testing.converting import (
    DELIVERED_MS,
    assert_sound,
    contents,
    convert,
    decoded,
    samples_of,
)
from testing.events.fleet import END_MS, fleet
from testing.events.large import large_points, large_records
from testing.events.otlp import Format
from testing.events.samples import sample_records
from tests.support.deliveries import deliveries
from tests.support.otlp_building import (
    END_NS,
    MINUTE_NS,
    RESOURCE,
    SummaryPoint,
    deliver,
    gauge,
    number,
    one_record,
)
from tests.support.properties import examples

if TYPE_CHECKING:
    from converters.convert import Conversion

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


@given(records=deliveries, max_bytes=st.one_of(st.integers(1, 1_500), st.just(3_000)))
@examples(80)
def test_limit(records: list[bytes], max_bytes: int) -> None:
    """No body exceeds the limit, whatever it is; what cannot be sent alone is counted."""
    conversion = convert(*records, max_bytes=max_bytes, native_histograms=True)
    assert_sound(conversion)
    assert all(body.size <= max_bytes for lane in conversion.lanes for body in lane)
    whole = convert(*records, native_histograms=True)
    oversized = conversion.dropped_samples.get("oversized", 0)
    assert conversion.samples == whole.samples
    assert sum(map(len, samples_of(conversion).values())) + oversized == (
        sum(map(len, samples_of(whole).values()))
    )
    newest = conversion_newest(whole) or 0
    times = [
        [s.timestamp for series in decoded(body).timeseries for s in series.samples]
        for lane in conversion.lanes
        for body in lane
    ]
    # Which of the two it is depends on most points; test_time_of_the_delivery has that.
    assert any(
        all(len({time < late_before for time in one}) <= 1 for one in times)
        for late_before in (DELIVERED_MS - _HOUR_MS, newest - _HOUR_MS)
    )


def conversion_newest(conversion: Conversion) -> int | None:
    """Return the newest time of all samples; None without any."""
    times = [time for samples in samples_of(conversion).values() for time, _ in samples]
    return max(times, default=None)


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


def test_oversized_labels() -> None:
    """A series too large by itself is dropped and counted; its neighbours go out."""
    huge = SummaryPoint(dimensions=(("Path", "x" * 2_000),))
    conversion = convert(deliver([huge, SummaryPoint()]), max_bytes=1_000)
    assert_sound(conversion)
    assert conversion.dropped_samples == {"oversized": 4}
    assert conversion.dropped_points == {"oversized": 1}
    assert conversion.series == 4


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
    times = [END_NS + n * 1_000_000_000 for n in range(50)] + [2**64 - 1]
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
    ((samples),) = samples_of(conversion).values()
    assert samples == [(END_MS - n * 1_000, float(n)) for n in reversed(range(500))]


@pytest.mark.parametrize(
    ("age_ns", "bodies"),
    [
        (0, [[[0]]]),
        (_HOUR_NS - 120_000_000_000, [[[1]]]),
        (_HOUR_NS - 119_000_000_000, [[[1]]]),
        (26 * _HOUR_NS, [[[26]]]),
    ],
)
def test_one_age(age_ns: int, bodies: list[list[list[int]]]) -> None:
    """Samples of one age need one body."""
    conversion = convert(deliver([SummaryPoint(time_ns=END_NS - age_ns)]))
    assert _bodies(conversion) == bodies


def test_late_samples_of_other_series() -> None:
    """Late and fresh samples of different series travel apart, and may travel at once."""
    conversion = convert(deliver([SummaryPoint(dimensions=()), _LATE]))
    assert_sound(conversion)
    assert _bodies(conversion) == [[[0]], [[26]]]


def test_late_samples_of_the_same_series() -> None:
    """A series with both has one lane, in which the late ones go first."""
    conversion = convert(deliver([SummaryPoint(), _LATE]))
    assert_sound(conversion)
    assert _bodies(conversion) == [[[26], [0]]]


@pytest.mark.parametrize(
    ("delay_ms", "bodies"), [(_HOUR_MS + 1, [[[1], [0]]]), (_HOUR_MS, [[[0, 1]]])]
)
def test_border(delay_ms: int, bodies: list[list[list[int]]]) -> None:
    """Late is what is more than one hour older than the delivery, to the millisecond."""
    points = [SummaryPoint(time_ns=(DELIVERED_MS - age) * 1_000_000) for age in (0, delay_ms)]
    assert _bodies(convert(deliver(points))) == bodies


@pytest.mark.parametrize("age_ms", [_HOUR_MS, _HOUR_MS + 1])
def test_border_between_series(age_ms: int) -> None:
    """So it is for series with one sample each, summaries or not."""
    border_ns = (DELIVERED_MS - age_ms) * 1_000_000
    late = age_ms > _HOUR_MS
    border, fresh = SummaryPoint(time_ns=border_ns), SummaryPoint(dimensions=())
    summaries = convert(deliver([fresh, border]))
    gauges = convert(
        one_record(gauge("a", number(1.0)), gauge("b", number(1.0, time_ns=border_ns)))
    )
    for conversion in (summaries, gauges):
        assert_sound(conversion)
        assert _bodies(conversion) == ([[[0]], [[1]]] if late else [[[0, 1]]])


def test_late_periods() -> None:
    """A series of nothing but late periods waits for no other."""
    periods = [SummaryPoint(time_ns=END_NS - n * _HOUR_NS) for n in (26, 25)]
    other = [SummaryPoint(dimensions=(), time_ns=END_NS - n * _HOUR_NS) for n in (0, 27)]
    conversion = convert(deliver([*periods, *other]))
    assert_sound(conversion)
    assert _bodies(conversion) == [[[27], [0]], [[25, 26]]]


@pytest.mark.parametrize(("ahead_ms", "late"), [(2 * _HOUR_MS, False), (2 * _HOUR_MS + 1, True)])
def test_time_of_the_delivery(ahead_ms: int, late: bool) -> None:
    """Where most points are over two hours ahead of the delivery, its time is what is wrong."""
    ahead = [
        SummaryPoint(time_ns=(DELIVERED_MS + ahead_ms + n) * 1_000_000, dimensions=(("n", str(n)),))
        for n in range(2)
    ]
    other = SummaryPoint(dimensions=(), time_ns=DELIVERED_MS * 1_000_000)
    conversion = convert(deliver([*ahead, other]))
    assert len(conversion.lanes) == 1 + late


def test_one_point_ahead() -> None:
    """One point of the future takes no late samples into the company of recent ones."""
    hours = (-26, 0, 3)
    several = [
        SummaryPoint(time_ns=END_NS + n * _HOUR_NS, dimensions=(("n", str(n)),)) for n in hours
    ]
    assert sorted(_bodies(convert(deliver(several)))) == [[[-3, 0]], [[26]]]


@pytest.mark.parametrize("delivered_ms", [None, 0, END_MS - 3 * _HOUR_MS])
def test_unknown_delivery_time(delivered_ms: int | None) -> None:
    """Without a sound time of the delivery the newest sample stands for it."""
    conversion = convert(deliver([SummaryPoint(), _LATE]), delivered_ms=delivered_ms)
    assert [len(lane) for lane in conversion.lanes] == [2]


def test_late_and_merged() -> None:
    """Late samples travel apart where a series has to be merged, too."""
    upper = SummaryPoint(dimensions=(("InstanceId", "I-1"),), time_ns=END_NS - MINUTE_NS)
    conversion = convert(deliver([SummaryPoint(), upper, _LATE]))
    assert_sound(conversion)
    assert _bodies(conversion) == [[[26], [0]]]


def test_late_half_of_an_oversized_series() -> None:
    """Where only the late sample of a series can be sent, it still travels apart."""
    # A time of 1970 takes fewer bytes than one of today.
    points = [number(1.0, (("k", "x" * 50),), time) for time in (1_000_000, END_NS)]
    fresh = one_record(gauge("f", number(2.0)))
    ((body,),) = convert(one_record(gauge("g", points[0])), delivered_ms=None).lanes
    conversion = convert(one_record(gauge("g", *points)), fresh, max_bytes=body.size)
    assert_sound(conversion)
    assert conversion.dropped_samples == {"oversized": 1}
    times = [
        [s.timestamp for series in decoded(body).timeseries for s in series.samples]
        for lane in conversion.lanes
        for body in lane
    ]
    assert sorted(times) == [[1], [END_MS]]


def test_records_that_contribute() -> None:
    """A record with nothing but dropped points contributes nothing."""
    records = [deliver([SummaryPoint()]), deliver([SummaryPoint(time_ns=0)]), b"", b"\x80"]
    conversion = convert(*records)
    assert conversion.contributing == {0}
    assert list(conversion.failures) == [3]


def test_oldest_point() -> None:
    """The oldest time is the oldest of all points, late or not."""
    assert convert(deliver([SummaryPoint(), _LATE])).oldest_ms == END_MS - 26 * _HOUR_MS


def test_same_bytes() -> None:
    """Two converters that know nothing of each other make the same bytes."""
    records = large_records(large_points(500, 0), Format.V0_7)
    assert contents(convert(*records)) == contents(convert(*records))


def test_account_on_every_series() -> None:
    """Account, region and provider stand on every series of every lane."""
    records = [deliver([SummaryPoint(), _LATE]), deliver([_LATE], pairs=RESOURCE)]
    for labels in samples_of(convert(*records)):
        assert {"account", "region", "cloud_provider"} <= dict(labels).keys()
