"""What the function writes: log lines with their keys, one line a delivery, EMF metrics."""

import hashlib
from typing import Any

import pytest

from handler.account import Sent
from handler.clock import Clock
from handler.conversion import new_converter
from handler.delivery import CommonAttributes, Delivery
from handler.result import DeliveryResult
from handler.settings import read_settings
from handler.telemetry import Telemetry, token_id
from testing.events import ingresses
from testing.events.firehose import STREAM_ARN
from testing.events.fleet import END_MS, MONITORING_ACCOUNT
from testing.http_server import Reply
from testing.lambda_context import LambdaContext
from testing.receiver import Receiver
from testing.replies import refusing, sequence
from tests.support import otlp_building
from tests.support.invoking import (
    ACCESS_KEY,
    REAL_TIME,
    REQUEST_ID,
    deliver,
    delivery,
    delivery_of,
    function_for,
    invoke,
    json_lines,
    point,
    points,
    record_of,
    settings_for,
)
from tests.support.otlp_building import SummaryPoint
from tests.support.stand_in_client import URL

KEYS = ("firehose_request_id", "source_arn", "account", "lambda_request_id", "token_id")
COUNTS = (
    "Records",
    "DataPoints",
    "SamplesSent",
    "SamplesRejected",
    "PointsDropped",
    "MalformedRecords",
    "ListenerRetries",
)
UNITS = dict.fromkeys(COUNTS, "Count") | {
    "DeliveryMilliseconds": "Milliseconds",
    "OldestPointAgeSeconds": "Seconds",
}
CONTEXT = LambdaContext(REAL_TIME.monotonic() + 3600, REAL_TIME.monotonic, "lambda-request-1")
Capture = pytest.CaptureFixture[str]


def split(capture: Capture) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the log lines and the EMF documents; nothing goes to standard error."""
    captured = capture.readouterr()
    assert captured.err == ""
    lines = json_lines(captured.out)
    documents = [line for line in lines if "_aws" in line]
    return [line for line in lines if "_aws" not in line], documents


def test_every_line_carries_the_five_keys(capsys: Capture) -> None:
    """Each line of a delivery names request, stream, account, invocation and token."""
    event = delivery(record_of([point("a"), point("b")]), b"\xff")
    event["headers"]["x-amz-firehose-common-attributes"] = "broken"
    deliver(refusing(lambda labels, _: labels["host"] == "a"), event, context=CONTEXT)
    lines, _ = split(capsys)
    assert {line["level"] for line in lines} == {"INFO", "WARNING", "ERROR"}
    assert len(lines) >= 4
    expected = (REQUEST_ID, STREAM_ARN, MONITORING_ACCOUNT, "lambda-request-1")
    digest = hashlib.sha256(ACCESS_KEY.encode()).hexdigest()
    for line in lines:
        assert tuple(line[key] for key in KEYS) == (*expected, digest[:8])


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (delivery_of(points(1), access_key=None), 400),
        (delivery_of(points(1)) | {"body": "{"}, 400),
        ({}, 400),
        (delivery_of(points(1)), 500),
    ],
    ids=["no key", "no JSON", "unknown", "settings"],
)
def test_refused_delivery_has_the_keys_too(event: Any, status: int, capsys: Capture) -> None:
    """A line about a delivery that was refused has all keys, empty where nothing is known."""
    function = function_for("nonsense" if status == 500 else "https://listener.example.com")
    assert invoke(function, event, CONTEXT).status == status
    lines, documents = split(capsys)
    assert documents == []
    (line,) = lines
    assert set(KEYS) <= line.keys()
    assert (line["level"], line["status"]) == ("ERROR", status)
    assert line["lambda_request_id"] == "lambda-request-1"
    assert line["source_arn"] == (STREAM_ARN if event else "")


def test_nothing_leaks_into_the_next_delivery(capsys: Capture) -> None:
    """No key of one delivery is in a line of the next one, and no reason in its metrics."""
    with Receiver() as receiver:
        function = function_for(receiver.url)
        invoke(function, delivery(record_of(points(1)), record_of(points(1))), CONTEXT)
        split(capsys)
        invoke(function, delivery_of(points(1), access_key=None))
        event = delivery_of(points(1), access_key="another")
        del event["headers"]["x-amz-firehose-source-arn"]
        invoke(function, event)
    (refused, delivered), (document,) = split(capsys)
    assert (refused["token_id"], refused["lambda_request_id"]) == ("", "")
    assert delivered["token_id"] == hashlib.sha256(b"another").hexdigest()[:8]
    assert (delivered["source_arn"], delivered["account"]) == ("", "")
    assert "Reason" not in document


def test_token_id_is_the_beginning_of_a_digest() -> None:
    """A token is logged as the first 8 hex digits of its SHA-256, and no token as nothing."""
    assert token_id("abc") == "ba7816bf"
    assert token_id(None) == token_id("") == ""


def test_one_line_for_a_delivery(capsys: Capture) -> None:
    """One line of a delivery adds up its numbers."""
    late = point("late", end_ms=END_MS - 26 * 3_600_000)
    event = delivery(record_of(points(3)), record_of([point("h0001"), late]), b"\xff")
    replies = sequence([Reply(503), Reply(), Reply()])
    _, receiver = deliver(replies, event, {"REMOTE_WRITE_CONCURRENCY": "1"})
    lines, _ = split(capsys)
    (line,) = (line for line in lines if line["message"] == "delivery")
    assert line["duration_ms"] > 0
    expected = {
        "level": "INFO",
        "status": 400,
        "records": 3,
        "malformed_records": 1,
        "points": 5,
        "points_dropped": {"duplicate": 1},
        "series": 16,
        "samples": 20,
        "samples_sent": 16,
        "samples_rejected": 0,
        "samples_rejected_by_reason": {},
        "settled_unknown": 0,
        "samples_dropped": {"duplicate": 4},
        "samples_undelivered": 0,
        "bytes": sum(len(r.body) for r in receiver.requests if r.accepted),
        "requests": 3,
        "retries": 1,
    }
    assert {key: line[key] for key in expected} == expected


def check_document(document: dict[str, Any]) -> dict[str, str]:
    """Check an EMF document against its specification; return its metrics' units."""
    root = document["_aws"]
    assert root.keys() == {"Timestamp", "CloudWatchMetrics"}
    assert type(root["Timestamp"]) is int
    (directive,) = root["CloudWatchMetrics"]
    assert directive["Namespace"] == "MetricStreamLambda"
    (dimensions,) = directive["Dimensions"]
    assert all(isinstance(document[name], str) and document[name] for name in dimensions)
    units = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
    for name in units:
        values = document[name] if isinstance(document[name], list) else [document[name]]
        assert all(isinstance(value, int | float) for value in values)
    assert document.keys() == {"_aws", *dimensions, *units}
    return units


def test_metrics_of_a_delivery(capsys: Capture) -> None:
    """A delivery writes every metric of the contract once, in valid EMF."""
    event = delivery(record_of(points(3)), record_of([point("h0000")]), b"\xff")
    name = {"AWS_LAMBDA_FUNCTION_NAME": "my-function"}
    deliver(refusing(lambda labels, _: labels["host"] == "h0001"), event, name)
    _, documents = split(capsys)
    units = [check_document(document) for document in documents]
    (document,) = (document for document in documents if "Reason" not in document)
    assert units[documents.index(document)] == UNITS
    assert document["FunctionName"] == "my-function"
    assert {name: document[name] for name in COUNTS} == {
        "Records": [3],
        "DataPoints": [4],
        "SamplesSent": [8],
        "SamplesRejected": [4],
        "PointsDropped": [1],
        "MalformedRecords": [1],
        "ListenerRetries": [0],
    }
    by_reason = [d for d in documents if "Reason" in d]
    assert [(d["Reason"], d["PointsDropped"]) for d in by_reason if "PointsDropped" in d] == [
        ("duplicate", [1])
    ]
    (rejected,) = (d for d in by_reason if "SamplesRejected" in d)
    assert rejected["SamplesRejected"] == [4]


def test_rejected_samples_are_counted_by_reason(capsys: Capture) -> None:
    """Each reason has a document and a place in the delivery's line; their sum is the total."""
    by_reason = {"superseded": 7, "limit": 2, "other": 1}
    sent = Sent(
        accepted=20,
        undelivered=0,
        requests=3,
        retries=0,
        bytes=9,
        failures=(),
        refusals=(),
        rejected_by_reason=by_reason,
        settled_unknown=12,
    )
    delivered = Delivery("id", STREAM_ARN, CommonAttributes(), (), None)
    conversion = new_converter(read_settings(settings_for(URL))).convert(
        [], p8s_logzio_name="p", delivered_ms=None, check_deadline=lambda: None
    )
    telemetry = Telemetry(settings_for(URL))
    with telemetry.delivery():
        telemetry.report(delivered, conversion, sent, DeliveryResult(200), 1.0, END_MS / 1000)
    (line,), documents = split(capsys)
    assert (line["samples_rejected"], line["samples_rejected_by_reason"]) == (10, by_reason)
    assert line["settled_unknown"] == 12
    for document in documents:
        check_document(document)
    rejected = [(d.get("Reason"), d["SamplesRejected"]) for d in documents]
    assert rejected == [(None, [10]), ("superseded", [7]), ("limit", [2]), ("other", [1])]


def test_age_of_the_oldest_point(capsys: Capture) -> None:
    """The age of the oldest point is that at the time of the delivery."""
    clock = Clock(REAL_TIME.monotonic, lambda: END_MS / 1000 + 90, lambda _ceiling: 0.0)
    deliver(event=delivery_of([point("a"), point("b", periods_ago=2)]), clock=clock)
    _, (document,) = split(capsys)
    assert document["OldestPointAgeSeconds"] == [210]


def test_delivery_without_points_has_no_oldest(capsys: Capture) -> None:
    """Without points there is no age, and the other metrics are there."""
    deliver(event=delivery())
    _, (document,) = split(capsys)
    assert check_document(document) == {
        name: unit for name, unit in UNITS.items() if name != "OldestPointAgeSeconds"
    }


def test_warnings_are_logged_once(capsys: Capture) -> None:
    """A warning about settings is logged once, and one about colliding series once a metric."""
    with Receiver() as receiver:
        function = function_for(receiver.url)
        for _ in range(3):
            invoke(function, delivery_of([point("a"), point("A", value=9.0)]))
    lines, documents = split(capsys)
    assert sum("http://" in line["message"] for line in lines) == 1
    (warning,) = (line for line in lines if "LABEL_VALUE_CASE" in line["message"])
    assert "requests" in warning["metric"]
    reasons = [d["Reason"] for d in documents if "Reason" in d]
    assert reasons == ["case_collision"] * 3


_DIMENSIONS = tuple((f"k{n:02}", "v") for n in range(24))


@pytest.mark.parametrize(
    ("metrics", "settings", "words", "line", "metric"),
    [
        (
            [SummaryPoint(unit="s"), SummaryPoint(unit="ms")],
            {},
            "UNIT_LABEL=true",
            {"points_dropped": {"unit_conflict": 1}, "samples_dropped": {"unit_conflict": 4}},
            {"PointsDropped": [1]},
        ),
        (
            [SummaryPoint(dimensions=_DIMENSIONS)],
            {},
            "more than 30 labels",
            {"attributes_left_out": 0},
            {},
        ),
        (
            [SummaryPoint(dimensions=_DIMENSIONS)],
            {"MAX_LABELS": "20"},
            "more than MAX_LABELS",
            {"attributes_left_out": 12, "points_dropped": {}},
            {"AttributesLeftOut": [12], "PointsDropped": [0]},
        ),
    ],
    ids=["units", "many labels", "attributes left out"],
)
def test_metrics_are_named_once_and_counted_each_time(
    metrics: list[SummaryPoint],
    settings: dict[str, str],
    words: str,
    line: dict[str, Any],
    metric: dict[str, list[int]],
    capsys: Capture,
) -> None:
    """One warning in the life of an instance names the metric and the setting; counts go on."""
    with Receiver() as receiver:
        function = function_for(receiver.url, **settings)
        for _ in range(3):
            invoke(function, delivery(otlp_building.deliver(metrics)))
    lines, documents = split(capsys)
    (warning,) = (line for line in lines if words in line["message"])
    assert (warning["level"], warning["metric"]) == ("WARNING", "aws_ec2_cpuutilization")
    found = [line for line in lines if line["message"] == "delivery"]
    assert [{key: one[key] for key in line} for one in found] == [line] * 3
    totals = [document for document in documents if "Reason" not in document]
    assert [{name: one[name] for name in metric} for one in totals] == [metric] * 3
    assert ("AttributesLeftOut" in totals[0]) is ("AttributesLeftOut" in metric)


def test_at_most_a_hundred_metrics_are_named(capsys: Capture) -> None:
    """Warnings about metrics are bounded in the life of an instance, for each reason."""
    metrics = [
        SummaryPoint(metric_name=f"m{n}", dimensions=_DIMENSIONS, unit=unit)
        for n in range(110)
        for unit in ("s", "ms")
    ]
    with Receiver() as receiver:
        function = function_for(receiver.url)
        for _ in range(2):
            invoke(function, delivery(otlp_building.deliver(metrics)))
    lines, _ = split(capsys)
    assert len([line for line in lines if "UNIT_LABEL" in line["message"]]) == 100
    assert len([line for line in lines if "MAX_LABELS" in line["message"]]) == 100


@pytest.mark.parametrize(("level", "lines"), [("DEBUG", 2), ("warning", 1), ("ERROR", 0)])
def test_log_level(level: str, lines: int, capsys: Capture) -> None:
    """POWERTOOLS_LOG_LEVEL decides which lines are written; metrics are no lines."""
    deliver(settings={"POWERTOOLS_LOG_LEVEL": level})
    written, documents = split(capsys)
    assert (len(written), len(documents)) == (lines, 1)


def test_keys_of_a_transformation(capsys: Capture) -> None:
    """A transformation's lines carry its invocation's id and its stream."""
    with Receiver() as receiver:
        function = function_for(receiver.url, LOGZIO_METRICS_TOKEN="own")
        event = ingresses.transformation([record_of(points(1))])
        function(event, CONTEXT)
    lines, _ = split(capsys)
    line = lines[-1]
    assert line["firehose_request_id"] == event["invocationId"]
    assert (line["source_arn"], line["account"]) == (STREAM_ARN, MONITORING_ACCOUNT)
    assert line["token_id"] == hashlib.sha256(b"own").hexdigest()[:8]


def test_service_is_no_dimension(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The name of the service is in the log lines alone: alarms have FunctionName only."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "renamed")
    deliver(settings={"POWERTOOLS_SERVICE_NAME": "renamed", "AWS_LAMBDA_FUNCTION_NAME": "f"})
    lines = json_lines(capfd.readouterr().out)
    assert {line["service"] for line in lines if "_aws" not in line} == {"renamed"}
    (document,) = (line for line in lines if "_aws" in line)
    assert document["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["FunctionName"]]
