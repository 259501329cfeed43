"""The command behind `make run`, with a function of our own in the place of the real one."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import requests
import snappy

from converters.schema.remote_write_pb2 import Label, Sample, TimeSeries, WriteRequest
from tools import run

HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
    "User-Agent": "test/1",
}


class FakeFunction:
    """Sends one series with two samples for each delivery, and tells of it as the real one."""

    def __init__(self) -> None:
        self.statuses = [200]
        self.result = "Dropped"
        self.metric_name = "cpu"
        self.environments: list[dict[str, str]] = []
        self.remaining: list[int] = []

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Answer an event as its ingress wants it."""
        self.environments.append(dict(os.environ))
        self.remaining.append(context.get_remaining_time_in_millis())
        listener = os.environ["LOGZIO_METRICS_LISTENER"]
        if listener.startswith("http://127.0.0.1:"):
            self.send(listener)
        tell({"level": "INFO", "message": "delivered", "series": 1})
        tell({"_aws": {}, "SamplesSent": [2.0]})
        if "records" in event:
            answers = [{"recordId": it["recordId"], "data": "x"} for it in event["records"]]
            return {"records": [{**it, "result": self.result} for it in answers]}
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if status != 200:
            token = os.environ["LOGZIO_METRICS_TOKEN"]
            tell({"level": "ERROR", "message": "not sent", "words": token})
        return {"statusCode": status, "body": json.dumps({"errorMessage": ""})}

    def send(self, listener: str) -> None:
        """Send the series."""
        samples = [Sample(timestamp=at, value=at) for at in (1, 2)]
        labels = [Label(name="__name__", value=self.metric_name)]
        request = WriteRequest(timeseries=[TimeSeries(labels=labels, samples=samples)])
        with requests.Session() as session:
            session.trust_env = False
            body = snappy.compress(request.SerializeToString())
            session.post(listener, data=body, headers=HEADERS, timeout=60)


def tell(line: dict[str, Any]) -> None:
    """Write a line of the function's log, to where its log goes now."""
    sys.stdout.write(json.dumps(line) + "\n")


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeFunction]:
    """Put a fake function in the place of the real one; put the environment back afterwards."""
    fake = FakeFunction()
    module = ModuleType("handler.app")
    module.lambda_handler = fake  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "handler.app", module)
    kept = dict(os.environ)
    yield fake
    os.environ.clear()
    os.environ.update(kept)


def write(path: Path, event: Any) -> str:
    """Write an event to a file; give its path."""
    path.write_text(json.dumps(event), encoding="utf-8")
    return str(path)


def test_all_samples(function: FakeFunction, capsys: pytest.CaptureFixture[str]) -> None:
    """Every good sample is invoked; the same samples of all of them are counted once."""
    assert run.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "HTTP 200: 2 samples in 1 series"
    assert lines[-2] == f"{len(function.environments)} requests, 1 metrics, 1 series, 2 samples"
    assert "rest-v1-otlp-0.7: HTTP 200, 2 samples in 1 series received" in lines
    assert '  {"errorMessage": ""}' in lines
    (transformation,) = (line for line in lines if line.startswith("transformation-otlp-1.0: "))
    assert transformation.endswith(" Dropped, 2 samples in 1 series received")
    assert any(line.split()[:2] == ["cpu", "1970-01-01"] for line in lines)
    assert not any("malformed" in line or "_aws" in line or "delivered" in line for line in lines)


def test_settings(function: FakeFunction, monkeypatch: pytest.MonkeyPatch) -> None:
    """The function is set up for loopback alone, whatever the environment said before."""
    monkeypatch.setenv("LOGZIO_METRICS_TOKEN_ARN", "arn:aws:secretsmanager:x")
    monkeypatch.setenv("LOGZIO_METRICS_TOKEN", "real-token")
    assert run.main([]) == 0
    environment = function.environments[0]
    assert environment["LOGZIO_METRICS_TOKEN"] == "local-token"
    assert environment["FIREHOSE_ACCESS_KEY"] == "sample-access-key"
    assert environment["LISTENER_ALLOWED_HOSTS"] == "127.0.0.1"
    assert "LOGZIO_METRICS_TOKEN_ARN" not in environment
    assert 0 < function.remaining[0] <= 30_000


@pytest.mark.parametrize(
    ("event", "key"),
    [
        ({"headers": {"X-Amz-Firehose-Access-Key": "captured"}}, "captured"),
        ({"headers": {"x-amz-firehose-access-key": "captured"}}, "captured"),
        ({"multiValueHeaders": {"X-Amz-Firehose-Access-Key": ["captured"]}}, "captured"),
        ({"headers": None, "multiValueHeaders": None}, "sample-access-key"),
        ([], "sample-access-key"),
    ],
)
def test_one_event(function: FakeFunction, tmp_path: Path, event: Any, key: str) -> None:
    """One event is invoked alone, with its own access key as the one to expect."""
    assert run.main(["--event", write(tmp_path / "one.json", event)]) == 0
    (environment,) = function.environments
    assert environment["FIREHOSE_ACCESS_KEY"] == key


@pytest.mark.parametrize(
    ("statuses", "result", "worst"),
    [([200, 503, 400, 200], "Ok", 503), ([400], "Dropped", 400), ([200], "ProcessingFailed", 500)],
)
def test_worst_status(
    function: FakeFunction,
    capsys: pytest.CaptureFixture[str],
    statuses: list[int],
    result: str,
    worst: int,
) -> None:
    """The last line has the worst status of all events, and the command fails with it."""
    function.statuses, function.result = statuses, result
    assert run.main([]) == 1
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == f"HTTP {worst}: 2 samples in 1 series"
    assert ("ERROR not sent" in out) == (worst != 500)


def test_broken_rule(
    function: FakeFunction, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A broken rule of remote write is shown, and the command fails whatever was answered."""
    function.metric_name = "a/b"
    assert run.main(["--event", write(tmp_path / "one.json", {})]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "HTTP 200: 0 samples in 0 series"
    assert lines[-2].startswith("remote write: request 1: a metric name must")


def test_listener(
    function: FakeFunction,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A real endpoint gets the token of TOKEN, which is printed nowhere."""
    monkeypatch.setenv("TOKEN", "very-secret")
    function.statuses = [503]
    event = write(tmp_path / "one.json", {})
    assert run.main(["--event", event, "--listener", "https://listener.example/"]) == 1
    (environment,) = function.environments
    assert environment["LOGZIO_METRICS_LISTENER"] == "https://listener.example/"
    assert environment["LOGZIO_METRICS_TOKEN"] == "very-secret"
    captured = capsys.readouterr()
    assert captured.out.splitlines()[-1] == "HTTP 503: 2 samples in 1 series"
    assert "ERROR not sent words=***" in captured.out
    assert "very-secret" not in captured.out + captured.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (lambda _: ["--listener", "https://listener.example/"], "TOKEN"),
        (lambda folder: ["--event", str(folder / "missing.json")], "cannot read an event"),
        (lambda folder: ["--event", str(folder)], "cannot read an event"),
    ],
)
def test_cannot_be_tried(
    function: FakeFunction,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: Callable[[Path], list[str]],
    words: str,
) -> None:
    """What cannot be tried ends with a sentence and status 2, and nothing is invoked."""
    monkeypatch.delenv("TOKEN", raising=False)
    monkeypatch.delenv("REMOTE_WRITE_AUTH", raising=False)
    assert run.main(arguments(tmp_path)) == 2
    assert words in capsys.readouterr().err
    assert function.environments == []
