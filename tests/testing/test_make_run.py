"""The command behind `make run` with a fake function; `tests/end_to_end` has the real one."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import snappy

from converters.schema.remote_write_pb2 import Label, Sample, TimeSeries, WriteRequest
from handler.errors import UndeliveredError
from testing.servers import loopback_session
from tools import run

HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


class FakeFunction:
    """Sends one series with two samples for each delivery."""

    def __init__(self) -> None:
        self.statuses = [200]
        self.result = "Dropped"
        self.metric_name = "cpu"
        self.environments: list[dict[str, str]] = []

    def __call__(self, event: dict[str, Any], _context: Any) -> dict[str, Any]:
        """Return the response that the event's ingress expects."""
        self.environments.append(dict(os.environ))
        samples = [Sample(timestamp=at, value=at) for at in (1, 2)]
        labels = [Label(name="__name__", value=self.metric_name)]
        request = WriteRequest(timeseries=[TimeSeries(labels=labels, samples=samples)])
        body = snappy.compress(request.SerializeToString())
        with loopback_session() as session:
            session.post(os.environ["LOGZIO_METRICS_LISTENER"], data=body, headers=HEADERS)
        if "records" in event and self.result == "the invocation fails":
            raise UndeliveredError("the listener is not available")
        if "records" in event:
            results = [{"recordId": it["recordId"], "data": "x"} for it in event["records"]]
            return {"records": [{**it, "result": self.result} for it in results]}
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if status != 200:
            sys.stdout.write(json.dumps({"level": "ERROR", "message": "not sent"}) + "\n")
        return {"statusCode": status, "body": json.dumps({"errorMessage": ""})}


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeFunction]:
    """Replace the real function; restore the environment afterwards."""
    fake = FakeFunction()
    module = ModuleType("handler.app")
    module.lambda_handler = fake  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "handler.app", module)
    monkeypatch.delenv("TOKEN", raising=False)
    kept = dict(os.environ)
    yield fake
    os.environ.clear()
    os.environ.update(kept)


@pytest.mark.parametrize(
    ("event", "key"),
    [
        ({"headers": {"X-Amz-Firehose-Access-Key": "captured"}}, "captured"),
        ({"multiValueHeaders": {"x-amz-firehose-access-key": ["captured"]}}, "captured"),
        ({"headers": None, "multiValueHeaders": None}, "sample-access-key"),
        ([], "sample-access-key"),
    ],
)
def test_one_event(function: FakeFunction, tmp_path: Path, event: Any, key: str) -> None:
    """One event is sent alone, and its own access key is the expected one."""
    path = tmp_path / "one.json"
    path.write_text(json.dumps(event), encoding="utf-8")
    assert run.main(["--event", str(path)]) == 0
    (environment,) = function.environments
    assert environment["FIREHOSE_ACCESS_KEY"] == key


@pytest.mark.parametrize(
    ("statuses", "result", "metric", "last"),
    [
        ([200, 503, 400, 200], "Ok", "cpu", "HTTP 503: 2 samples in 1 series"),
        ([400], "Dropped", "cpu", "HTTP 400: 2 samples in 1 series"),
        ([200], "ProcessingFailed", "cpu", "HTTP 500: 2 samples in 1 series"),
        ([200], "the invocation fails", "cpu", "HTTP 503: 2 samples in 1 series"),
        ([200], "Dropped", "a/b", "HTTP 200: 0 samples in 0 series"),
    ],
)
def test_failure(
    function: FakeFunction,
    capsys: pytest.CaptureFixture[str],
    statuses: list[int],
    result: str,
    metric: str,
    last: str,
) -> None:
    """The worst status, or a broken rule of remote write, fails the command."""
    function.statuses, function.result, function.metric_name = [*statuses], result, metric
    assert run.main([]) == 1
    output = capsys.readouterr().out
    assert output.splitlines()[-1] == last
    assert ("ERROR not sent" in output) == (statuses != [200])
    assert ("  the listener is not available" in output) == (result == "the invocation fails")
    assert ("remote write: request 1: a metric name must" in output) == (metric == "a/b")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (lambda _: ["--listener", "https://listener.example/"], "TOKEN"),
        (lambda folder: ["--event", str(folder / "missing.json")], "missing.json"),
        (lambda folder: ["--event", str(folder / "text.json")], "text.json is not JSON"),
        (lambda folder: ["--event", str(folder / "bytes.json")], "bytes.json is not JSON"),
    ],
)
def test_usage_error(
    function: FakeFunction,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: Callable[[Path], list[str]],
    words: str,
) -> None:
    """A usage error ends with a sentence and status 2, without an invocation."""
    (tmp_path / "text.json").write_text("key: value", encoding="utf-8")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe")
    assert run.main(arguments(tmp_path)) == 2
    assert words in capsys.readouterr().err
    assert function.environments == []
