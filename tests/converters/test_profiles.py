"""What each naming profile makes of one point, and how a further one is added."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from converters.convert import Conversion
from converters.names import label_name
from converters.profiles import PROFILES
from converters.profiles.profile import Metric, NamingProfile
from converters.rules import SeriesRules
from converters.statistics import selection_of
from testing.converting import assert_sound, by_name, convert, samples_of, series_text
from testing.events.otlp import Format
from tests.support.event_records import records_of
from tests.support.otlp_building import (
    END_NS,
    MINUTE_NS,
    SummaryPoint,
    deliver,
    gauge,
    number,
    one_record,
)

_QUANTILES = ((0.0, 1.0), (0.999, 3.9), (1.0, 4.0))
_ACCOUNT = 'account_id="111122223333", '
_OTEL = (
    'InstanceId="I-1", MetricName="CPUUtilization", Namespace="AWS/EC2", '
    'cloud_account_id="111122223333", cloud_provider="aws", cloud_region="us-east-1"'
)
_BASE = "amazonaws_com_AWS_EC2_CPUUtilization"


def _convert(profile: str, *points: SummaryPoint, **rules: Any) -> Conversion:
    made = rules.pop("made", PROFILES[profile]())
    statistics = rules.pop("statistics", None)
    conversion = convert(
        deliver(points),
        rules=SeriesRules(made, statistics and selection_of(statistics), **rules),
        p8s_logzio_name="",
    )
    assert_sound(conversion)
    return conversion


def _texts(conversion: Conversion) -> set[str]:
    return {series_text(labels) for labels in samples_of(conversion)}


@pytest.mark.parametrize(
    ("profile", "names", "labels"),
    [
        (
            "yace",
            [f"aws_ec2_cpuutilization_{it}" for it in ("average", "sum", "sample_count", "p99_9")],
            _ACCOUNT + 'dimension_InstanceId="I-1", job="yace", name="global", region="us-east-1"',
        ),
        (
            "cloudwatch_exporter",
            [f"aws_ec2_cpuutilization_{it}" for it in ("minimum", "maximum", "p99_9")],
            _ACCOUNT + 'instance_id="I-1", job="aws_ec2", region="us-east-1"',
        ),
        (
            "otel",
            [f"{_BASE}_sum", f"{_BASE}_count"],
            _OTEL,
        ),
        (
            "otel",
            [_BASE],
            _OTEL + ', quantile="0.999"',
        ),
    ],
)
def test_one_point(profile: str, names: list[str], labels: str) -> None:
    """The series have exactly the labels of the profile, with values as CloudWatch has them."""
    point = SummaryPoint(dimensions=(("InstanceId", "I-1"),), quantiles=_QUANTILES)
    assert {f"{name}{{{labels}}}" for name in names} <= _texts(_convert(profile, point))


@pytest.mark.parametrize(
    ("profile", "statistics", "suffixes"),
    [
        ("yace", None, ["average", "maximum", "minimum", "p99_9", "sample_count", "sum"]),
        ("yace", ["Average", "p99.9"], ["average", "p99_9"]),
        ("yace", ["sum", "P*"], ["p99_9", "sum"]),
        ("cloudwatch_exporter", ["p50"], []),
        ("logzio", None, ["count", "max", "min", "sum", "{0.999}"]),
        ("logzio", ["Average", "SampleCount"], ["average", "count"]),
        ("otel", None, ["count", "sum", "{0.999}", "{0}", "{1}"]),
        ("otel", ["Average", "Maximum"], ["average", "{1}"]),
    ],
)
@pytest.mark.parametrize("periods", [1, 2])
def test_statistics(
    profile: str, statistics: list[str] | None, suffixes: list[str], periods: int
) -> None:
    """STATISTICS selects what is made; what it leaves out is no loss."""
    points = [
        SummaryPoint(quantiles=_QUANTILES, time_ns=END_NS - ago * MINUTE_NS)
        for ago in range(periods)
    ]
    conversion = _convert(profile, *points, statistics=statistics)
    found = set()
    for labels in samples_of(conversion):
        named = dict(labels)
        name = named["__name__"].lower().partition("cpuutilization")[2].removeprefix("_")
        found.add(f"{{{named['quantile']}}}" if "quantile" in named else name)
    assert sorted(found) == suffixes
    assert conversion.data_points == periods
    assert conversion.points_without_statistics == (0 if suffixes else periods)
    assert conversion.dropped_points == conversion.dropped_samples == {}


@pytest.mark.parametrize("profile", sorted(PROFILES))
@pytest.mark.parametrize("version", list(Format))
@pytest.mark.parametrize(
    ("count", "total", "average"),
    [
        (3, 10.0, 10.0 / 3.0),
        (2**53 + 1, 1.0, 1.0 / float(2**53 + 1)),
        (2**64 - 1, 1e300, 1e300 / float(2**64 - 1)),
        (7, 5e-324, 5e-324 / 7.0),
        (1, -0.0, -0.0),
        (2, math.inf, math.inf),
        (2, -math.inf, -math.inf),
        (2, math.nan, math.nan),
        (0, 0.0, None),
        (0, math.nan, None),
    ],
)
def test_average(
    profile: str, version: Format, count: int, total: float, average: float | None
) -> None:
    """It is the sum divided by the count as IEEE 754 does it, and missing where the count is 0."""
    point = SummaryPoint(count=count, total=total)
    rules = SeriesRules(PROFILES[profile](), selection_of(["Average"]))
    conversion = convert(deliver([point], version), rules=rules)
    values = list(by_name(conversion).values())
    assert repr(values) == repr([] if average is None else [average])
    assert conversion.points_without_statistics == (average is None)


@pytest.mark.parametrize(
    ("profile", "external", "labels"),
    [
        ("yace", {}, {"job": "yace"}),
        ("yace", {"job": "stream"}, {"job": "stream"}),
        ("yace", {"job": ""}, {}),
        ("yace", {"name": "x", "ENV": "prod"}, {"job": "yace", "name": "global", "ENV": "prod"}),
        ("cloudwatch_exporter", {"job": "stream"}, {"job": "aws_ec2"}),
        ("logzio", {"region": "x", "job": "j"}, {"region": "us-east-1", "job": "j"}),
        ("otel", {"InstanceId": "x", "Z": "z"}, {"InstanceId": "i-1", "Z": "z"}),
    ],
)
def test_external_labels(profile: str, external: dict[str, str], labels: dict[str, str]) -> None:
    """Every series has them unless it has a label of that name; they replace YACE's job."""
    conversion = _convert(profile, SummaryPoint(quantiles=_QUANTILES), external_labels=external)
    names = {"job", "name", "ENV", "region", "Z", "InstanceId"} & {*external, *labels, "job"}
    for found in samples_of(conversion):
        assert {name: value for name, value in found if name in names} == labels


@pytest.mark.parametrize(
    ("profile", "key", "label"),
    [
        ("cloudwatch_exporter", "Region", "dimension_region"),
        ("cloudwatch_exporter", "AccountId", "dimension_account_id"),
        ("cloudwatch_exporter", "Job", "dimension_job"),
        ("yace", "region", "dimension_region"),
        ("yace", "100%", "dimension_100_percent"),
        ("otel", "Namespace", "dimension_Namespace"),
        ("otel", "quantile", "dimension_quantile"),
        ("otel", "a..b", "a_b"),
    ],
)
def test_labels_that_are_taken(profile: str, key: str, label: str) -> None:
    """A dimension never takes a label that the profile sets itself."""
    conversion = _convert(profile, SummaryPoint(dimensions=((key, "value"),)))
    assert all(dict(labels)[label] == "value" for labels in samples_of(conversion))


def test_index_of_a_table() -> None:
    """As in cloudwatch_exporter, an index of DynamoDB has names of its own."""
    table = (("TableName", "t"),)
    index = (*table, ("GlobalSecondaryIndexName", "g"))
    points = [
        SummaryPoint("AWS/DynamoDB", metric, dimensions)
        for metric in ("ReadThrottleEvents", "ThrottledRequests")
        for dimensions in (table, index)
    ]
    found = by_name(_convert("cloudwatch_exporter", points[1], points[3], statistics=["Sum"]))
    assert set(found) == {
        "aws_dynamodb_read_throttle_events_index_sum",
        "aws_dynamodb_throttled_requests_sum",
    }
    (name,) = by_name(_convert("cloudwatch_exporter", points[0], statistics=["Sum"]))
    assert name == "aws_dynamodb_read_throttle_events_sum"


def test_two_metrics_of_one_name() -> None:
    """Without a label of the metric's own name two may meet: the larger count is sent."""
    points = [
        SummaryPoint(metric_name=name, count=n) for n, name in ((4, "FooBar"), (5, "foo_bar"))
    ]
    conversion = _convert("yace", *points)
    assert by_name(conversion)["aws_ec2_foo_bar_sample_count"] == 5.0
    assert conversion.dropped_points == {"name_collision": 1}
    assert conversion.dropped_samples == {"name_collision": 5}
    assert set(conversion.warnings) == {"name_collision"}


@pytest.mark.parametrize("profile", sorted(PROFILES.keys() - {"otel"}))
@pytest.mark.parametrize("name", ["AWS/EC2/CPUUtilization", "aws.ec2.cpuutilization"])
def test_a_metric_without_the_prefix_of_cloudwatch(profile: str, name: str) -> None:
    """It is one series with the metric that has the prefix, though only `otel` keeps that."""
    conversion = _convert(profile, SummaryPoint(count=4), SummaryPoint(metric=name, count=5))
    assert set(conversion.dropped_samples) == {PROFILES[profile].collision}
    assert sum(conversion.dropped_samples.values()) == conversion.series


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_other_producers(profile: str) -> None:
    """A gauge keeps its name and attributes, and has the labels of resources as the profile."""
    record = one_record(gauge("app.Queue", number(2.0, (("Queue.Name", "a"),))))
    rules = SeriesRules(PROFILES[profile](), selection_of(["Average"]))
    (labels,) = samples_of(convert(record, rules=rules, p8s_logzio_name=""))
    account = {"logzio": "account", "otel": "cloud_account_id"}.get(profile, "account_id")
    assert dict(labels).items() >= {
        ("__name__", "app_queue"),
        ("queue_name", "a"),
        (account, "111122223333"),
        ("cloud_provider", "aws"),
    }


class _Short(NamingProfile):
    """A further profile, in ten lines."""

    metric_label_names = frozenset({"service"})

    def base_name(self, metric: Metric) -> str:
        return "cw_" + label_name(metric.identity()[1])

    def metric_labels(self, metric: Metric) -> dict[str, str]:
        return {"service": metric.identity()[0]}


def test_a_fifth_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """It needs a class and its line in the table; the sample events are converted with it."""
    monkeypatch.setitem(PROFILES, "short", _Short)
    events = Path(__file__).parents[2] / "events"
    text = (events / "gzip-otlp-1.0.json").read_text(encoding="utf-8")
    converted = convert(
        *records_of(json.loads(text)), rules=SeriesRules(PROFILES["short"]()), p8s_logzio_name=""
    )
    assert_sound(converted)
    assert converted.dropped_points == {}
    assert (
        'cw_cpuutilization_average{account_id="111122223333", instanceid="i-0a1b2c3d4e5f60001", '
        'region="us-east-1", service="AWS/EC2"}'
    ) in _texts(converted)
