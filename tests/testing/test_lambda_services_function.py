"""The fake Lambda services with a function that runs as a process beside an extension."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from testing.lambda_services.faults import Faults, FunctionInfo
from testing.lambda_services.function_process import FunctionProcess
from testing.lambda_services.services import LambdaServices
from tests.support.extension_samples import AT_ONCE, SHUTDOWN_SECONDS, Sample


@pytest.fixture
def services() -> Iterator[LambdaServices]:
    """Run services that deliver without waiting for more."""
    with LambdaServices(platform=AT_ONCE, shutdown_seconds=SHUTDOWN_SECONDS) as running:
        yield running


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    """Give the sample extension."""
    return Sample(tmp_path / "kept")


class TestFunction:
    """A function as a process beside the extension."""

    CODE = (
        "import sys\n"
        "def handle(event, context):\n"
        "    print('got', event, context.aws_request_id)\n"
        "    assert 0 < context.get_remaining_time_in_millis() <= 50000\n"
        "    return {'twice': 2 * event['number']}\n"
    )

    def test_function(self, services: LambdaServices, sample: Sample, tmp_path: Path) -> None:
        """It answers, an error is one, and each line that it writes becomes an event."""
        (tmp_path / "doubling.py").write_text(self.CODE, encoding="utf-8")
        with (
            sample.start(services) as extension,
            FunctionProcess(services, "doubling.handle", {}, folder=tmp_path) as function,
        ):
            function.wait_ready()
            good = services.invoke_function({"number": 21}, 50.0)
            bad = services.invoke_function({}, 50.0)
            extension.shutdown()
            lines = function.lines
        assert json.loads(good.response or b"") == {"twice": 42}
        assert bad.failed
        assert json.loads(bad.response or b"")["errorType"] == "KeyError"
        assert lines[0] == f"got {{'number': 21}} {good.request_id}"
        assert lines[-1] == "KeyError: 'number'"
        assert "".join(sample.records("function")).splitlines() == lines
        statuses = [record["status"] for record in sample.records("platform.runtimeDone")]
        assert statuses == ["success", "error"]

    def test_frozen_function(self, tmp_path: Path) -> None:
        """It is stopped between invocations too."""
        (tmp_path / "doubling.py").write_text(self.CODE, encoding="utf-8")
        with (
            LambdaServices(freeze_between=True) as services,
            FunctionProcess(services, "doubling.handle", {}, folder=tmp_path) as function,
        ):
            function.wait_ready()
            for number in (1, 2):
                done = services.invoke_function({"number": number}, 50.0)
                assert json.loads(done.response or b"") == {"twice": 2 * number}

    def test_no_handler(self, services: LambdaServices, tmp_path: Path) -> None:
        """A handler that cannot be imported is told of."""
        with FunctionProcess(services, "missing.handle", {}, folder=tmp_path) as function:
            with pytest.raises(RuntimeError, match="No module named 'missing'"):
                function.wait_ready()
            assert services.calls.count("/runtime/init/error") == 1


class TestSaid:
    """What the services say about the function."""

    def test_identity(self, sample: Sample) -> None:
        """Name, version, account and ARN are those that were given."""
        about = FunctionInfo(name="mine", account="999999999999", region="eu-west-1")
        with (
            LambdaServices(function=about, faults=Faults()) as services,
            sample.start(services) as running,
        ):
            running.wait_ready()
            (registered,) = services.calls.of("/register")
            assert registered.status == 200
            assert services.environ()["AWS_LAMBDA_FUNCTION_NAME"] == "mine"
            assert about.arn == "arn:aws:lambda:eu-west-1:999999999999:function:mine"
