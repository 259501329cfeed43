"""The stack's alarms and dashboard: each watches a metric that really comes."""

import json
import re
from collections.abc import Iterator
from itertools import chain, repeat

import pytest

from converters.reasons import DropReason
from handler.verdict import Reason
from testing.events.fleet import END_MS, MONITORING_ACCOUNT
from testing.events.samples import good_events
from testing.receiver import Receiver
from testing.replies import refusing
from tests.support.alarms import NAMESPACE, Watched, alarms_of, metric_of, metrics_of
from tests.support.recording import RecordingFunction
from tests.support.stack import INGRESSES, ROOT, Stack, parameters

TOPIC = "arn:aws:sns:us-east-1:111122223333:alarms"

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
        ({"AlarmTarget": TOPIC}, [TOPIC]),
        ({"AlarmTarget": "team@example.com"}, ["AlarmTopic"]),
    ],
    ids=str,
)
def test_alarms_notify(ingress: str, given: dict[str, str], actions: list[str]) -> None:
    """Every alarm says what is wrong, and notifies the topic if there is one."""
    for name, alarm in alarms_of(Stack(Ingress=ingress, CreateTags="true", **given)).items():
        assert alarm["AlarmActions"] == alarm["OKActions"] == actions, name
        assert len(alarm["AlarmDescription"]) > 20, name


def test_an_address_gets_a_topic() -> None:
    """An address makes a topic with one subscription; nothing else does."""
    given = Stack(AlarmTarget="team@example.com")
    assert set(given.of_type("AWS::SNS::Topic")) == {"AlarmTopic"}
    assert given.of_type("AWS::SNS::Subscription") == {
        "AlarmSubscription": {
            "TopicArn": "AlarmTopic",
            "Protocol": "email",
            "Endpoint": "team@example.com",
        }
    }
    for stack in (Stack(), Stack(AlarmTarget="none"), Stack(AlarmTarget=TOPIC)):
        assert not stack.of_type("AWS::SNS::Topic")
        assert not stack.of_type("AWS::SNS::Subscription")


@pytest.mark.parametrize(
    ("target", "allowed"),
    [
        *((it, True) for it in ("", "none", "a.b+c@sub.example.co.uk", TOPIC)),
        *((it, False) for it in ("team", "a b@c.d", "a@", "None", "arn:aws:s3:::b", "arn:a@b")),
    ],
)
def test_target_is_checked(target: str, *, allowed: bool) -> None:
    """What can be neither an address nor a topic is refused before anything is made."""
    pattern = parameters()["AlarmTarget"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, target)) is allowed


def test_alarms_are_documented() -> None:
    """operations.md says what each alarm means, and the table of costs counts them."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = {
        name
        for cell in re.findall(r"^\| ([A-Z][\w, ]*) \|", text, re.MULTILINE)
        for name in cell.split(", ")
    }
    stacks = [alarms_of(Stack(Ingress=ingress)) for ingress in INGRESSES]
    every = [*stacks, alarms_of(Stack(CreateTags="true"))]
    assert {name.removesuffix("Alarm") for alarms in every for name in alarms} <= rows
    largest = max(stacks, key=len)
    metrics = sum(len(metrics_of(alarm)) for alarm in largest.values())
    assert f"| alarms | {len(largest)}, which watch {metrics} metrics |" in text


def test_alarms_and_dashboard_can_be_left_out() -> None:
    """Without alarms there is no metric filter either."""
    stack = Stack(AlarmTarget="none", CreateDashboard="false", CreateTags="true")
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
        assert set(dimensions.values()) <= {
            *(*stack.resources, "failed", *Reason),
            *(DropReason.DUPLICATE, DropReason.RELABEL),
        }


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


def test_dashboard_shows_every_reason() -> None:
    """The dashboard has rejected samples by reason, as many as there are."""
    watched = list(shown(Stack()))
    reasons = [d["Reason"] for _, metric, d in watched if metric == "SamplesRejected"]
    assert reasons == list(Reason)
