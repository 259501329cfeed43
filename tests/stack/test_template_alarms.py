"""The stack's alarms and dashboard: each watches a metric that really comes."""

import json
from collections.abc import Iterator
from itertools import chain, repeat
from typing import Any

import pytest

from handler.verdict import Reason
from testing.events.fleet import END_MS, MONITORING_ACCOUNT
from testing.events.samples import good_events
from testing.receiver import Receiver
from testing.replies import refusing
from tests.support.recording import RecordingFunction
from tests.support.stack import INGRESSES, Stack

TOPIC = "arn:aws:sns:us-east-1:111122223333:alarms"
NAMESPACE = "MetricStreamLambda"

ALWAYS = {
    ("AWS/Lambda", "Errors"),
    ("AWS/Lambda", "Throttles"),
    ("AWS/Lambda", "Duration"),
    ("AWS/Firehose", "ThrottledRecords"),
    ("AWS/S3", "PutRequests"),
    ("AWS/CloudWatch/MetricStreams", "PublishErrorRate"),
    (NAMESPACE, "PointsDropped"),
    (NAMESPACE, "MalformedRecords"),
}
ALARMING_REASONS = [str(reason) for reason in Reason if reason is not Reason.SUPERSEDED]
"""Why samples are rejected, but for those that the listener has, or newer ones of their series."""

WITH_HTTP = {
    ("AWS/Firehose", "DeliveryToHttpEndpoint.Success"),
    ("AWS/Firehose", "DeliveryToHttpEndpoint.DataFreshness"),
    (NAMESPACE, "DeliveriesTooLarge-metric-stream-lambda"),
}
WITH_TRANSFORMATION = {
    ("AWS/Firehose", "ExecuteProcessing.Success"),
    ("AWS/Firehose", "DeliveryToS3.DataFreshness"),
}

DOCUMENTED = {
    "AWS/Lambda": ({"FunctionName"}, {"Invocations", "Errors", "Throttles", "Duration"}),
    "AWS/Firehose": (
        {"DeliveryStreamName"},
        {
            "DeliveryToHttpEndpoint.Success",
            "DeliveryToHttpEndpoint.DataFreshness",
            "DeliveryToS3.DataFreshness",
            "ExecuteProcessing.Success",
            "IncomingBytes",
            "IncomingRecords",
            "ThrottledRecords",
        },
    ),
    "AWS/S3": ({"BucketName", "FilterId"}, {"PutRequests"}),
    "AWS/CloudWatch/MetricStreams": ({"MetricStreamName"}, {"MetricUpdate", "PublishErrorRate"}),
}
"""What AWS documents of its own namespaces: dimensions, and the metrics that are used here."""

Watched = tuple[str, str, dict[str, str]]
"""Namespace, metric, dimensions."""


def metrics_of(alarm: dict[str, Any]) -> list[Watched]:
    """Give what an alarm watches."""
    queries = alarm.get("Metrics", [{"MetricStat": {"Metric": alarm}}])
    metrics = [query["MetricStat"]["Metric"] for query in queries if "MetricStat" in query]
    return [
        (
            metric["Namespace"],
            metric["MetricName"],
            {d["Name"]: d["Value"] for d in metric.get("Dimensions", [])},
        )
        for metric in metrics
    ]


def metric_of(alarm: dict[str, Any]) -> Watched:
    """Give what an alarm on one metric watches."""
    (watched,) = metrics_of(alarm)
    return watched


def shown(stack: Stack) -> Iterator[Watched]:
    """Give every metric on the dashboard, with its abbreviations written out."""
    for widget in json.loads(stack.properties("Dashboard")["DashboardBody"])["widgets"]:
        full: list[str] = []
        for row in widget["properties"]["metrics"]:
            short = [part for part in row if isinstance(part, str)]
            if short != ["..."]:
                pairs = zip(short, chain(full, repeat("")), strict=False)
                full = [above if part == "." else part for part, above in pairs]
            yield full[0], full[1], dict(zip(full[2::2], full[3::2], strict=True))


@pytest.fixture(scope="module")
def emitted() -> set[tuple[str, frozenset[str]]]:
    """Give every metric that the function writes, each with the names of its dimensions."""
    with Receiver(refusing(lambda labels, _: labels["account"] == MONITORING_ACCOUNT)) as receiver:
        function = RecordingFunction(
            receiver.url,
            # Lambda sets the one, and the template leaves the other out.
            {"AWS_LAMBDA_FUNCTION_NAME": "function", "POWERTOOLS_SERVICE_NAME": ""},
        )
        recorded = function.invoke(good_events(END_MS)["function-url-otlp-1.0"])
    found = set()
    for line in recorded.lines:
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", []):
            assert directive["Namespace"] == NAMESPACE
            for metric in directive["Metrics"]:
                found |= {(metric["Name"], frozenset(names)) for names in directive["Dimensions"]}
    return found


@pytest.mark.parametrize("ingress", INGRESSES)
def test_alarms_are_there(ingress: str) -> None:
    """Whatever may lose or delay metrics has its alarm."""
    alarms = Stack(Ingress=ingress).of_type("AWS::CloudWatch::Alarm").values()
    by_ingress = WITH_TRANSFORMATION if ingress == "Transformation" else WITH_HTTP
    watched = [metric[:2] for alarm in alarms for metric in metrics_of(alarm)]
    rejected = [(NAMESPACE, "SamplesRejected")] * len(ALARMING_REASONS)
    assert sorted(watched) == sorted([*ALWAYS, *by_ingress, *rejected])


@pytest.mark.parametrize("ingress", INGRESSES)
def test_alarms_notify(ingress: str) -> None:
    """Every alarm says what is wrong, is silent without data, and notifies the topic if any."""
    for topic, actions in (("", []), (TOPIC, [TOPIC])):
        stack = Stack(Ingress=ingress, AlarmTopicArn=topic)
        for name, alarm in stack.of_type("AWS::CloudWatch::Alarm").items():
            assert alarm["TreatMissingData"] == "notBreaching", name
            assert alarm["AlarmActions"] == alarm["OKActions"] == actions, name
            assert len(alarm["AlarmDescription"]) > 20, name


def test_alarms_and_dashboard_can_be_left_out() -> None:
    """Without alarms there is no metric filter either."""
    stack = Stack(CreateAlarms="false", CreateDashboard="false")
    left = {resource["Type"] for resource in stack.resources.values()}
    assert not left & {
        "AWS::CloudWatch::Alarm",
        "AWS::Logs::MetricFilter",
        "AWS::CloudWatch::Dashboard",
    }


@pytest.mark.parametrize("ingress", INGRESSES)
def test_watched_metrics_exist(ingress: str, emitted: set[tuple[str, frozenset[str]]]) -> None:
    """Alarms and dashboard name metrics with dimensions that AWS or the function emits."""
    stack = Stack(Ingress=ingress)
    filters = stack.of_type("AWS::Logs::MetricFilter").values()
    filtered = {t["MetricName"] for f in filters for t in f["MetricTransformations"]}
    alarms = chain(*map(metrics_of, stack.of_type("AWS::CloudWatch::Alarm").values()))
    for namespace, metric, dimensions in [*alarms, *shown(stack)]:
        if namespace != NAMESPACE:
            assert dimensions.keys() == DOCUMENTED[namespace][0], metric
            assert metric in DOCUMENTED[namespace][1]
        elif metric in filtered:
            assert dimensions == {}, "a metric filter's metric has no dimensions here"
        else:
            assert (metric, frozenset(dimensions)) in emitted, metric
        assert set(dimensions.values()) <= {*stack.resources, "failed", *Reason}


def test_deliveries_too_large_are_counted() -> None:
    """The filter on Firehose's error log feeds the alarm about 413."""
    stack = Stack()
    found = stack.properties("TooLargeMetricFilter")
    assert found["LogGroupName"] == "FirehoseLogGroup"
    assert "413" in found["FilterPattern"]
    (counted,) = found["MetricTransformations"]
    alarm = stack.properties("TooLargeAlarm")
    assert (alarm["Namespace"], alarm["MetricName"]) == (
        counted["MetricNamespace"],
        counted["MetricName"],
    )


def test_backup_alarm_sees_the_error_prefix() -> None:
    """The bucket's request metrics are of the prefix that failed deliveries are written to."""
    for ingress in INGRESSES:
        stack = Stack(Ingress=ingress, S3BackupMode="AllData")
        (configured,) = stack.properties("BackupBucket")["MetricsConfigurations"]
        assert configured == {"Id": "failed", "Prefix": "failed/"}
        alarm = metric_of(stack.properties("BackupObjectsAlarm"))
        assert alarm[2] == {"BucketName": "BackupBucket", "FilterId": "failed"}
        stream = json.dumps(stack.properties("DeliveryStream"))
        assert stream.count('"ErrorOutputPrefix": "failed/') == stream.count('"BucketARN"')
        assert '"Prefix": "failed/' not in stream


def test_rejected_samples_that_are_superseded_are_no_alarm() -> None:
    """The alarm adds up all other reasons, each of which may never have occurred."""
    alarm = Stack().properties("SamplesRejectedAlarm")
    total, *queries = alarm["Metrics"]
    assert total["Expression"] == " + ".join(f"FILL({reason}, 0)" for reason in ALARMING_REASONS)
    assert [query["ReturnData"] for query in alarm["Metrics"]] == [True] + [False] * len(queries)
    assert [(q["Id"], q["MetricStat"]["Stat"], q["MetricStat"]["Period"]) for q in queries] == [
        (reason, "Sum", 300) for reason in ALARMING_REASONS
    ]
    assert metrics_of(alarm) == [
        (NAMESPACE, "SamplesRejected", {"FunctionName": "MetricStreamFunction", "Reason": reason})
        for reason in ALARMING_REASONS
    ]


def test_dashboard_shows_every_reason() -> None:
    """The dashboard has rejected samples by reason, as many as there are."""
    watched = list(shown(Stack()))
    reasons = [d["Reason"] for _, metric, d in watched if metric == "SamplesRejected"]
    assert reasons == list(Reason)


def test_duration_alarm_goes_by_the_timeout() -> None:
    """The alarm about the duration compares it with the timeout that is set."""
    alarm = Stack(FunctionTimeoutSeconds="60").properties("FunctionDurationAlarm")
    assert alarm["Metrics"][0]["Expression"] == "longest / (60 * 1000)"
    assert alarm["Threshold"] == 0.8
