"""What must make no difference: format, framing, what a warm converter remembers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.convert import Converter, Options
from testing.converting import contents, convert
from testing.events.fleet import END_MS, fleet
from testing.events.large import large_points, large_records
from testing.events.otlp import Format
from testing.events.samples import sample_records
from tests.support.deliveries import deliveries, summary_points
from tests.support.otlp_building import SummaryPoint, deliver
from tests.support.properties import examples
from tests.support.recoding import as_1_0

_FLEETS = {
    version: [
        sample_records(fleet(END_MS), version),
        large_records(large_points(700, 0), version),
    ]
    for version in Format
}


def _unrelated(number: int) -> bytes:
    dimensions = (("InstanceId", f"unrelated-{number}"), ("Namespace", "AWS"))
    return deliver([SummaryPoint(dimensions=dimensions)])


@pytest.mark.parametrize("sample", [0, 1])
def test_formats(sample: int) -> None:
    """A 0.7 delivery encoded anew as 1.0 makes the same bytes, as does CloudWatch's own 1.0."""
    old = _FLEETS[Format.V0_7][sample]
    expected = contents(convert(*old))
    assert contents(convert(*_FLEETS[Format.V1_0][sample])) == expected
    assert contents(convert(*map(as_1_0, old))) == expected


@given(points=st.lists(summary_points, min_size=1, max_size=6))
@examples(60)
def test_formats_of_random_points(points: list[SummaryPoint]) -> None:
    """So does any delivery of points that CloudWatch could send."""
    old, new = (convert(deliver(points, version)) for version in Format)
    assert contents(old) == contents(new)
    assert (old.dropped_points, old.dropped_samples) == (new.dropped_points, new.dropped_samples)


@pytest.mark.slow
@given(records=deliveries, max_bytes=st.sampled_from([1_000_000, 900]))
@examples(40)
def test_framing(records: list[bytes], max_bytes: int) -> None:
    """All records in one make the same bytes as apart."""
    apart = convert(*records, max_bytes=max_bytes)
    together = convert(b"".join(records), max_bytes=max_bytes)
    assert contents(apart) == contents(together)
    assert apart.dropped_samples == together.dropped_samples


@pytest.mark.parametrize("cache_bytes", [64_000_000, 100_000, 1])
@pytest.mark.parametrize("version", list(Format))
def test_memory_of_a_converter(version: Format, cache_bytes: int) -> None:
    """What a converter remembers, or has had to forget, changes no byte."""
    fleets = _FLEETS[version]
    fresh = [contents(convert(*records)) for records in fleets]
    used = Converter(Options(cache_bytes=cache_bytes))
    for number in range(3):
        for records, expected in zip(fleets, fresh, strict=True):
            assert contents(convert(*records, converter=used)) == expected
            convert(_unrelated(number), b"\x80", converter=used)


@pytest.mark.slow
@given(deliveries=st.lists(deliveries, min_size=2, max_size=3))
@examples(25)
def test_memory_of_random_deliveries(deliveries: list[list[bytes]]) -> None:
    """Any earlier deliveries leave no trace in what comes of a later one."""
    for cache_bytes in (64_000_000, 5_000):
        used = Converter(Options(cache_bytes=cache_bytes))
        for records in (*deliveries, deliveries[0]):
            assert contents(convert(*records, converter=used)) == contents(convert(*records))


def test_broken_record_leaves_no_trace() -> None:
    """Half a record that was read before it proved broken changes nothing afterwards."""
    point = SummaryPoint(dimensions=(("InstanceId", "I-1"),))
    good, broken = deliver([point]), deliver([SummaryPoint()])
    used = Converter(Options())
    conversion = convert(broken + b"\x01\x0a", good, converter=used)
    assert list(conversion.failures) == [0]
    assert contents(conversion) == contents(convert(good))


def test_bounded_memory() -> None:
    """A converter forgets once it holds more than it may, and not before."""
    for cache_bytes, grows in ((200_000, False), (64_000_000, True)):
        used = Converter(Options(cache_bytes=cache_bytes))
        largest = 0
        for delivery in range(40):
            points = [
                SummaryPoint(dimensions=(("InstanceId", f"{delivery}-{n}"),)) for n in range(50)
            ]
            convert(deliver(points), converter=used)
            largest = max(largest, used._cache.bytes_used)
        assert (largest > 2 * 200_000) is grows
