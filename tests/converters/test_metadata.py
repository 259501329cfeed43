"""What a conversion says about metric families: type, unit and help."""

from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.proto.metrics.v1 import metrics_pb2 as otlp

from converters.convert import Converter, Limits, Options
from converters.metadata import Family, MetricType, encode_metadata, metadata_requests
from converters.profiles import PROFILES
from converters.relabel import parse_relabel_configs
from converters.rules import SeriesRules
from converters.schema.remote_write_pb2 import WriteRequest
from testing.converting import contents, convert, time_series
from testing.events.otlp import Format
from tests.support.otlp_building import (
    END_NS,
    SummaryPoint,
    attributes,
    deliver,
    gauge,
    number,
    one_record,
)

_POINT = SummaryPoint(unit="%", quantiles=((0.0, 1.0), (0.5, 2.0), (0.99, 3.0), (1.0, 4.0)))
_LATENCY = SummaryPoint("Shop", "Latency", unit="ms")
_CUMULATIVE = otlp.AGGREGATION_TEMPORALITY_CUMULATIVE


def _families(*records: bytes, **rules: object) -> dict[str, Family]:
    """Return the families of records, which must be of the series that are made."""
    conversion = convert(*records, metadata=True, rules=SeriesRules(**rules))  # type: ignore[arg-type]
    names = {
        label.value
        for s in time_series(conversion)
        for label in s.labels[:]
        if label.name == "__name__"
    }
    assert names <= conversion.families.keys()
    return dict(conversion.families)


@pytest.mark.parametrize("version", list(Format))
@pytest.mark.parametrize(
    ("profile", "name", "statistic", "unit"),
    [
        ("logzio", "aws_ec2_cpuutilization_sum", "Sum", "%"),
        ("logzio", "aws_ec2_cpuutilization_count", "SampleCount", ""),
        ("logzio", "aws_ec2_cpuutilization_max", "Maximum", "%"),
        ("logzio", "aws_ec2_cpuutilization", "percentiles", "%"),
        ("yace", "aws_ec2_cpuutilization_average", "Average", "%"),
        ("yace", "aws_ec2_cpuutilization_p99", "p99", "%"),
        ("cloudwatch_exporter", "aws_ec2_cpuutilization_sample_count", "SampleCount", ""),
        ("otel", "amazonaws_com_AWS_EC2_CPUUtilization", "Minimum, Maximum, percentiles", "%"),
    ],
)
def test_families_of_cloudwatch(
    version: Format, profile: str, name: str, statistic: str, unit: str
) -> None:
    """Each series of CloudWatch is a gauge, whose help names metric, statistic and unit."""
    families = _families(deliver([_POINT], version), profile=PROFILES[profile]())
    text = f"CloudWatch metric AWS/EC2 CPUUtilization, statistic {statistic}, unit %"
    assert families[name] == Family(name, MetricType.GAUGE, unit, text)


def test_without_the_option_there_are_none() -> None:
    """Families cost time, and are there only if the option asks for them."""
    assert convert(deliver([_POINT])).families == {}


def test_metric_without_unit() -> None:
    """The help of a metric without a unit does not speak of one."""
    family = _families(deliver([replace(_POINT, unit="")]))["aws_ec2_cpuutilization_sum"]
    assert family.unit == ""
    assert family.help == "CloudWatch metric AWS/EC2 CPUUtilization, statistic Sum"


def _metric(**kind: Any) -> bytes:
    metric = otlp.Metric(name="http.x", unit="By", description="What x is.", **kind)
    return metric.SerializeToString()


_HISTOGRAM = otlp.HistogramDataPoint(
    time_unix_nano=END_NS, count=3, sum=3, bucket_counts=[1, 2], explicit_bounds=[1]
)
_EXPONENTIAL = otlp.ExponentialHistogramDataPoint(time_unix_nano=END_NS, count=1)
_SUMMARY = otlp.SummaryDataPoint(
    time_unix_nano=END_NS,
    count=1,
    quantile_values=[otlp.SummaryDataPoint.ValueAtQuantile(quantile=0.5, value=1)],
    attributes=attributes((("Host", "a"),)),
)


def _sum(*, monotonic: bool) -> otlp.Sum:
    return otlp.Sum(
        data_points=[number(1)], is_monotonic=monotonic, aggregation_temporality=_CUMULATIVE
    )


@pytest.mark.parametrize(
    ("metric", "type_", "series"),
    [
        (_metric(gauge=otlp.Gauge(data_points=[number(1)])), MetricType.GAUGE, {"http_x"}),
        (_metric(sum=_sum(monotonic=True)), MetricType.COUNTER, {"http_x"}),
        (_metric(sum=_sum(monotonic=False)), MetricType.GAUGE, {"http_x"}),
        (
            _metric(
                histogram=otlp.Histogram(
                    data_points=[_HISTOGRAM], aggregation_temporality=_CUMULATIVE
                )
            ),
            MetricType.HISTOGRAM,
            {"http_x_bucket", "http_x_count", "http_x_sum"},
        ),
        (
            _metric(
                exponential_histogram=otlp.ExponentialHistogram(
                    data_points=[_EXPONENTIAL], aggregation_temporality=_CUMULATIVE
                )
            ),
            MetricType.HISTOGRAM,
            {"http_x"},
        ),
        (
            _metric(summary=otlp.Summary(data_points=[_SUMMARY])),
            MetricType.SUMMARY,
            {"http_x", "http_x_count", "http_x_sum"},
        ),
    ],
    ids=["gauge", "counter", "up and down", "histogram", "exponential", "summary"],
)
def test_families_of_other_producers(metric: bytes, type_: MetricType, series: set[str]) -> None:
    """What others send has the type of its kind; all series of a histogram are one family."""
    conversion = convert(one_record(metric), metadata=True, native_histograms=True)
    assert conversion.families.keys() == series
    help_ = "" if type_ is MetricType.SUMMARY else "What x is."
    assert {*conversion.families.values()} == {Family("http_x", type_, "By", help_)}


def test_first_unit_stays() -> None:
    """Where two metrics of one name have different units the first one stays, with a warning."""
    points = [
        replace(_LATENCY, unit="ms"),
        replace(_LATENCY, unit="s", dimensions=(("Host", "b"),)),
    ]
    for first, second in (points, points[::-1]):
        conversion = convert(deliver([first, second]), metadata=True)
        assert conversion.families["shop_latency_sum"].unit == first.unit
        assert conversion.warnings["metadata"] == ("shop_latency",)
    assert "metadata" not in convert(deliver(points[:1] * 2), metadata=True).warnings


def test_nothing_depends_on_earlier_deliveries() -> None:
    """A warm converter says the same about a delivery as a cold one."""
    point = replace(_POINT, quantiles=((0.0, 1.0), (0.5, 2.0), (1.0, 4.0)))
    for profile in PROFILES.values():
        options = Options(rules=SeriesRules(profile=profile()), metadata=True)
        warm = Converter(options)
        convert(deliver([_POINT, _LATENCY]), converter=warm)
        cold = convert(deliver([point]), converter=Converter(options)).families
        found = convert(deliver([point]), converter=warm).families
        assert {name: found[name] for name in cold} == cold


def test_relabelled_names() -> None:
    """A renamed series has a family under its new name; a dropped one has none."""
    rules = parse_relabel_configs(
        """
        - {source_labels: [__name__], regex: .*_sum, target_label: __name__, replacement: cpu}
        - {source_labels: [__name__], regex: .*_max, action: drop}
        """
    )
    families = _families(deliver([_POINT]), relabel=rules)
    assert families["cpu"].help == "CloudWatch metric AWS/EC2 CPUUtilization, unit %"
    assert families["aws_ec2_cpuutilization_min"].help.endswith("statistic Minimum, unit %")
    assert "aws_ec2_cpuutilization_max" not in families
    assert "aws_ec2_cpuutilization_sum" not in families


def test_requests_of_metadata_are_bounded() -> None:
    """Families fill requests up to the limit; one that is too large alone is left out."""
    families = [
        Family(f"name_{n}", MetricType.GAUGE, "s", "x" * (5_000 if n == 3 else 90))
        for n in range(30)
    ]
    parts = list(metadata_requests(families, 1_000))
    assert [f for part in parts for f in part] == families[:3] + families[4:]
    assert len(parts) > 2
    for part in parts:
        encoded = encode_metadata(part)
        assert len(encoded) <= 1_000
        decoded = WriteRequest.FromString(encoded)
        assert not decoded.timeseries
        assert [m.metric_family_name for m in decoded.metadata] == [f.name for f in part]
        assert {(m.type, m.unit) for m in decoded.metadata} == {(2, "s")}


def test_encoded_metadata() -> None:
    """Metadata has the field numbers of remote write 1.0."""
    family = Family("n", MetricType.COUNTER, "u", "h")
    assert encode_metadata([family]) == b"\x1a\x0b\x08\x01\x12\x01n\x22\x01h\x2a\x01u"


def test_gauge_of_another_producer_has_no_text_of_cloudwatch() -> None:
    """The help of another producer's metric is its description alone."""
    assert _families(one_record(gauge("load", number(1))))["load"].help == ""


def test_memory_for_metadata_fails_no_delivery() -> None:
    """Where a delivery has too many families for the memory it may take, its samples are made."""
    points = [SummaryPoint("Shop", f"M{number}") for number in range(300)]
    several = deliver(points)
    converter = Converter(Options())
    plain = convert(several, converter=converter)
    most = converter._cache.bytes_used + 1_000
    conversion = convert(several, metadata=True, limits=Limits(label_bytes=most))
    assert conversion.samples == plain.samples
    assert contents(conversion) == contents(plain)
    assert conversion.families == {}
    assert len(convert(several, metadata=True).families) == 4 * len(points)
