"""The stack's alarms and dashboard: each watches a metric that really comes."""

import json
import re
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
from tests.support.stack import INGRESSES, Stack, parameters

TOPIC = "arn:aws:sns:us-east-1:111122223333:alarms"
NAMESPACE = "MetricStreamLambda"

ALWAYS = {
    ("AWS/Lambda", "Errors"),
    ("AWS/Lambda", "Throttles"),
    ("AWS/Lambda", "Duration"),
    ("AWS/Firehose", "ThrottledRecords"),
    ("AWS/S3", "PutRequests"),
    ("AWS/CloudWatch/MetricStreams", "PublishErrorRate"),
    ("AWS/CloudWatch/MetricStreams", "MetricUpdate"),
    (NAMESPACE, "SamplesSent"),
    (NAMESPACE, "SamplesRejected"),
    (NAMESPACE, "PointsDropped"),
    (NAMESPACE, "MalformedRecords"),
}
SILENCE = {"NoDeliveriesAlarm", "NoStreamUpdatesAlarm"}
"""The alarms that missing data fires."""

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


def alarms_of(stack: Stack) -> dict[str, Any]:
    """Give the properties of every alarm, by name."""
    return stack.of_type("AWS::CloudWatch::Alarm")


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
        event = good_events(END_MS)["function-url-otlp-1.0"]
        body = json.loads(event["body"])
        # The same points twice, of which one is dropped.
        twice = json.dumps({**body, "records": body["records"] * 2})
        recorded = function.invoke({**event, "body": twice})
    dropped = [line for line in recorded.lines if {"PointsDropped", "Reason"} <= line.keys()]
    assert [line["Reason"] for line in dropped] == ["duplicate"]
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
    assert {metric[:2] for alarm in alarms for metric in metrics_of(alarm)} == {
        *ALWAYS,
        *by_ingress,
    }


@pytest.mark.parametrize("ingress", INGRESSES)
@pytest.mark.parametrize(
    ("given", "actions"),
    [
        ({}, []),
        ({"AlarmTopicArn": TOPIC}, [TOPIC]),
        ({"AlarmEmail": "team@example.com"}, ["AlarmTopic"]),
    ],
    ids=str,
)
def test_alarms_notify(ingress: str, given: dict[str, str], actions: list[str]) -> None:
    """Every alarm says what is wrong, and notifies the topic if there is one."""
    for name, alarm in alarms_of(Stack(Ingress=ingress, **given)).items():
        assert alarm["AlarmActions"] == alarm["OKActions"] == actions, name
        assert len(alarm["AlarmDescription"]) > 20, name


@pytest.mark.parametrize("ingress", INGRESSES)
def test_silence_is_an_alarm(ingress: str) -> None:
    """Missing data fires the two alarms that are about it, and no other one."""
    alarms = alarms_of(Stack(Ingress=ingress))
    missing = {name: alarm["TreatMissingData"] for name, alarm in alarms.items()}
    assert {name for name, treated in missing.items() if treated == "breaching"} == SILENCE
    assert {missing[name] for name in missing.keys() - SILENCE} == {"notBreaching"}
    for name in SILENCE:
        alarm = alarms[name]
        assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
        assert alarm["Statistic"] == "Sum"


def test_longest_buffer_is_no_alarm() -> None:
    """Where Firehose delivers once in 15 minutes, a period may be empty, and records are older."""
    longest = parameters()["BufferIntervalSeconds"]["MaxValue"]
    for name in SILENCE:
        alarm = Stack().properties(name)
        assert alarm["Period"] >= longest
        assert alarm["EvaluationPeriods"] == 2
    for ingress, name in (
        ("HttpApi", "DeliveryFreshnessAlarm"),
        ("Transformation", "BackupFreshnessAlarm"),
    ):
        alarm = Stack(Ingress=ingress, BufferIntervalSeconds="900").properties(name)
        assert alarm["Metrics"][0]["Expression"] == "oldest - 900"
        assert alarm["Threshold"] == 900


def test_an_address_gets_a_topic() -> None:
    """AlarmEmail makes a topic with one subscription, but not where there are no alarms."""
    given = Stack(AlarmEmail="team@example.com")
    assert set(given.of_type("AWS::SNS::Topic")) == {"AlarmTopic"}
    assert given.of_type("AWS::SNS::Subscription") == {
        "AlarmSubscription": {
            "TopicArn": "AlarmTopic",
            "Protocol": "email",
            "Endpoint": "team@example.com",
        }
    }
    for stack in (Stack(), Stack(AlarmEmail="team@example.com", CreateAlarms="false")):
        assert not stack.of_type("AWS::SNS::Topic")
        assert not stack.of_type("AWS::SNS::Subscription")


@pytest.mark.parametrize(
    "address", ["team@example.com", "first.last+alarms@sub.example.co.uk", "team", "a b@c.d", "a@"]
)
def test_address_is_checked(address: str) -> None:
    """What cannot be an address is refused before anything is made."""
    allowed = re.fullmatch(parameters()["AlarmEmail"]["AllowedPattern"], address)
    assert bool(allowed) is ("example" in address)


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
        assert set(dimensions.values()) <= {*stack.resources, "failed", *Reason, "duplicate"}


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


@pytest.mark.parametrize(
    ("name", "metric", "harmless"),
    [
        # The listener has them, or newer ones; or they may be S3's daily metrics.
        ("SamplesRejectedAlarm", "SamplesRejected", ["superseded", "too_old"]),
        # The listener gets one of the two.
        ("PointsDroppedAlarm", "PointsDropped", ["duplicate"]),
    ],
)
def test_what_is_normal_is_no_alarm(name: str, metric: str, harmless: list[str]) -> None:
    """Of everything that is counted, reasons are taken off that may have no data."""
    alarm = Stack().properties(name)
    total, *queries = alarm["Metrics"]
    less = "".join(f" - FILL({reason}, 0)" for reason in harmless)
    assert total["Expression"] == queries[0]["Id"] + less
    assert [query["Id"] for query in queries[1:]] == harmless
    assert [query["ReturnData"] for query in alarm["Metrics"]] == [True] + [False] * len(queries)
    assert {(q["MetricStat"]["Stat"], q["MetricStat"]["Period"]) for q in queries} == {("Sum", 300)}
    dimensions = {"FunctionName": "MetricStreamFunction"}
    assert metrics_of(alarm) == [
        (NAMESPACE, metric, dimensions),
        *((NAMESPACE, metric, {**dimensions, "Reason": reason}) for reason in harmless),
    ]
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 0)


def test_samples_that_are_always_too_old_are_an_alarm() -> None:
    """S3's metrics are late for some hours a day; anything that lasts is another cause."""
    alarm = Stack().properties("SamplesTooOldAlarm")
    assert metric_of(alarm)[1:] == (
        "SamplesRejected",
        {"FunctionName": "MetricStreamFunction", "Reason": "too_old"},
    )
    assert alarm["Period"] * alarm["EvaluationPeriods"] == 6 * 3600
    assert "DatapointsToAlarm" not in alarm, "all of them"


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
