"""The layer with the extension under the real Runtime Interface Emulator, in both of its modes."""

import json
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from testing.emulator import HANDLER, PROJECT, Emulator, FunctionError
from testing.events.firehose import ACCESS_KEY
from testing.log_destinations.destination import NotArrivedError
from testing.log_destinations.log_table import row_of
from testing.log_destinations.logzio import LogzioDestination
from testing.log_destinations.openobserve import OpenObserveDestination
from testing.ports import free_port
from testing.receiver import Receiver
from tests.support.sandbox import Files, run_sandbox, terminate
from tools.layer import fill

OWN = "metric-stream-logs: "
# A minimal runtime that handles one event after the other, and logs a line for each.
RUNTIME = """\
#!/var/lang/bin/python3 -I
import http.client, os

connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    connection.request("GET", "/2018-06-01/runtime/invocation/next")
    reply = connection.getresponse()
    event, work = reply.read(), reply.headers["Lambda-Runtime-Aws-Request-Id"]
    print(f"handled {event.decode()} as {work}", flush=True)
    path = f"/2018-06-01/runtime/invocation/{work}/response"
    connection.request("POST", path, event)
    connection.getresponse().read()
"""
REAL_FUNCTION = f"""\
#!/bin/sh
cd {PROJECT} && exec /var/lang/bin/python3 -m awslambdaric {HANDLER}
"""


@pytest.fixture
def logzio() -> Iterator[LogzioDestination]:
    """Run a Logz.io."""
    with LogzioDestination() as running:
        yield running


def files(folder: Path, bootstrap: str, *, layer: bool = True) -> Files:
    """Put a function, and the layer or an empty one, into an empty folder."""
    made = Files(folder / "layer", folder / "task")
    (made.layer / "extensions").mkdir(parents=True)
    if layer:
        fill(made.layer)
    made.task.mkdir()
    program = made.task / "bootstrap"
    program.write_text(bootstrap, encoding="utf-8")
    program.chmod(0o755)
    return made


def arrives(attempt: Callable[[Path], None], folder: Path) -> None:
    """Run a test in a sandbox, and once more in another one if nothing arrives in a minute.

    Twice in some hundred starts, and only while the machine was busy, the emulator delivered no
    telemetry, or none after the first. Its output, which the report of a test shows, may say why.
    """
    try:
        attempt(folder / "1")
    except NotArrivedError as error:
        output = (folder / "1" / "emulator.log").read_text(errors="replace")
        sys.stderr.write(f"{error}; the emulator's output:\n{output}")
        attempt(folder / "2")


def own_lines(output: str) -> list[str]:
    """Return the extension's own lines, among those of all processes."""
    return [line for line in output.splitlines() if line.startswith(OWN)]


def ended(emulator: Emulator) -> str:
    """End the environment, in which the extension ends by itself; return all output."""
    output = terminate(emulator)
    # The emulator reports an extension that it kills two seconds after SHUTDOWN.
    assert not [it for it in output.splitlines() if "SIGKILL" in it and "extension-" in it]
    return output


def without_time(response: Any) -> Any:
    """Return a function's response without the time in its body."""
    body = json.loads(response["body"])
    return {**response, "body": {name: body[name] for name in body if name != "timestamp"}}


class TestClassic:
    """On demand, without a Telemetry API."""

    def responses(
        self, folder: Path, environ: dict[str, str], *, layer: bool
    ) -> tuple[list[Any], str]:
        """Return the real function's responses to two equal events, and all output."""
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
                responses = [emulator.invoke(event) for _ in range(2)]
                return [without_time(it) for it in responses], ended(emulator)

    def test_function_is_not_affected(self, tmp_path: Path, logzio: LogzioDestination) -> None:
        """Telemetry is answered with 202: the function responds as without the extension."""
        alone, _ = self.responses(tmp_path / "alone", {}, layer=False)
        environ = {**logzio.environment, "RECEIVER_PORT": str(free_port())}
        beside, output = self.responses(tmp_path / "beside", environ, layer=True)
        assert alone[0]["statusCode"] == 200
        assert beside == alone
        (line,) = own_lines(output)
        assert "no logs are shipped: there is no Telemetry API here (202)" in line
        assert logzio.connections == 0

    def test_malformed_settings(self, tmp_path: Path) -> None:
        """The same holds where the extension has no valid setting."""
        environ = {"LOGS_DESTINATION": "x", "LOGS_TIMEOUT_MS": "y"}
        responses, output = self.responses(tmp_path / "beside", environ, layer=True)
        assert [it["statusCode"] for it in responses] == [200, 200]
        assert len(own_lines(output)) == 3


class TestManagedInstances:
    """Where the emulator has a Telemetry API, and delivers what the function writes."""

    def sandbox(
        self, folder: Path, environ: Mapping[str, str], **more: str
    ) -> AbstractContextManager[Emulator]:
        """Run the layer beside the minimal runtime."""
        folder.mkdir(exist_ok=True)
        variables = {**environ, "RECEIVER_PORT": str(free_port()), **more}
        return run_sandbox(folder, files(folder, RUNTIME), variables, managed_instances=True)

    def invoke(self, emulator: Emulator, event: Any) -> Any:
        """Invoke the function, repeatedly while its only runtime is not ready for more work."""
        until = time.monotonic() + 60
        while True:
            try:
                answer = emulator.invoke(event)
            except FunctionError as error:
                answer = {"errorType": str(error)}
            if "errorType" not in answer or time.monotonic() > until:
                return answer

    def test_lines_arrive(self, tmp_path: Path) -> None:
        """What the function prints arrives at the destination, and SHUTDOWN ends it well."""
        arrives(self.lines_arrive, tmp_path)

    def lines_arrive(self, folder: Path) -> None:
        """Run the test in a folder."""
        debug = {"EXTENSION_LOG_LEVEL": "debug"}
        with (
            LogzioDestination() as logzio,
            self.sandbox(folder, logzio.environment, **debug) as emulator,
        ):
            events = [{"n": number} for number in range(5)]
            assert [self.invoke(emulator, event) for event in events] == events
            logzio.wait_for(5)
            output = ended(emulator)
        messages = [row_of(record).message for record in logzio.records]
        assert [message.split(" as ")[0] for message in messages] == [
            f'handled {{"n": {number}}}' for number in range(5)
        ]
        assert any("at shutdown: received=5, sent=5, pending=0" in it for it in own_lines(output))
        assert logzio.violations == []

    def test_all_types_in_silence(self, tmp_path: Path) -> None:
        """The platform's records arrive too, with their request ids; the extension logs nothing."""
        arrives(self.all_types_in_silence, tmp_path)

    def all_types_in_silence(self, folder: Path) -> None:
        """Run the test in a folder."""
        with (
            OpenObserveDestination() as destination,
            self.sandbox(folder, destination.environment) as emulator,
        ):
            self.invoke(emulator, {"n": 1})
            destination.wait_for(lambda it: "platform.report" in str(it.records))
            assert own_lines(ended(emulator)) == []
            found = {record["type"]: record for record in destination.records}
        request_id = found["function"]["record"].split(" as ")[1].strip()
        assert found["platform.report"]["requestId"] == request_id
        assert {"platform.start", "platform.report", "function"} <= found.keys()

    def test_token_refused(self, tmp_path: Path, logzio: LogzioDestination) -> None:
        """A refused token is logged once, and the function goes on."""
        logzio.token = "another"
        old = {"LOGZIO_LOGS_TOKEN": "old"}
        with self.sandbox(tmp_path, logzio.environment, **old) as emulator:
            self.invoke(emulator, {"n": 1})
            logzio.wait_for(lambda it: any(arrival.status for arrival in it.arrivals))
            assert self.invoke(emulator, {"n": 2}) == {"n": 2}
            lines = own_lines(ended(emulator))
        assert len([line for line in lines if "logzio refuses access" in line]) == 1
        assert len([line for line in lines if "old" in line]) == 0
