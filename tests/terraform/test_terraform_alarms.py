"""The module's alarms are those of template.yaml."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.stack import INGRESSES
from tests.support.terraform_module import in_words_of_terraform, snake
from tests.support.terraform_runs import Applied, Deployment

pytestmark = pytest.mark.slow

TOPIC = "arn:aws:sns:us-east-1:111122223333:alarms"

NAME = "metric-stream-lambda"
"""The name of the function and of both streams, as of the template's stack."""


@pytest.mark.parametrize("ingress", INGRESSES)
def test_alarms_are_those_of_the_template(
    everything: Callable[[str], Applied], ingress: str
) -> None:
    """Alarms watch the same metrics or expressions for the same thresholds."""
    made, _, stack = everything(ingress)
    ours = {
        values["alarm_name"].removeprefix("metric-stream-lambda-"): alarm_of(values)
        for name, values in made.items()
        if name.startswith("aws_cloudwatch_metric_alarm.")
    }
    names = dict.fromkeys(("FunctionName", "DeliveryStreamName", "MetricStreamName"), NAME)
    tags = {"TagErrors": f"{NAME}-tags", "TagsSent": f"{NAME}-tags"}
    names["BucketName"] = made["aws_s3_bucket.backup"]["id"]
    assert ours == {
        snake(name.removesuffix("Alarm")).replace("_", "-"): alarm_of_template(
            alarm, names | {"FunctionName": tags.get(alarm.get("MetricName"), NAME)}
        )
        for name, alarm in stack.of_type("AWS::CloudWatch::Alarm").items()
    }


def alarm_of(values: dict[str, Any]) -> dict[str, Any]:
    """Say what one of the module's alarms watches."""
    queries = values["metric_query"]
    watched = [one["metric"][0] for one in queries if one["metric"]] or [values]
    expressions = [(one["expression"], one["label"]) for one in queries if one["expression"]]
    return {
        "description": values["alarm_description"],
        "expressions": expressions,
        "watched": sorted(
            (one["namespace"], one["metric_name"], one.get("stat") or one["statistic"],
             one["period"], sorted((one["dimensions"] or {}).items()))
            for one in watched
        ),
        "ids": sorted(one["id"] for one in queries if one["metric"]),
        "returned": [one["return_data"] for one in queries if one["expression"]],
        "periods": values["evaluation_periods"],
        "datapoints": values.get("datapoints_to_alarm"),
        "comparison": values["comparison_operator"],
        "threshold": values["threshold"],
        "missing": values["treat_missing_data"],
    }  # fmt: skip


def alarm_of_template(alarm: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """Say the same of one of the template's."""
    queries = alarm.get("Metrics", [])
    stats = [one["MetricStat"] for one in queries if "MetricStat" in one]
    expressions = [(one["Expression"], one["Label"]) for one in queries if "Expression" in one]
    single = {"Metric": alarm, "Stat": alarm.get("Statistic"), "Period": alarm.get("Period")}
    return {
        "description": in_words_of_terraform(alarm["AlarmDescription"]),
        "expressions": expressions,
        "watched": sorted(
            (
                one["Metric"]["Namespace"],
                one["Metric"]["MetricName"],
                one["Stat"],
                one["Period"],
                sorted(
                    (each["Name"], names.get(each["Name"], each["Value"]))
                    for each in one["Metric"].get("Dimensions", [])
                ),
            )
            for one in stats or [single]
        ),
        "ids": sorted(one["Id"] for one in queries if "MetricStat" in one),
        "returned": [one["ReturnData"] for one in queries if "Expression" in one],
        "periods": alarm["EvaluationPeriods"],
        "datapoints": alarm.get("DatapointsToAlarm"),
        "comparison": alarm["ComparisonOperator"],
        "threshold": alarm["Threshold"],
        "missing": alarm["TreatMissingData"],
    }


@pytest.mark.parametrize(
    ("variables", "actions"),
    [
        pytest.param({}, [], id="nobody is notified"),
        pytest.param({"alarm_target": TOPIC}, [TOPIC], id="a topic"),
        pytest.param({"alarm_target": "a@example.org"}, ["aws_sns_topic"], id="an address"),
    ],
)
def test_alarms_notify(
    deployment: Deployment, variables: dict[str, str], actions: list[str]
) -> None:
    """Each alarm notifies the topic, or that of the address, when it fires and when it ends."""
    made = deployment.configure(**variables).apply()
    alarms = [one for name, one in made.items() if "metric_alarm" in name]
    topics = [one for name, one in made.items() if name.startswith("aws_sns_topic.")]
    wanted = [topics[0]["arn"]] if topics else actions
    assert alarms
    assert {(*one["alarm_actions"], *one["ok_actions"]) for one in alarms} == {(*wanted, *wanted)}
    assert bool(topics) == ("a@example.org" in variables.values())
    for name, one in made.items():
        if name.startswith("aws_sns_topic_subscription."):
            assert (one["protocol"], one["endpoint"]) == ("email", "a@example.org")
            assert one["topic_arn"] == topics[0]["arn"]
