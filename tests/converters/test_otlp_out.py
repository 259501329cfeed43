"""Records to OTLP bodies: every data point arrives, with its attributes, times and values."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.convert import Conversion, Converter, Limits, Options
from converters.otlp.bodies import OtlpBodies
from converters.otlp.convert import OtlpConverter, OtlpOptions
from converters.records import split_messages
from testing.converting import DELIVERED_MS
from testing.events.fleet import END_MS, MINUTE_MS, Point
from testing.events.large import large_points, large_records
from testing.events.otlp import Format, messages, record
from testing.otlp_receiver import ReceivedPoint
from tests.support.deliveries import deliveries
from tests.support.event_records import records_of
from tests.support.invoking import point, points
from tests.support.otlp_building import (
    END_NS,
    SummaryPoint,
    deliver,
    field,
    gauge,
    number,
    one_record,
    point_record,
    summary,
)
from tests.support.otlp_endpoints import flattened, in_1_0, received
from tests.support.properties import examples

MODES = [False, True]
FLEET = large_points(800, 0)


def convert(
    *records: bytes,
    converter: OtlpConverter | None = None,
    delivered_ms: int | None = DELIVERED_MS,
    **options: Any,
) -> Conversion:
    """Convert records, and require that the account adds up."""
    used = converter or OtlpConverter(OtlpOptions(**options))
    found = used.convert(enumerate(records), p8s_logzio_name="", delivered_ms=delivered_ms)
    sent = [body.samples for lane in found.lanes for body in lane]
    assert all(sent)
    assert found.data_points == found.samples == sum(sent) + sum(found.dropped_points.values())
    assert found.dropped_points == found.dropped_samples
    assert sum(arrived(found).values()) == sum(sent)
    return found


def contents(found: Conversion) -> list[bytes]:
    """Return the bodies as they are sent."""
    return [body.content for lane in found.lanes for body in lane]


def arrived(found: Conversion) -> Counter[ReceivedPoint]:
    """Return the points as a receiver sees them."""
    bodies = [body for lane in found.lanes for body in lane]
    compressed = any(body.content.startswith(b"\x1f\x8b") for body in bodies)
    return received(map(OtlpBodies(compressed=compressed).content_of, bodies))


def expected(several: list[Point], *, flatten: bool) -> Counter[ReceivedPoint]:
    """Return what has to arrive, by another way."""
    return flattened(in_1_0(several)) if flatten else in_1_0(several)


@pytest.mark.parametrize("flatten", MODES)
@pytest.mark.parametrize("version", Format)
def test_every_point_arrives(version: Format, flatten: bool) -> None:
    """Both formats make the same points, in the form of 1.0 or with flat dimensions."""
    found = convert(*large_records(FLEET, version), flatten=flatten)
    assert found.data_points == len(FLEET)
    assert arrived(found) == expected(FLEET, flatten=flatten)
    assert len(found.lanes) == 1


@pytest.mark.parametrize("flatten", MODES)
def test_both_formats_in_one_record(flatten: bool) -> None:
    """A record may hold messages of both formats, and a message points of both."""
    several = [SummaryPoint(dimensions=(("n", str(n)),)) for n in range(4)]
    mixed = summary(
        several[0].name,
        *[it.encode(version) for it, version in zip(several, [*Format, *Format], strict=True)],
    )
    both = record([*messages(FLEET[:30], Format.V0_7), *messages(FLEET[30:60], Format.V1_0)])
    found = arrived(convert(both, one_record(mixed), flatten=flatten))
    apart = arrived(convert(deliver(several), flatten=flatten))
    assert found == expected(FLEET[:60], flatten=flatten) + apart


def test_kept_messages_are_not_changed() -> None:
    """A body is the messages one after the other, without their lengths."""
    records = large_records(FLEET, Format.V1_0)
    whole = b"".join(message for it in records for message in split_messages(it))
    assert contents(convert(*records, flatten=False)) == [whole]


@pytest.mark.parametrize(
    ("dimensions", "attributes"),
    [
        ((), {}),
        ((("Host", "a"), ("Role", "")), {"Host": "a", "Role": ""}),
        ((("Namespace", "AWS"),), {"dimension_Namespace": "AWS"}),
        (
            (("MetricName", "m"), ("dimension_MetricName", "n")),
            {"dimension_MetricName": "m", "dimension_dimension_MetricName": "n"},
        ),
    ],
)
@pytest.mark.parametrize("version", Format)
def test_names_of_dimensions(
    version: Format, dimensions: tuple[tuple[str, str], ...], attributes: dict[str, str]
) -> None:
    """A dimension with the name of another attribute has a prefix, so that no key comes twice."""
    (only,) = arrived(convert(deliver([SummaryPoint(dimensions=dimensions)], version)))
    identity = {"Namespace": "AWS/EC2", "MetricName": "CPUUtilization"}
    assert dict(only.attributes) == {**identity, **attributes}


@pytest.mark.skipif(not os.environ.get("CAPTURES_DIR"), reason="CAPTURES_DIR is not set")
@pytest.mark.parametrize(("name", "count"), [("otlp-0.7", 953), ("otlp-1.0", 710)])
def test_captured_deliveries(name: str, count: int) -> None:
    """All points of a real delivery arrive with their times and values, and equal attributes."""
    path = Path(os.environ["CAPTURES_DIR"]) / f"{name}.json"
    records = records_of(json.loads(path.read_text(encoding="utf-8")))
    kept, flat = (arrived(convert(*records, delivered_ms=None, flatten=it)) for it in MODES)
    assert kept.total() == count
    assert flat == flattened(kept)
    found = received(message for it in records for message in split_messages(it))
    if name == "otlp-1.0":
        assert kept == found
    else:
        # A receiver of 1.x sees everything but the labels of 0.7, which stay beside as unknown.
        assert {it.time_ns for it in kept} == {it.time_ns for it in found}
        assert {len(dict(it.attributes)) for it in kept} == {3}


@pytest.mark.parametrize("flatten", MODES)
@pytest.mark.parametrize("version", Format)
@pytest.mark.parametrize(("ahead_ms", "stays"), [(600_000, True), (600_001, False)])
def test_points_in_the_future(
    ahead_ms: int,
    stays: bool,
    version: Format,
    flatten: bool,
) -> None:
    """Points more than ten minutes ahead of the delivery's time are dropped and counted."""
    far = point("far", metric="Ahead", end_ms=DELIVERED_MS + ahead_ms)
    several = [*points(3), far]
    found = convert(record(messages(several, version)), flatten=flatten)
    assert arrived(found) == expected(several if stays else several[:3], flatten=flatten)
    assert found.dropped_points == ({} if stays else {"in_the_future": 1})
    names = () if stays else ("amazonaws.com/Shop/Ahead",)
    assert found.warnings.get("in_the_future", ()) == names
    assert found.oldest_ms == END_MS


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(b"\xff" * 6, id="no length"),
        pytest.param(b"\x20abc", id="cut off"),
        pytest.param(b'{"metric_stream_name": "s"}\n', id="JSON"),
        pytest.param(deliver([SummaryPoint()])[2:], id="no lengths"),
        pytest.param(point_record(b"\x19"), id="half a point"),
        pytest.param(point_record(SummaryPoint().numbers() + b"\x3a\x02\x0a\x05"), id="attribute"),
        pytest.param(point_record(b"\x0a\x02\x0a\x05" + SummaryPoint().numbers()), id="label"),
        pytest.param(
            point_record(field(1, field(1, b"\xff")) + SummaryPoint().numbers()), id="key"
        ),
        pytest.param(one_record(field(1, b"m") + field(4, b"\x0a\x05")), id="int_gauge"),
        pytest.param(record([bytes(1_024_001)]), id="too large"),
    ],
)
@pytest.mark.parametrize("flatten", MODES)
def test_bad_records(bad: bytes, flatten: bool) -> None:
    """They fail as with remote write, and the records beside them are sent."""
    good = [record(messages([it], Format.V1_0)) for it in points(2)]
    found = convert(good[0], bad, good[1], flatten=flatten)
    reference = Converter(Options()).convert(
        [(1, bad)], p8s_logzio_name="", delivered_ms=DELIVERED_MS
    )
    assert found.failures.keys() == {1}
    assert type(found.failures[1]) is type(reference.failures[1])
    assert arrived(found) == expected(points(2), flatten=flatten)
    assert found.contributing == {0, 2}


def test_demo_data_is_skipped() -> None:
    """The console's demo data holds no points, and is no failure."""
    demo = b'{"TICKER_SYMBOL":"QXZ","SECTOR":"HEALTHCARE","CHANGE":-0.05,"PRICE":84.51}'
    assert convert(demo).failures == {}


@pytest.mark.parametrize("gzip", MODES)
@pytest.mark.parametrize("flatten", MODES)
def test_sizes_of_bodies(flatten: bool, gzip: bool) -> None:
    """No body exceeds the limit before compression, but for one that is a single point."""
    wide = point("x" * 12_000)
    several = [*FLEET, wide]
    records = [*large_records(FLEET, Format.V1_0), record(messages([wide], Format.V1_0))]
    found = convert(*records, flatten=flatten, gzip=gzip, max_bytes=10_000)
    assert arrived(found) == expected(several, flatten=flatten)
    sizes = {body.size: body.samples for lane in found.lanes for body in lane}
    assert [samples for size, samples in sizes.items() if size > 10_000] == [1]
    assert max(sizes.values()) > 10


@pytest.mark.parametrize("limits", [Limits(points=799), Limits(body_bytes=100_000)])
def test_limits_of_a_delivery(limits: Limits) -> None:
    """What would take more memory than there is fails, and says so."""
    found = convert(*large_records(FLEET, Format.V1_0), limits=limits)
    assert found.failures
    assert {str(it).partition(": ")[2] for it in found.failures.values()} == {
        "give the function more memory"
    }


@pytest.mark.slow
@given(
    records=deliveries,
    delivered_ms=st.sampled_from([None, DELIVERED_MS, END_MS - 30 * MINUTE_MS]),
)
@examples(60)
def test_flat_points_are_the_kept_ones(records: list[bytes], delivered_ms: int | None) -> None:
    """Whatever comes, both modes send the same points, and a warm converter the same bytes."""
    warm = OtlpConverter(OtlpOptions())
    flat = convert(*records, converter=warm, delivered_ms=delivered_ms)
    again = convert(*records, converter=warm, delivered_ms=delivered_ms)
    kept = convert(*records, flatten=False, delivered_ms=delivered_ms)
    assert contents(again) == contents(flat)
    assert (flat.data_points, flat.dropped_points) == (kept.data_points, kept.dropped_points)
    assert flat.failures.keys() == kept.failures.keys()
    without = (point._replace(attributes=frozenset()) for point in arrived(flat).elements())
    assert Counter(without) == Counter(
        point._replace(attributes=frozenset()) for point in arrived(kept).elements()
    )


@given(records=deliveries)
@examples(40)
def test_single_points_hold_what_the_body_held(records: list[bytes]) -> None:
    """A body that is refused comes apart into its data points, and they make it again."""
    bodies = OtlpBodies(compressed=True)
    for lane in convert(*records, gzip=True).lanes:
        for body in lane:
            periods = bodies.data_points(body)
            single = [point for period in periods for point in period]
            whole = received([bodies.content_of(body)])
            assert received(point.content for point in single) == whole
            assert received([bodies.content_of(bodies.body_of(single))]) == whole
            assert all(point.samples == 1 for point in single)


def test_description_of_a_point() -> None:
    """A log line names the metric, the attributes and the time."""
    (lane,) = convert(point_record(SummaryPoint().encode())).lanes
    ((only,),) = OtlpBodies(compressed=False).data_points(lane[0])
    assert OtlpBodies(compressed=False).describe(only) == (
        'amazonaws.com/AWS/EC2/CPUUtilization{Namespace="AWS/EC2", MetricName="CPUUtilization", '
        f'InstanceId="i-1"}} at {END_MS} ms'
    )


def test_gauges_of_other_producers() -> None:
    """What is not of CloudWatch passes as it is."""
    made = one_record(gauge("temperature", number(21.5, (("hall", "a"),), END_NS)))
    for flatten in MODES:
        (only,) = arrived(convert(made, flatten=flatten))
        assert only.metric == ("temperature", "", "gauge")
        assert only.attributes == {("hall", "a")}
