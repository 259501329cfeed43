"""The Terraform module has the alarms, dashboard and logs extension of template.yaml."""

import json
import re
from typing import Any

import pytest

from tests.support.terraform_module import (
    LINES,
    OBJECTS,
    RESOURCES,
    SOURCE,
    argument,
    assert_same_texts,
    in_words_of_terraform,
    literal,
    snake,
    text_argument,
)

LOGS_GROUPS = {
    "all": ("ShipsLogs", "local.ships_logs"),
    "logzio": ("ShipsToLogzio", 'local.logs_go_to == "logzio"'),
    "loki": ("ShipsToLoki", 'local.logs_go_to == "loki"'),
    "loki_with_password": (
        "ShipsToLokiWithPassword",
        'local.logs_go_to == "loki" && local.has_logs_token',
    ),
    "openobserve": ("ShipsToOpenObserve", 'local.logs_go_to == "openobserve"'),
    "datatap": ("ShipsToDataTap", 'local.logs_go_to == "datatap"'),
}
"""The groups of the logs extension's variables, by the condition here and there."""


WITH_QUERIES = ("FunctionDurationAlarm", "SamplesRejectedAlarm")
"""Alarms on an expression of several metrics, which are compared one by one."""

TEXTS = {"namespace": "Namespace", "statistic": "Statistic", "comparison": "ComparisonOperator"}
"""What is the same text for an alarm here and there."""


def test_alarms() -> None:
    """Alarms on one metric watch the same metrics for the same thresholds."""
    text = SOURCE.split("  alarms = {\n")[1].split("\n  }\n")[0]
    read = dict(re.findall(r"^ {4}([a-z-]+) = \{\n(.*?)^ {4}\}", text, flags=LINES | re.DOTALL))
    wanted = {
        "HasAlarms": "true",
        "HasHttpAlarms": "local.is_http",
        "HasTransformationAlarms": "!local.is_http",
    }
    alarms: dict[str, dict[str, Any]] = {
        snake(name.removesuffix("Alarm")).replace("_", "-"): one
        for name, one in RESOURCES.items()
        if one["Type"] == "AWS::CloudWatch::Alarm" and name not in WITH_QUERIES
    }
    assert set(read) == set(alarms)
    for name, one in alarms.items():
        body, theirs = read[name], one["Properties"]
        metric = theirs["MetricName"]
        if isinstance(metric, dict):
            metric = metric["Sub"].replace("${AWS::StackName}", "${var.name}")
        description = in_words_of_terraform(theirs["AlarmDescription"])
        assert text_argument(body, "description") == description
        assert text_argument(body, "metric_name") == metric
        assert_same_texts(body, theirs, TEXTS)
        assert json.loads(argument(body, "periods")) == theirs["EvaluationPeriods"]
        assert json.loads(argument(body, "threshold")) == theirs["Threshold"]
        assert argument(body, "wanted") == wanted[one["Condition"]]
        names = [dimension["Name"] for dimension in theirs.get("Dimensions", [])]
        local = argument(body, "dimensions")
        if local.startswith("local."):
            local = argument(SOURCE, local.removeprefix("local."))
        assert re.findall(r"(\w+) = ", local) == names
        assert (theirs["Period"], theirs["TreatMissingData"]) == (300, "notBreaching")
    body = OBJECTS["aws_cloudwatch_metric_alarm.alarms"]
    assert argument(body, "period") == "300"
    assert text_argument(body, "treat_missing_data") == "notBreaching"
    assert "if var.create_alarms && alarm.wanted" in body


def test_duration_alarm() -> None:
    """The alarm on the share of the timeout computes what the template's computes."""
    theirs = RESOURCES["FunctionDurationAlarm"]["Properties"]
    body = OBJECTS["aws_cloudwatch_metric_alarm.function_duration"]
    expression = theirs["Metrics"][0]["Expression"]["Sub"]
    timeout = "${var.function_timeout_seconds}"
    wanted = expression.replace("${FunctionTimeoutSeconds}", timeout)
    assert text_argument(body, "expression") == wanted
    assert_same_texts(body, theirs, {"alarm_description": "AlarmDescription"})
    assert json.loads(argument(body, "threshold")) == theirs["Threshold"]
    assert json.loads(argument(body, "evaluation_periods")) == theirs["EvaluationPeriods"]
    assert text_argument(body, "stat") == theirs["Metrics"][1]["MetricStat"]["Stat"]
    assert argument(body, "count") == "var.create_alarms ? 1 : 0"


def test_rejected_alarm() -> None:
    """The alarm on rejected samples adds up the same reasons."""
    theirs = RESOURCES["SamplesRejectedAlarm"]["Properties"]
    body = OBJECTS["aws_cloudwatch_metric_alarm.samples_rejected"]
    total, *queries = theirs["Metrics"]
    texts = {"alarm_description": "AlarmDescription", "comparison_operator": "ComparisonOperator"}
    assert_same_texts(body, theirs, texts)
    assert text_argument(body, "expression") == total["Expression"]
    assert text_argument(body, "label") == total["Label"]
    reasons = argument(body, "for_each").removeprefix("toset(").removesuffix(")")
    assert json.loads(reasons) == [query["Id"] for query in queries]
    for query in queries:
        metric = query["MetricStat"]["Metric"]
        texts = {"namespace": "Namespace", "metric_name": "MetricName"}
        assert_same_texts(body, metric, texts)
        assert {"Name": "Reason", "Value": query["Id"]} in metric["Dimensions"]
        assert text_argument(body, "stat") == query["MetricStat"]["Stat"]
        assert json.loads(argument(body, "period")) == query["MetricStat"]["Period"]
    dimensions = "merge(local.function_dimension, { Reason = metric_query.value })"
    assert argument(body, "dimensions") == dimensions
    assert argument(body, "id") == '"missing"'
    assert json.loads(argument(body, "threshold")) == theirs["Threshold"]
    assert json.loads(argument(body, "evaluation_periods")) == theirs["EvaluationPeriods"]
    assert argument(body, "count") == "var.create_alarms ? 1 : 0"


def test_metric_filter() -> None:
    """The filter for 413 looks for the same pattern and counts under the same name."""
    theirs = RESOURCES["TooLargeMetricFilter"]["Properties"]
    body = OBJECTS["aws_cloudwatch_log_metric_filter.too_large"]
    (transformation,) = theirs["MetricTransformations"]
    assert text_argument(body, "pattern") == theirs["FilterPattern"]
    assert text_argument(body, "namespace") == transformation["MetricNamespace"]
    assert text_argument(body, "value") == transformation["MetricValue"]
    assert 'name          = "DeliveriesTooLarge-${var.name}"' in body
    assert argument(body, "count") == "var.create_alarms && local.is_http ? 1 : 0"


def test_dashboard() -> None:
    """The dashboard has the same widgets with the same metrics."""
    body = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Sub"]
    for ours, theirs in (
        ("metric_stream_name", "MetricStream"),
        ("delivery_stream_name", "DeliveryStream"),
        ("function_name", "MetricStreamFunction"),
        ("backup_bucket_name", "BackupBucket"),
    ):
        body = body.replace(f"${{{theirs}}}", f"local.{ours}")
    widgets = json.loads(body)["widgets"]
    text = re.sub(r"local\.share_of_answers", argument(SOURCE, "share_of_answers"), SOURCE)
    read = re.findall(
        r"^ {6}title = (\"[^\n]*\")\n {6}stat  = (\"\w+\")\n {6}metrics = (\[.*?\n {6}\])",
        text,
        flags=LINES | re.DOTALL,
    )
    assert [tuple(map(literal, one)) for one in read] == [
        tuple(widget["properties"][key] for key in ("title", "stat", "metrics"))
        for widget in widgets
    ]


@pytest.mark.parametrize("group", LOGS_GROUPS)
def test_environment_of_the_logs_extension(group: str) -> None:
    """The extension has the same variables with the same values under the same conditions."""
    condition, expression = LOGS_GROUPS[group]
    secret = {"If": ["HasLogsSecretArn", {"Ref": "LogsTokenSecretArn"}, {"Ref": "LogsTokenSecret"}]}
    wanted = {}
    variables = RESOURCES["MetricStreamFunction"]["Properties"]["Environment"]["Variables"]
    for name, value in variables.items():
        if value.get("If", [""])[0] == condition:
            _, given, nothing = value["If"]
            assert nothing == {"Ref": "AWS::NoValue"}
            token = given == secret
            wanted[name] = "local.logs_token_secret_arn" if token else f"var.{snake(given['Ref'])}"
    block = re.search(rf"^    {group} = \{{\n(.*?)^    \}}", SOURCE, flags=LINES | re.DOTALL)
    assert block
    found = dict(re.findall(r"^ {6}([A-Z][A-Z0-9_]+) += (.*)$", block[1], flags=LINES))
    assert wanted
    assert {n: re.sub(r"^tostring\((.*)\)$", r"\1", v) for n, v in found.items()} == wanted
    line = f"{expression} ? local.logs_variables.{group} : {{}},"
    assert line in OBJECTS["aws_lambda_function.metric_stream"]


def test_layer() -> None:
    """The layer is the same, attached under the same condition, with the same properties."""
    properties = RESOURCES["LogsExtensionLayer"]["Properties"]
    body = OBJECTS["aws_lambda_layer_version.logs_extension"]
    texts = {"description": "Description", "license_info": "LicenseInfo"}
    assert_same_texts(body, properties, texts)
    for kind in ("Runtimes", "Architectures"):
        ours = json.loads(argument(body, f"compatible_{kind.lower()}"))
        assert ours == properties[f"Compatible{kind}"]
    assert (argument(body, "skip_destroy"), properties["RetentionPolicy"]) == ("true", "Retain")
    assert argument(body, "count") == "local.ships_logs ? 1 : 0"
    layers = argument(OBJECTS["aws_lambda_function.metric_stream"], "layers")
    assert layers == "aws_lambda_layer_version.logs_extension[*].arn"
