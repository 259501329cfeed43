"""The whole sweep: from the tagging API to the listener, and to the object of the last sweep."""

import json
import math
import os

import pytest

from tags import app
from testing.lambda_context import LambdaContext
from testing.object_store import ObjectStore
from testing.otlp_receiver import OtlpReceiver
from testing.tagging_api import OWN_ACCOUNT, Fleet, TaggingApi
from tests.support.invoking import json_lines, settings_for
from tests.support.sweeping import TOKEN, Listener, SweepingFunction, values_of
from tests.support.tag_reading import FUNCTION_ARN, instance

_QUEUE = f"arn:aws:sqs:eu-central-1:{OWN_ACCOUNT}:Jobs"
_OBJECT = "/bucket/tags/sweep.jsonl.gz"


@pytest.fixture(autouse=True)
def _new_function() -> None:
    """Forget the function of the last test."""
    app._function.cache_clear()


def _own(*resources: tuple[str, dict[str, str]]) -> dict[str, Fleet]:
    return {OWN_ACCOUNT: Fleet(resources)}


def test_one_sweep(aws: TaggingApi, listener: Listener) -> None:
    """Each resource with tags and a kind has a sample, and the account adds up."""
    other = f"arn:aws:nothing:eu-central-1:{OWN_ACCOUNT}:x"
    api = "arn:aws:apigateway:eu-central-1::/restapis/a1"
    without = [
        (instance(2), {}),
        (other, {"Team": "c"}),
        (api, {"Team": "d"}),
        ("no-arn", {"T": "e"}),
    ]
    aws.fleets = _own((instance(1), {"Team": "a"}), (_QUEUE, {"Team": "b"}), *without)
    swept = SweepingFunction(listener.url).sweep()
    assert values_of(listener) == {instance(1): [1.0], _QUEUE: [1.0]}
    assert swept.result["samples"] == swept.result["samples_sent"] == 2
    assert swept.result["resources_without_kind"] == {"nothing": 1}
    assert swept.result["resources_without_name"] == swept.result["resources_damaged"] == 1
    assert (swept.metric("TagsSent"), swept.metric("TagResources")) == (2, 2)
    (line,) = (line for line in swept.lines if line.get("message") == "sweep")
    assert line.items() >= swept.result.items()
    assert line["lambda_request_id"] == "00000000-0000-4000-8000-000000000000"


def test_labels_and_token(aws: TaggingApi, listener: Listener) -> None:
    """Settings of the receiver name the series, and its token authenticates the requests."""
    aws.fleets = _own((instance(1), {"Team": "Blue"}))
    changed = {"NAMING_PROFILE": "yace", "EXTERNAL_LABELS": '{"env":"prod"}', "MAX_LABELS": "10"}
    SweepingFunction(listener.url, SETTINGS=json.dumps(changed)).sweep()
    (labels,) = map(dict, listener.accepted_samples())
    assert labels == {
        "__name__": "aws_ec2_info",
        "account_id": OWN_ACCOUNT,
        "dimension_InstanceId": "i-1",
        "env": "prod",
        "job": "yace",
        "name": instance(1),
        "region": "eu-central-1",
        "tag_Team": "Blue",
    }
    assert {it.headers["authorization"] for it in listener.requests} == {f"Bearer {TOKEN}"}


def test_relabelling(aws: TaggingApi, listener: Listener) -> None:
    """WRITE_RELABEL_CONFIGS changes and drops info series; what it drops is counted."""
    aws.fleets = _own((instance(1), {"Team": "a"}), (_QUEUE, {"Team": "b"}))
    rules = [
        {"source_labels": ["namespace"], "regex": "aws/sqs", "action": "drop"},
        {"source_labels": ["tag_team"], "target_label": "owner"},
    ]
    swept = SweepingFunction(listener.url, WRITE_RELABEL_CONFIGS=json.dumps(rules)).sweep()
    (labels,) = map(dict, listener.accepted_samples())
    assert labels["owner"] == "a"
    assert swept.result["samples_dropped"] == {"relabel": 1}
    assert (swept.metric("TagsSent"), swept.metric("TagErrors")) == (1, 0)


def test_metadata(aws: TaggingApi, listener: Listener) -> None:
    """A listener of remote write 1.0 gets type and help once an hour."""
    aws.fleets = _own((instance(1), {"Team": "a"}))
    function = SweepingFunction(listener.url, SEND_METADATA="true")
    function.sweep()
    function.sweep()
    (metadata,) = (it.request.metadata for it in listener.requests if it.request.metadata)
    assert [(it.metric_family_name, it.type) for it in metadata] == [("aws_resource_info", 2)]
    assert metadata[0].help


def test_remote_write_2(aws: TaggingApi, listener: Listener) -> None:
    """A listener of remote write 2.0 gets it, with the metadata in it."""
    aws.fleets = _own((instance(1), {"Team": "a"}))
    message = "io.prometheus.write.v2.Request"
    SweepingFunction(listener.url, REMOTE_WRITE_PROTOBUF_MESSAGE=message).sweep()
    (received,) = listener.requests
    assert received.request_2_0 is not None
    (series,) = received.request_2_0.timeseries
    assert series.metadata.type == 2
    assert values_of(listener) == {instance(1): [1.0]}


def test_otlp_endpoint(aws: TaggingApi, store: ObjectStore) -> None:
    """An OTLP endpoint gets gauges with AWS's own names, and markers for series that ended."""
    aws.fleets = _own((instance(1), {"Team": "Blue"}))
    with OtlpReceiver() as receiver:
        function = SweepingFunction(
            "",
            LOGZIO_METRICS_LISTENER="",
            LISTENER_TIMEOUT_SECONDS="",
            OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=receiver.url,
            BACKUP_BUCKET="bucket",
        )
        assert function.sweep().metric("TagsSent") == 1
        aws.fleets = _own()
        assert function.sweep().result["stale_markers_sent"] == 1
        assert len(store.objects) == 1
        requests = [it.request for it in receiver.requests]
    metrics = [it.resource_metrics[0].scope_metrics[0].metrics[0] for it in requests]
    points = [metric.gauge.data_points[0] for metric in metrics]
    assert [point.flags for point in points] == [0, 1]
    for point in points:
        found = {it.key: it.value.string_value for it in point.attributes}
        own = {"InstanceId": "i-1", "Namespace": "AWS/EC2"}
        assert found == {**own, "arn": instance(1), "tag_Team": "Blue"}


def test_global_resources(aws: TaggingApi, listener: Listener) -> None:
    """Global resources have series only in the region that has their metrics."""
    aws.fleets = _own((f"arn:aws:cloudfront::{OWN_ACCOUNT}:distribution/E1", {"Team": "a"}))
    swept = SweepingFunction(listener.url).sweep()
    assert swept.result["resources_elsewhere"] == 1
    function = SweepingFunction(listener.url)
    function.arn = FUNCTION_ARN.replace("eu-central-1", "us-east-1")
    assert function.sweep().metric("TagsSent") == 1
    (labels,) = map(dict, listener.accepted_samples())
    assert (labels["account"], labels["region"]) == (OWN_ACCOUNT, "us-east-1")


def test_ended_series(aws: TaggingApi, listener: Listener, store: ObjectStore) -> None:
    """A changed tag and a resource that is gone end a series, with one stale marker each."""
    function = SweepingFunction(listener.url, BACKUP_BUCKET="bucket")
    aws.fleets = _own(*((instance(n), {"Team": "a"}) for n in (1, 2, 3)))
    # The longest that TagRefreshMinutes allows, and a late start.
    function.sweep(later=3_660)
    aws.fleets = _own((instance(1), {"Team": "a"}), (instance(2), {"Team": "b"}))
    second, third = function.sweep(), function.sweep()
    assert [it.result["stale_markers_sent"] for it in (second, third)] == [2, 0]
    assert (second.metric("TagsSent"), second.result["samples_sent"]) == (2, 4)
    values = values_of(listener, "tag_team")
    assert values["b"] == [1.0, 1.0]
    assert sum(map(math.isnan, values["a"])) == 2
    assert list(store.objects) == [_OBJECT]
    assert second.errors == third.errors == []


def test_time_of_a_sweep(aws: TaggingApi, listener: Listener, store: ObjectStore) -> None:
    """All samples of a sweep have the time at which it began, markers too."""
    function = SweepingFunction(listener.url, BACKUP_BUCKET="bucket")
    times = []
    for team in ("a", "b"):
        aws.fleets = _own((instance(1), {"Team": team}), (_QUEUE, {"Team": team}))
        times.append(int(function.now * 1000))
        function.sweep()
    found = {time for samples in listener.accepted_samples().values() for time, _ in samples}
    assert sorted(found) == times
    assert store.objects


def _invoke(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    context = LambdaContext.starting_now(240.0)
    return app.lambda_handler({}, context)


def test_handler(
    aws: TaggingApi,
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Lambda's entry reads the environment of the process and the time that is left."""
    aws.fleets = _own((instance(1), {"Team": "a"}))
    environ = settings_for(listener.url, LOGZIO_METRICS_TOKEN=TOKEN, AWS_LAMBDA_FUNCTION_NAME="t")
    assert _invoke(environ, monkeypatch)["samples_sent"] == 1
    (metrics,) = (line for line in json_lines(capsys.readouterr().out) if "_aws" in line)
    assert (metrics["FunctionName"], metrics["TagsSent"]) == ("t", [1.0])


def test_next_invocation(
    aws: TaggingApi, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The function keeps what it knows, although each invocation has a trace ID of its own."""
    aws.fleets = _own((instance(1), {"Team": "a"}))
    environ = settings_for(listener.url, LOGZIO_METRICS_TOKEN=TOKEN, SEND_METADATA="true")
    for trace in ("Root=1-1", "Root=1-2"):
        _invoke(environ | {"_X_AMZN_TRACE_ID": trace}, monkeypatch)
    assert sum(bool(it.request.metadata) for it in listener.requests) == 1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"LOGZIO_METRICS_TOKEN": ""}, "there is no token"),
        ({"REMOTE_WRITE_AUTH": TOKEN}, "REMOTE_WRITE_AUTH"),
        ({"TAG_FILTERS": "[]"}, "TAG_FILTERS"),
        ({"TAG_ROLE_ARNS": TOKEN}, "TAG_ROLE_ARNS"),
        ({"LOGZIO_METRICS_TOKEN_ARN": "arn:aws:ssm:eu-central-1:1:parameter/x"}, "TOKEN_ARN"),
    ],
)
def test_wrong_settings(
    changed: dict[str, str],
    message: str,
    aws: TaggingApi,
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What is wrong is returned, logged without secrets, and counted; nothing is raised."""
    aws.fleets = _own((instance(1), {"Team": "a"}))
    environ = settings_for(listener.url, LOGZIO_METRICS_TOKEN=TOKEN) | changed
    assert message in str(_invoke(environ, monkeypatch)["error"])
    output = capsys.readouterr().out
    lines = json_lines(output)
    assert message in next(line["message"] for line in lines if line.get("level") == "ERROR")
    assert [line["TagErrors"] for line in lines if "_aws" in line] == [[1.0]]
    assert TOKEN not in output
    assert not listener.requests


@pytest.mark.usefixtures("aws")
def test_unforeseen_error(
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whatever is raised is logged without its text, and counted."""

    def fail(*_: object) -> None:
        raise RuntimeError(TOKEN)

    monkeypatch.setattr(app, "read_accounts", fail)
    environ = settings_for(listener.url, LOGZIO_METRICS_TOKEN=TOKEN)
    assert _invoke(environ, monkeypatch) == {"error": "unforeseen error"}
    output = capsys.readouterr().out
    assert "in _sweep" in output
    assert TOKEN not in output
    assert os.environ["LOGZIO_METRICS_TOKEN"] == TOKEN
