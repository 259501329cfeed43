"""The layer with the extension under the real Runtime Interface Emulator, in both of its modes."""

import json
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from testing.emulator import HANDLER, PROJECT, Emulator, FunctionError
from testing.events.firehose import ACCESS_KEY
from testing.log_destinations.log_table import row_of
from testing.log_destinations.logzio import LogzioDestination
from testing.log_destinations.openobserve import OpenObserveDestination
from testing.ports import free_port
from testing.receiver import Receiver
from tests.support.sandbox import Files, run_sandbox, terminate
from tools.layer import fill

OWN = "metric-stream-logs: "
# Stands for a runtime: it handles one event after the other, and logs a line for each.
RUNTIME = """\
#!/var/lang/bin/python3 -I
import http.client, os

connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    connection.request("GET", "/2018-06-01/runtime/invocation/next")
    answer = connection.getresponse()
    event, work = answer.read(), answer.headers["Lambda-Runtime-Aws-Request-Id"]
    print(f"handled {event.decode()} as {work}", flush=True)
    path = f"/2018-06-01/runtime/invocation/{work}/response"
    connection.request("POST", path, event)
    connection.getresponse().read()
"""
REAL_FUNCTION = f"""\
#!/bin/sh
cd {PROJECT} && exec /var/lang/bin/python3 -m awslambdaric {HANDLER}
"""


def files(folder: Path, bootstrap: str, *, layer: bool = True) -> Files:
    """Put the layer, or an empty one, and a function into a folder.

    Args:
        folder: An empty folder.
        bootstrap: What starts the function.
        layer: Whether the extension is there.
    """
    made = Files(folder / "layer", folder / "task")
    (made.layer / "extensions").mkdir(parents=True)
    if layer:
        fill(made.layer)
    made.task.mkdir()
    program = made.task / "bootstrap"
    program.write_text(bootstrap, encoding="utf-8")
    program.chmod(0o755)
    return made


def own_lines(output: str) -> list[str]:
    """Give what the extension said, among everything that all processes wrote."""
    return [line for line in output.splitlines() if line.startswith(OWN)]


class TestClassic:
    """On demand, without a Telemetry API."""

    def answer(self, folder: Path, environ: dict[str, str], *, layer: bool) -> tuple[Any, str]:
        """Give what the real function answers to two equal events, and everything written."""
        folder.mkdir()
        event = json.loads((PROJECT / "events" / "http-api-v2-otlp-1.0.json").read_text())
        with Receiver() as metrics:
            variables = {
                "PYTHONPATH": sysconfig.get_path("purelib"),
                "PYTHONDONTWRITEBYTECODE": "1",
                "LAMBDA_TASK_ROOT": str(PROJECT),
                "LOGZIO_METRICS_LISTENER": metrics.url,
                "LOGZIO_METRICS_TOKEN": "local-token",
                "FIREHOSE_ACCESS_KEY": ACCESS_KEY,
                "LISTENER_ALLOWED_HOSTS": "127.0.0.1",
                **environ,
            }
            made = files(folder, REAL_FUNCTION, layer=layer)
            with run_sandbox(folder, made, variables) as emulator:
                answers = [emulator.invoke(event) for _ in range(2)]
                return [comparable(it) for it in answers], ended(emulator)

    def test_function_is_left_alone(self, tmp_path: Path, logzio: LogzioDestination) -> None:
        """Telemetry is answered with 202: the function answers as without the extension."""
        alone, _ = self.answer(tmp_path / "alone", {}, layer=False)
        environ = {**logzio.environment, "RECEIVER_PORT": str(free_port())}
        beside, output = self.answer(tmp_path / "beside", environ, layer=True)
        assert alone[0]["statusCode"] == 200
        assert beside == alone
        (line,) = own_lines(output)
        assert "no logs are shipped: there is no Telemetry API here (202)" in line
        assert logzio.connections == 0

    def test_malformed_settings(self, tmp_path: Path) -> None:
        """So it does where the extension has no usable setting."""
        answers, output = self.answer(
            tmp_path / "beside", {"LOGS_DESTINATION": "x", "TIMEOUT_MS": "y"}, layer=True
        )
        assert [it["statusCode"] for it in answers] == [200, 200]
        assert len(own_lines(output)) == 3


class TestManagedInstances:
    """Where the emulator has a Telemetry API, and delivers what the function writes."""

    def test_lines_arrive(self, tmp_path: Path, logzio: LogzioDestination) -> None:
        """What the function prints arrives at the destination, and SHUTDOWN ends it well."""
        environ = {
            **logzio.environment,
            "EXTENSION_LOG_LEVEL": "debug",
            "RECEIVER_PORT": str(free_port()),
        }
        made = files(tmp_path, RUNTIME)
        with run_sandbox(tmp_path, made, environ, managed_instances=True) as emulator:
            assert [invoked(emulator, {"n": number}) for number in range(5)] == [
                {"n": number} for number in range(5)
            ]
            logzio.wait_for(5)
            output = ended(emulator)
        told = [row_of(record).message for record in logzio.records]
        assert [line.split(" as ")[0] for line in told] == [
            f'handled {{"n": {number}}}' for number in range(5)
        ]
        assert any("at shutdown: received=5, sent=5, pending=0" in it for it in own_lines(output))
        assert logzio.violations == []

    def test_all_types_in_silence(self, tmp_path: Path) -> None:
        """The platform's records arrive too, with the ids that they name, and nothing is said."""
        made = files(tmp_path, RUNTIME)
        with (
            OpenObserveDestination() as destination,
            run_sandbox(
                tmp_path,
                made,
                {**destination.environment, "RECEIVER_PORT": str(free_port())},
                managed_instances=True,
            ) as emulator,
        ):
            invoked(emulator, {"n": 1})
            destination.wait_for(lambda it: "platform.report" in str(it.records))
            assert own_lines(ended(emulator)) == []
            found = {record["type"]: record for record in destination.records}
        request_id = found["function"]["record"].split(" as ")[1].strip()
        assert found["platform.report"]["requestId"] == request_id
        assert {"platform.start", "platform.report", "function"} <= found.keys()

    def test_token_refused(self, tmp_path: Path, logzio: LogzioDestination) -> None:
        """A refused token is told once, and the function goes on."""
        logzio.token = "another"
        environ = {
            **logzio.environment,
            "LOGZIO_LOGS_TOKEN": "old",
            "RECEIVER_PORT": str(free_port()),
        }
        made = files(tmp_path, RUNTIME)
        with run_sandbox(tmp_path, made, environ, managed_instances=True) as emulator:
            invoked(emulator, {"n": 1})
            logzio.wait_for(lambda it: any(arrival.status for arrival in it.arrivals))
            assert invoked(emulator, {"n": 2}) == {"n": 2}
            said = own_lines(ended(emulator))
        assert len([line for line in said if "logzio refuses the token" in line]) == 1
        assert len([line for line in said if "old" in line]) == 0


@pytest.fixture
def logzio() -> Iterator[LogzioDestination]:
    """Run a Logz.io."""
    with LogzioDestination() as running:
        yield running


def invoked(emulator: Emulator, event: Any) -> Any:
    """Invoke the function, again where its only runtime has not yet asked for more work."""
    until = time.monotonic() + 60
    while True:
        try:
            answer = emulator.invoke(event)
        except FunctionError:
            answer = {"errorType": "not ready"}
        if "errorType" not in answer or time.monotonic() > until:
            return answer


def ended(emulator: Emulator) -> str:
    """End the environment, in which the extension ends by itself; give all that was written."""
    output = terminate(emulator)
    # What the emulator says of an extension that is still there after two seconds.
    assert not [it for it in output.splitlines() if "SIGKILL" in it and "extension-" in it]
    return output


def comparable(answer: Any) -> Any:
    """Give a function's answer without the time that is in its body."""
    body = json.loads(answer["body"])
    return {**answer, "body": {name: body[name] for name in body if name != "timestamp"}}
