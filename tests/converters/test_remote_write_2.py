"""Requests of remote write 2.0: the same series as those of 1.0, with a table of symbols."""

import hashlib

import pytest
import snappy
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.metrics.v1 import metrics_pb2 as otlp

from converters.convert import Conversion, Converter, Options
from converters.metadata import Family, MetricType
from converters.profiles import PROFILES
from converters.remote_write_2 import max_bytes_of_1_0, request_of_2_0
from converters.rules import SeriesRules
from converters.schema.remote_write_pb2 import Label, Sample, TimeSeries, WriteRequest
from converters.schema.remote_write_v2_pb2 import Request
from testing.converting import convert
from testing.events.fleet import END_MS, fleet
from testing.events.otlp import Format
from testing.events.samples import sample_records
from testing.rules_2_0 import as_1_0, broken_by_request, metadata_of
from tests.support.captures import captured
from tests.support.event_records import records_of
from tests.support.otlp_building import END_NS, SummaryPoint, attributes, deliver, one_record

_MAX = 1_000_000


def _both(conversion: Conversion) -> list[tuple[WriteRequest, Request]]:
    """Return each body of a conversion, and what is made of it, which must break no rule."""
    found = []
    for lane in conversion.lanes:
        for body in lane:
            old = snappy.uncompress(body.content)
            new = request_of_2_0(old, conversion.families, _MAX)
            assert new == request_of_2_0(old, conversion.families, _MAX)
            request = Request.FromString(new)
            known = Request.FromString(new)
            known.DiscardUnknownFields()
            assert known.ByteSize() == request.ByteSize()
            assert broken_by_request(request, _MAX) == []
            found.append((WriteRequest.FromString(old), request))
    return found


@pytest.mark.parametrize("version", list(Format))
@pytest.mark.parametrize("profile", PROFILES)
def test_same_series(version: Format, profile: str) -> None:
    """A request of 2.0 has the labels, samples and times of that of 1.0, and metadata."""
    rules = SeriesRules(profile=PROFILES[profile](), external_labels={"Zone": "z", "__a": "b"})
    records = sample_records(fleet(END_MS), version)
    conversion = convert(*records, metadata=True, rules=rules, max_bytes=20_000)
    for old, new in _both(conversion):
        assert as_1_0(new) == old
        for name, (kind, help_, unit) in metadata_of(new).items():
            assert conversion.families[name][1:] == (kind, unit, help_)


@pytest.mark.parametrize("name", ["otlp-0.7", "otlp-1.0"])
def test_captured_deliveries(name: str) -> None:
    """The series of real deliveries are the same in both versions."""
    records = records_of(captured(name, END_MS))
    for old, new in _both(convert(*records, metadata=True)):
        assert as_1_0(new) == old


def test_native_histograms() -> None:
    """Native histograms arrive whole; several of one series stay together."""
    buckets = otlp.ExponentialHistogramDataPoint.Buckets(offset=-2, bucket_counts=[3, 0, 4])
    points = [
        otlp.ExponentialHistogramDataPoint(
            time_unix_nano=END_NS - n * 60_000_000_000,
            count=9,
            sum=2.5,
            zero_count=2,
            positive=buckets,
            negative=buckets,
            attributes=attributes((("Host", "a"),)),
        )
        for n in range(3)
    ]
    exponential = otlp.ExponentialHistogram(
        data_points=points, aggregation_temporality=otlp.AGGREGATION_TEMPORALITY_CUMULATIVE
    )
    metric = otlp.Metric(name="latency", exponential_histogram=exponential, unit="s")
    conversion = convert(
        one_record(metric.SerializeToString()), metadata=True, native_histograms=True
    )
    requests = _both(conversion)
    assert sum(len(s.histograms) for _, new in requests for s in new.timeseries) == 3
    for old, new in requests:
        assert as_1_0(new) == old
        assert metadata_of(new) == {"latency": (MetricType.HISTOGRAM, "", "s")}


def test_golden_request() -> None:
    """The bytes for one data point are these: symbols in the order of their first use."""
    conversion = convert(deliver([SummaryPoint(unit="%")]), metadata=True, p8s_logzio_name="")
    ((body,),) = conversion.lanes
    made = request_of_2_0(snappy.uncompress(body.content), conversion.families, _MAX)
    symbols = [
        *("", "__name__", "aws_ec2_cpuutilization_sum"),
        *("CloudWatch metric AWS/EC2 CPUUtilization, statistic Sum, unit %", "%"),
        *("account", "111122223333", "cloud_provider", "aws", "instanceid", "i-1"),
        *("metricname", "cpuutilization", "namespace", "aws/ec2", "region", "us-east-1"),
        "aws_ec2_cpuutilization_count",
        "CloudWatch metric AWS/EC2 CPUUtilization, statistic SampleCount, unit %",
        "aws_ec2_cpuutilization_min",
        "CloudWatch metric AWS/EC2 CPUUtilization, statistic Minimum, unit %",
        "aws_ec2_cpuutilization_max",
        "CloudWatch metric AWS/EC2 CPUUtilization, statistic Maximum, unit %",
    ]
    expected = b"".join(b"\x22" + bytes([len(s)]) + s.encode() for s in symbols)
    for name, metadata, value in (
        (2, "2a06080218032004", "0000000000002440"),
        (17, "2a0408021812", "0000000000001040"),
        (19, "2a06080218142004", "000000000000f03f"),
        (21, "2a06080218162004", "0000000000001040"),
    ):
        references = bytes([1, name, *range(5, 17)])
        sample = b"\x12\x10\x09" + bytes.fromhex(value) + _TIMESTAMP
        content = b"\x0a\x0e" + references + sample + bytes.fromhex(metadata)
        expected += b"\x2a" + bytes([len(content)]) + content
    assert made == expected


_TIMESTAMP = TimeSeries(samples=[Sample(timestamp=END_MS)]).SerializeToString()[2:]


def test_golden_event() -> None:
    """The bytes for a sample event never change unnoticed."""
    digest = hashlib.sha256()
    expected = "3d3f382fea0ceb0db809d17b3b90eb3cdacae28fecfbcae6d8ddec757dee93f5"
    conversion = convert(*sample_records(fleet(END_MS), Format.V1_0), metadata=True)
    for lane in conversion.lanes:
        for body in lane:
            digest.update(
                request_of_2_0(snappy.uncompress(body.content), conversion.families, _MAX)
            )
    assert digest.hexdigest() == expected


def test_texts_are_left_out_where_they_are_too_large() -> None:
    """Where help and unit would exceed the limit, or are not wanted, only the type is said."""
    conversion = convert(deliver([SummaryPoint(unit="%")]), metadata=True)
    ((body,),) = conversion.lanes
    old = snappy.uncompress(body.content)
    full = request_of_2_0(old, conversion.families, _MAX)
    assert request_of_2_0(old, conversion.families, len(full)) == full
    for made in (
        request_of_2_0(old, conversion.families, len(full) - 1),
        request_of_2_0(old, conversion.families, _MAX, texts=False),
    ):
        assert len(made) < len(full)
        request = Request.FromString(made)
        assert {*metadata_of(request).values()} == {(MetricType.GAUGE, "", "")}
        assert as_1_0(request) == WriteRequest.FromString(old)


def test_unknown_name_is_a_gauge() -> None:
    """A series without a family is a gauge, as CloudWatch's are."""
    ((body,),) = convert(deliver([SummaryPoint()])).lanes
    request = Request.FromString(request_of_2_0(snappy.uncompress(body.content), {}, _MAX))
    assert {*metadata_of(request).values()} == {(MetricType.GAUGE, "", "")}


_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)
_SERIES = st.lists(
    st.tuples(
        st.dictionaries(_TEXTS, _TEXTS, max_size=6),
        st.lists(st.integers(1, 2**42), min_size=1, max_size=3, unique=True).map(sorted),
    ),
    min_size=1,
    max_size=12,
)


@given(_SERIES)
def test_any_series_is_the_same_and_fits(drawn: list[tuple[dict[str, str], list[int]]]) -> None:
    """Whatever labels and times series have, 2.0 has the same, and keeps to the limit."""
    old = WriteRequest()
    for labels, times in drawn:
        named = sorted({**labels, "__name__": "n"}.items(), key=lambda label: label[0].encode())
        old.timeseries.add(
            labels=[Label(name=name, value=value) for name, value in named],
            samples=[Sample(value=1.5, timestamp=time) for time in times],
        )
    encoded = old.SerializeToString()
    limit = len(encoded) * 3 // 2 + 2
    assert max_bytes_of_1_0(limit) >= len(encoded)
    families = {"n": Family("n", MetricType.COUNTER, "u", "h" * 2_000)}
    made = request_of_2_0(encoded, families, limit)
    assert len(made) <= limit
    assert as_1_0(Request.FromString(made)) == old


def _named() -> list[Label]:
    return [Label(name="__name__", value="n")]


def test_shortest_labels_fit() -> None:
    """Not even labels of one letter each, of which none recurs, exceed the limit."""
    names = [chr(0x100 + n) for n in range(30_000)]
    encoded = WriteRequest(
        timeseries=[
            TimeSeries(
                labels=[*_named(), Label(name=one, value=other)],
                samples=[Sample(value=1, timestamp=END_MS)],
            )
            for one, other in zip(names[::2], names[1::2], strict=True)
        ]
    ).SerializeToString()
    limit = len(encoded) * 3 // 2 + 2
    assert len(request_of_2_0(encoded, {}, limit)) <= limit


def test_converter_keeps_to_the_limit() -> None:
    """What a converter makes for 2.0 never exceeds the limit."""
    limit = 10_000
    options = Options(metadata=True, max_bytes=max_bytes_of_1_0(limit))
    conversion = convert(*sample_records(fleet(END_MS), Format.V1_0), converter=Converter(options))
    for lane in conversion.lanes:
        for body in lane:
            made = request_of_2_0(snappy.uncompress(body.content), conversion.families, limit)
            assert len(made) <= limit
