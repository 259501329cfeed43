"""The fake Lambda services: invocations, processes and faults."""

import http.client
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from testing.emulator import PROJECT
from testing.lambda_services.extension_process import ExtensionProcess
from testing.lambda_services.faults import Failure, Faults, FunctionInfo
from testing.lambda_services.function_process import FunctionProcess
from testing.lambda_services.invocation import Order
from testing.lambda_services.services import LambdaServices
from testing.lambda_services.telemetry_stream import Platform
from testing.log_destinations.datatap import DataTapDestination
from testing.ports import free_port

EXTENSION = "/2020-01-01/extension"
SCHEMAS = ("2022-07-01", "2022-12-13", "2025-01-29")
FUNCTION = """
def handle(event, context):
    print('got', event, context.aws_request_id)
    assert 0 < context.get_remaining_time_in_millis() <= 50000
    return {'twice': 2 * event['number']}
"""


# Registers for the events in its arguments, and stays after SHUTDOWN.
STAYS = f"""#!{sys.executable} -IB
import http.client, json, os, sys, threading
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
def call(method, path, body, headers):
    api.request(method, "{EXTENSION}/" + path, body, headers)
    response = api.getresponse()
    return response.read(), response.headers
body = json.dumps({{"events": os.environ["EVENTS"].split(",")}})
name = {{"Lambda-Extension-Name": os.path.basename(sys.argv[0])}}
_, headers = call("POST", "register", body, name)
identifier = "Lambda-Extension-Identifier"
call("GET", "event/next", None, {{identifier: headers[identifier]}})
threading.Event().wait()
"""
AT_ONCE = Platform(window_seconds=0.0)
PROMPT = 30.0
"""More seconds than anything takes that ends by itself; an invocation may last a minute."""


@pytest.fixture
def services() -> Iterator[LambdaServices]:
    """Run services that deliver at once, and wait long for the end of an extension."""
    with LambdaServices(platform=AT_ONCE, shutdown_seconds=60.0) as running:
        yield running


@pytest.fixture
def tap() -> Iterator[DataTapDestination]:
    """Run a log destination that gets records as the platform made them."""
    with DataTapDestination() as running:
        yield running


@pytest.fixture
def extension(services: LambdaServices, tap: DataTapDestination) -> Iterator[ExtensionProcess]:
    """Run the logs extension, which ships everything to the destination."""
    folder = PROJECT / "extension"
    environ = {
        **tap.environment,
        "TELEMETRY_TYPES": "function,platform",
        "RECEIVER_PORT": str(free_port()),
        "FLUSH_BUDGET_MS": "30000",
    }
    python = (sys.executable, "-I", "-S", folder / "__main__.py")
    with ExtensionProcess(
        services, folder / "metric-stream-logs", environ, python=python
    ) as running:
        running.wait_ready()
        yield running


def executable(path: Path, code: str) -> Path:
    """Write a program."""
    path.write_text(code, encoding="utf-8")
    path.chmod(0o755)
    return path


def records(tap: DataTapDestination, kind: str) -> list[Any]:
    """Return what was logged in the records of a type."""
    return [record["record"] for record in tap.records if record["type"] == kind]


class TestInvocations:
    """Scripted invocations."""

    def test_events_of_an_invocation(
        self, services: LambdaServices, tap: DataTapDestination, extension: ExtensionProcess
    ) -> None:
        """All events of init and invocations come in their order, `report` only after `next`."""
        first = services.invoke(["one\n"])
        second = services.invoke(["two\n"], status="error")
        extension.shutdown()
        invoked = ["platform.start", "function", "platform.runtimeDone"]
        assert [record["type"] for record in tap.records][:12] == [
            *("platform.initStart", "platform.telemetrySubscription"),
            *("platform.extension", "platform.initRuntimeDone", "platform.initReport"),
            *(*invoked, "platform.report", *invoked),
        ]
        ids = [first.request_id, second.request_id]
        for kind in ("platform.start", "platform.runtimeDone"):
            assert [record["requestId"] for record in records(tap, kind)] == ids
        assert records(tap, "platform.report")[0]["requestId"] == ids[0]
        statuses = [record["status"] for record in records(tap, "platform.runtimeDone")]
        assert statuses == ["success", "error"]

    @pytest.mark.parametrize(
        ("order", "expected"),
        [
            ("line-then-done", [["function"], ["platform.runtimeDone"]]),
            ("done-then-line", [["platform.runtimeDone"], ["function"]]),
            ("one-post", [["function", "platform.runtimeDone"]]),
        ],
    )
    @pytest.mark.usefixtures("extension")
    def test_order(self, services: LambdaServices, order: Order, expected: list[list[str]]) -> None:
        """The last line and `runtimeDone` come in the requested deliveries and order."""
        assert services.wait_delivered()
        before = len(services.deliveries)
        services.invoke(["line"], order=order)
        # A line after the end may come while the environment is frozen.
        services.environment.thaw()
        assert services.wait_delivered()
        # What else comes with the two depends on the machine.
        kinds = ("function", "platform.runtimeDone")
        later = [[it for it in post.types if it in kinds] for post in services.deliveries[before:]]
        assert [it for it in later if it][: len(expected)] == expected

    @pytest.mark.usefixtures("extension")
    def test_added_time(self, services: LambdaServices) -> None:
        """`next` is measured from `runtimeDone` on, which comes the gap after the last line."""
        plain = services.invoke(["line"])
        assert services.wait_delivered()
        apart = services.invoke(["line"], gap=0.2, duration=0.1)
        assert plain.next_at is not None
        assert plain.begun < plain.done_at < plain.next_at
        assert apart.done_at - apart.begun >= 0.1
        line, done = (
            next(it for it in services.deliveries if it.begun > apart.begun and kind in it.types)
            for kind in ("function", "platform.runtimeDone")
        )
        assert done.begun - line.ended >= 0.2


class TestProcesses:
    """How processes are started and ended."""

    def test_environment(self, services: LambdaServices, tmp_path: Path) -> None:
        """A file is executed with its full path in `/`, with Lambda's and the given variables."""
        code = "import os, sys; print([sys.argv[0], os.getcwd(), *sorted(os.environ)])"
        script = executable(tmp_path / "print", f"#!{sys.executable} -IB\n{code}\n")
        with ExtensionProcess(services, script, {"MINE": "1", "LC_ALL": "C"}) as process:
            assert process.wait_ended() == 0
            process.close()
        expected = [str(script), "/", *sorted({*services.environ(), "MINE", "LC_ALL"})]
        assert process.output.decode() == f"{expected}\n"

    @pytest.mark.parametrize(("events", "least"), [("INVOKE,SHUTDOWN", 2.0), ("INVOKE", 0.0)])
    def test_killed(self, tmp_path: Path, events: str, least: float) -> None:
        """An extension that still runs 2 s after SHUTDOWN is killed; without SHUTDOWN at once."""
        script = executable(tmp_path / "stays", STAYS)
        with (
            LambdaServices(platform=AT_ONCE) as services,
            ExtensionProcess(services, script, {"EVENTS": events}) as process,
        ):
            process.wait_ready()
            ended = process.shutdown("timeout")
        assert (ended.killed, ended.exit_code) == (True, -9)
        assert least <= ended.seconds < least + PROMPT

    def test_function(
        self,
        services: LambdaServices,
        tap: DataTapDestination,
        extension: ExtensionProcess,
        tmp_path: Path,
    ) -> None:
        """A function returns, or fails, and each line that it prints becomes an event."""
        (tmp_path / "doubling.py").write_text(FUNCTION, encoding="utf-8")
        with FunctionProcess(services, "doubling.handle", {}, folder=tmp_path) as function:
            function.wait_ready()
            good = services.invoke_function({"number": 21}, 50.0)
            bad = services.invoke_function({}, 50.0)
            until = time.monotonic() + PROMPT
            while "KeyError" not in function.lines[-1]:
                assert time.monotonic() < until
                time.sleep(0.01)
            # The extension receives all lines before the end of this invocation.
            services.invoke()
            extension.shutdown()
            lines = function.lines
        assert json.loads(good.response or b"") == {"twice": 42}
        assert bad.failed
        assert json.loads(bad.response or b"")["errorType"] == "KeyError"
        assert lines[0] == f"got {{'number': 21}} {good.request_id}"
        assert lines[-1] == "KeyError: 'number'"
        assert "".join(records(tap, "function")).splitlines() == lines
        statuses = [record["status"] for record in records(tap, "platform.runtimeDone")]
        assert statuses == ["success", "error", "success"]


def call(
    services: LambdaServices, method: str, path: str, body: Any = None, **headers: str
) -> tuple[int | str, Any]:
    """Call the services once; return status and body, or `reset`."""
    connection = http.client.HTTPConnection(services.address, timeout=60)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, path, json.dumps(body), names)
        reply = connection.getresponse()
        content: Any = reply.read()
    except ConnectionResetError:
        return "reset", None
    finally:
        connection.close()
    # The emulator's 400 is text, and not always JSON.
    if reply.headers["Content-Type"] == "application/json":
        content = json.loads(content)
    if "Lambda-Extension-Identifier" in reply.headers:
        content["identifier"] = reply.headers["Lambda-Extension-Identifier"]
    return reply.status, content


def register(services: LambdaServices, *events: str) -> tuple[int | str, Any]:
    """Register an extension."""
    path, body = f"{EXTENSION}/register", {"events": events}
    return call(services, "POST", path, body, Lambda_Extension_Name="here")


def subscribe(services: LambdaServices, *schemas: str) -> list[int | str]:
    """Register, and subscribe with each version of the schema; return the statuses."""
    me = {"Lambda-Extension-Identifier": register(services)[1]["identifier"]}
    destination = {"protocol": "HTTP", "URI": "http://sandbox:9"}
    return [
        call(
            services,
            "PUT",
            "/2022-07-01/telemetry",
            {"schemaVersion": schema, "types": ["function"], "destination": destination},
            **me,
        )[0]
        for schema in schemas
    ]


class TestFaults:
    """What the services do wrong on demand; the emulator's own refusals are compared with it."""

    @pytest.mark.parametrize("answer", [202, 400, 403, 500, "reset"])
    def test_telemetry(self, answer: Failure) -> None:
        """Every subscription gets the configured reply."""
        with LambdaServices(faults=Faults(telemetry_answer=answer)) as services:
            assert subscribe(services, *SCHEMAS) == [answer] * 3

    def test_schemas(self) -> None:
        """Each documented version is accepted, unless only one is to be; and only once."""
        with LambdaServices(faults=Faults(only_schema="2022-12-13")) as services:
            assert subscribe(services, *SCHEMAS) == [400, 200, 400]
        for schema in SCHEMAS:
            with LambdaServices() as services:
                assert subscribe(services, schema, schema) == [200, 500]

    @pytest.mark.parametrize("failure", [500, 403, "reset"])
    def test_register(self, failure: Failure) -> None:
        """The first registrations fail, the next one does not."""
        faults = Faults(register_failures=2, register_failure=failure)
        with LambdaServices(faults=faults, function=FunctionInfo(name="mine")) as services:
            replies = [register(services, "INVOKE", "SHUTDOWN") for _ in range(3)]
        assert [status for status, _ in replies] == [failure, failure, 200]
        assert replies[2][1]["functionName"] == "mine"

    @pytest.mark.parametrize("failure", [500, "reset"])
    def test_next(self, failure: Failure) -> None:
        """Some calls of `next` fail, without losing an event or counting as asked."""
        faults = Faults(next_failure_every=2, next_failure=failure)
        with LambdaServices(faults=faults) as services:
            me = {"Lambda-Extension-Identifier": register(services, "INVOKE")[1]["identifier"]}
            replies = []
            for number in range(4):
                event = {"eventType": "INVOKE", "requestId": str(number)}
                services.environment.push("INVOKE", event)
                replies.append(call(services, "GET", f"{EXTENSION}/event/next", **me))
            assert [status for status, _ in replies] == [200, failure, 200, failure]
            assert [replies[place][1]["requestId"] for place in (0, 2)] == ["0", "1"]
            assert len(services.extensions[0].asked_at) == 2
            assert services.calls.count("/event/next") == 4
