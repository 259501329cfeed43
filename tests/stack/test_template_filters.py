"""Filters and additional statistics: from a comma list to what CloudWatch takes."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from jsonschema import Draft7Validator

from tests.support.stack import REGION, Stack, parameters, transformed

FILTERS = ("IncludeFilters", "ExcludeFilters")

Filter = dict[str, Any]

TWENTY = [f"AWS/Service{n}=" + "+".join(f"Metric{m}" for m in range(n % 3)) for n in range(20)]
"""As many entries as there may be, with no, one or two metrics each."""

ACCEPTED: list[tuple[str, list[Filter]]] = [
    ("AWS/EC2", [{"Namespace": "AWS/EC2"}]),
    (
        "AWS/EC2=CPUUtilization",
        [{"Namespace": "AWS/EC2", "MetricNames": ["CPUUtilization"]}],
    ),
    (
        "AWS/EC2=CPUUtilization+NetworkIn,AWS/RDS,AWS/ELB=Latency",
        [
            {"Namespace": "AWS/EC2", "MetricNames": ["CPUUtilization", "NetworkIn"]},
            {"Namespace": "AWS/RDS"},
            {"Namespace": "AWS/ELB", "MetricNames": ["Latency"]},
        ],
    ),
    # One namespace in two entries, between two that begin with it.
    (
        "AWS/EC2X,AWS/EC2=A,AWS/EC2=B,AWS/EC2/API",
        [
            {"Namespace": "AWS/EC2X"},
            {"Namespace": "AWS/EC2", "MetricNames": ["A"]},
            {"Namespace": "AWS/EC2", "MetricNames": ["B"]},
            {"Namespace": "AWS/EC2/API"},
        ],
    ),
    # Everything else that CloudWatch allows in a name.
    (
        "My App: 1#2.3_4-5=% of (all) disks/h:d+a  b",
        [{"Namespace": "My App: 1#2.3_4-5", "MetricNames": ["% of (all) disks/h:d", "a  b"]}],
    ),
    (
        ",".join(entry.removesuffix("=") for entry in TWENTY),
        [
            {"Namespace": f"AWS/Service{n}"}
            | ({"MetricNames": [f"Metric{m}" for m in range(n % 3)]} if n % 3 else {})
            for n in range(20)
        ],
    ),
]
"""What an operator writes, and the filters that it makes."""

REFUSED = [
    # A space would belong to the name, which then matches nothing.
    *("AWS/EC2, AWS/RDS", " AWS/EC2", "AWS/EC2 ", "AWS/EC2= CPU", "AWS/EC2=CPU +Net", " "),
    *(",", "AWS/EC2,", ",AWS/EC2", "AWS/EC2,,AWS/RDS"),
    *("=CPU", "AWS/EC2=", "AWS/EC2=+", "AWS/EC2=CPU+", "AWS/EC2=+CPU", "AWS/EC2=CPU++Net"),
    *("AWS/EC2=CPU=Net", "AWS/EC2+AWS/RDS", "AWS/EC2\nAWS/RDS", "AWS/EC2\n", "AWS/\u00e9"),
    # CloudWatch's own rule.
    ":AWS/EC2",
    # CloudFormation refuses a list with the same item twice.
    *("AWS/EC2,AWS/EC2", "AWS/EC2=CPU,AWS/RDS,AWS/EC2=CPU", "A,B,B"),
    ",".join(f"AWS/Service{n}" for n in range(21)),
]


def stream(**values: str) -> Any:
    """Give the metric stream, after CloudFormation's own schema has accepted it."""
    properties = Stack(**values).properties("MetricStream")
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, "AWS::CloudWatch::MetricStream")
    # The schema's `allOf` says what cfn-lint has added to it, such as which properties exclude
    # each other; ARNs of the stand-in are shorter than real ones.
    arns = dict.fromkeys(("FirehoseArn", "RoleArn"), f"arn:aws:service:{REGION}:111122223333:name")
    linked = properties["IncludeLinkedAccountsMetrics"] == "true"
    given = {**properties, **arns, "IncludeLinkedAccountsMetrics": linked}
    assert not list(Draft7Validator(schema.schema).iter_errors(given))
    return properties


@pytest.mark.parametrize("parameter", FILTERS)
@pytest.mark.parametrize(("text", "filters"), ACCEPTED, ids=range(len(ACCEPTED)))
def test_filters_reach_the_stream(parameter: str, text: str, filters: list[Filter]) -> None:
    """Each entry is a filter, of the one kind that was asked for."""
    assert re.fullmatch(parameters()[parameter]["AllowedPattern"], text)
    (other,) = {*FILTERS} - {parameter}
    made = stream(**{parameter: text})
    assert made[parameter] == filters
    assert other not in made


@pytest.mark.parametrize("count", range(1, 21))
@pytest.mark.parametrize("parameter", FILTERS)
def test_as_many_filters_as_entries(parameter: str, count: int) -> None:
    """An entry that is missing makes no filter, which would have an empty name."""
    text = ",".join(f"AWS/Service{n}" for n in range(count))
    assert len(stream(**{parameter: text})[parameter]) == count


def test_without_filters_everything_is_streamed() -> None:
    """An empty list would be another thing to CloudWatch than none."""
    plain = stream()
    assert not plain.keys() & {*FILTERS, "StatisticsConfigurations"}
    assert plain["OutputFormat"] == "opentelemetry1.0"
    assert plain["IncludeLinkedAccountsMetrics"] == "false"


@pytest.mark.parametrize("text", REFUSED)
@pytest.mark.parametrize("parameter", [*FILTERS, "StatisticsMetrics"])
def test_wrong_entries_are_refused(parameter: str, text: str) -> None:
    """What would match nothing, or be refused in the middle of a deployment, is refused before."""
    assert not re.fullmatch(parameters()[parameter]["AllowedPattern"], text)


@pytest.mark.parametrize("count", range(1, 21))
def test_statistics_reach_the_stream(count: int) -> None:
    """All percentiles are streamed for all metrics, each of which has an entry."""
    entries = [(f"AWS/Service{n}", f"Metric {n} (%)") for n in range(count)]
    text = ",".join("=".join(entry) for entry in entries)
    assert re.fullmatch(parameters()["StatisticsMetrics"]["AllowedPattern"], text)
    made = stream(StatisticsMetrics=text, AdditionalStatistics="p10,p99.9")
    assert made["StatisticsConfigurations"] == [
        {
            "AdditionalStatistics": ["p10", "p99.9"],
            "IncludeMetrics": [{"Namespace": n, "MetricName": m} for n, m in entries],
        }
    ]


@pytest.mark.parametrize(
    "text", ["AWS/EC2", "AWS/EC2=CPU+Net", "AWS/EC2=CPU,AWS/RDS", "A=1,A=1", "A=1,B=2,A=1"]
)
def test_wrong_statistics_are_refused(text: str) -> None:
    """An entry names one metric, and no entry comes twice."""
    assert not re.fullmatch(parameters()["StatisticsMetrics"]["AllowedPattern"], text)


@pytest.mark.parametrize(
    ("text", "allowed"),
    [("p50", True), ("p99.9", True), ("p100", True), ("p0", True)]
    + [(text, False) for text in ("99", "p101", "p", "p99.", "TM(10%:90%)", "Average", " p50", "")],
)
def test_only_percentiles(text: str, *, allowed: bool) -> None:
    """The OpenTelemetry formats have percentiles only."""
    pattern = parameters()["AdditionalStatistics"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, text)) is allowed


@pytest.mark.parametrize(
    "values", [{}, {"IncludeFilters": "AWS/EC2"}, {"StatisticsMetrics": "AWS/EC2=CPU"}], ids=str
)
def test_every_selected_item_exists(values: dict[str, str]) -> None:
    """Nothing is selected that is not there, even in a branch that is not taken."""
    stack = Stack(**values)
    template = transformed()
    found = list(selections([template["Conditions"], template["Resources"]["MetricStream"]]))
    assert len(found) > 100
    for selection in found:
        stack.value(selection)


def selections(item: Any) -> Iterator[dict[str, Any]]:
    """Give every use of Fn::Select inside."""
    if isinstance(item, dict):
        if "Fn::Select" in item:
            yield item
        for inner in item.values():
            yield from selections(inner)
    elif isinstance(item, list):
        for inner in item:
            yield from selections(inner)
