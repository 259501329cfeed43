"""The fake Lambda services: invocations, processes and faults."""

import http.client
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from testing.lambda_services.extension_process import ExtensionProcess
from testing.lambda_services.faults import Failure, Faults, FunctionInfo
from testing.lambda_services.function_process import FunctionProcess
from testing.lambda_services.invocation import Order
from testing.lambda_services.services import LambdaServices
from testing.lambda_services.telemetry_stream import Platform
from tests.support.extension_samples import AT_ONCE, PROMPT, SAMPLE, SHUTDOWN_SECONDS, Sample

EXTENSION = "/2020-01-01/extension"
SCHEMAS = ("2022-07-01", "2022-12-13", "2025-01-29")
FUNCTION = """
def handle(event, context):
    print('got', event, context.aws_request_id)
    assert 0 < context.get_remaining_time_in_millis() <= 50000
    return {'twice': 2 * event['number']}
"""


@pytest.fixture
def services() -> Iterator[LambdaServices]:
    """Run services that deliver at once."""
    with LambdaServices(platform=AT_ONCE, shutdown_seconds=SHUTDOWN_SECONDS) as running:
        yield running


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    """Return the sample extension."""
    return Sample(tmp_path / "kept")


class TestInvocations:
    """Scripted invocations."""

    def test_events_of_an_invocation(self, services: LambdaServices, sample: Sample) -> None:
        """All events of init and invocations come in their order, `report` only after `next`."""
        with sample.start(services) as extension:
            extension.wait_ready()
            first = services.invoke(["one\n"])
            second = services.invoke(["two\n"], status="error")
            extension.shutdown()
        invoked = ["platform.start", "function", "platform.runtimeDone"]
        assert [kind for delivery in sample.kinds for kind in delivery][:12] == [
            *("platform.initStart", "platform.telemetrySubscription"),
            *("platform.extension", "platform.initRuntimeDone", "platform.initReport"),
            *(*invoked, "platform.report", *invoked),
        ]
        assert sample.records("function") == ["one\n", "two\n"]
        ids = [first.request_id, second.request_id]
        for kind in ("platform.start", "platform.runtimeDone"):
            assert [record["requestId"] for record in sample.records(kind)] == ids
        # The sample extension does not wait for the last one, which comes with SHUTDOWN.
        assert sample.records("platform.report")[0]["requestId"] == ids[0]
        statuses = [record["status"] for record in sample.records("platform.runtimeDone")]
        assert statuses == ["success", "error"]

    @pytest.mark.parametrize(
        ("order", "expected"),
        [
            ("line-then-done", [["function"], ["platform.runtimeDone"]]),
            ("done-then-line", [["platform.runtimeDone"], ["function"]]),
            ("one-post", [["function", "platform.runtimeDone"]]),
        ],
    )
    def test_order(
        self, services: LambdaServices, sample: Sample, order: Order, expected: list[list[str]]
    ) -> None:
        """The last line and `runtimeDone` come in the requested deliveries and order."""
        with sample.start(services) as extension:
            extension.wait_ready()
            assert services.wait_delivered()
            before = len(sample.deliveries)
            services.invoke(["line"], order=order)
            # The sample extension does not wait for a line after the end.
            services.environment.thaw()
            assert services.wait_delivered()
            extension.shutdown()
        # What else comes with the two depends on the machine.
        kinds = ("function", "platform.runtimeDone")
        later = [[kind for kind in it if kind in kinds] for it in sample.kinds[before:]]
        assert [it for it in later if it][: len(expected)] == expected

    def test_added_time(self, services: LambdaServices, sample: Sample) -> None:
        """`next` is measured from `runtimeDone` on, which comes the gap after the last line."""
        with sample.start(services) as extension:
            extension.wait_ready()
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

    def test_many_and_large(self, sample: Sample) -> None:
        """Many invocations, and fifty megabytes in one, arrive whole and at the given pace."""
        line = "x" * 999 + "\n"
        large = Platform(window_seconds=0.0, memory_bytes=100_000_000)
        with (
            LambdaServices(platform=large, shutdown_seconds=SHUTDOWN_SECONDS) as services,
            sample.start(services) as extension,
        ):
            extension.wait_ready()
            many = [services.invoke([number]) for number in range(200)]
            lines = (line for _ in range(50_000))
            invocation = services.invoke(lines, deadline=300.0, bytes_per_second=50e6)
            assert services.wait_delivered(300.0)
            extension.shutdown()
            assert services.dropped_records == 0
        assert all(one.added_seconds < PROMPT for one in many)
        assert invocation.done_at - invocation.begun >= 0.9
        assert sample.records("function") == [*range(200), *[line] * 50_000]

    @pytest.mark.slow
    def test_any_record(self, services: LambdaServices, sample: Sample) -> None:
        """Any value of JSON can be a record, such as lone surrogates, NUL and megabytes."""
        values = ["text", {"level": "INFO"}, [1, None], 1.5, None, "\ud800\0", "x" * 5**9]
        with sample.start(services) as extension:
            extension.wait_ready()
            services.invoke(values)
            extension.shutdown()
        assert sample.records("function") == values


class TestProcesses:
    """How processes are started and ended."""

    def test_environment(self, services: LambdaServices, tmp_path: Path) -> None:
        """A file is executed with its full path in `/`, with Lambda's and the given variables."""
        script = tmp_path / "print"
        code = "import os, sys; print([sys.argv[0], os.getcwd(), *sorted(os.environ)])"
        script.write_text(f"#!{sys.executable} -IB\n{code}\n", encoding="utf-8")
        script.chmod(0o755)
        with ExtensionProcess(services, script, {"MINE": "1", "LC_ALL": "C"}) as extension:
            assert extension.wait_ended() == 0
            extension.close()
        expected = [str(script), "/", *sorted({*services.environ(), "MINE", "LC_ALL"})]
        assert extension.output.decode() == f"{expected}\n"

    def test_output(self, services: LambdaServices, sample: Sample) -> None:
        """What an extension prints is kept byte for byte, and can become `extension` events."""
        environ = {**sample.environ, "SAMPLE_SAYS": "grüß"}
        python = [sys.executable, "-I", "-X", "utf8"]
        with ExtensionProcess(services, SAMPLE, environ, python=python, ship_output=True) as it:
            it.wait_ready()
            services.invoke(["line"])
            services.invoke(["line"])
            it.shutdown()
            assert it.output == "grüß\ngrüß\ngrüß\n".encode()
        assert "grüß\n" in sample.records("extension")

    @pytest.mark.parametrize(("events", "least"), [("INVOKE,SHUTDOWN", 2.0), ("INVOKE", 0.0)])
    def test_killed(self, sample: Sample, events: str, least: float) -> None:
        """An extension that still runs 2 s after SHUTDOWN is killed; without SHUTDOWN at once."""
        with (
            LambdaServices(platform=AT_ONCE) as services,
            sample.start(services, SAMPLE_STAYS="1", SAMPLE_EVENTS=events) as extension,
        ):
            extension.wait_ready()
            ended = extension.shutdown("timeout")
        assert (ended.killed, ended.exit_code) == (True, -9)
        assert least <= ended.seconds < least + PROMPT

    def test_function(self, services: LambdaServices, sample: Sample, tmp_path: Path) -> None:
        """A function returns, or fails, and each line that it prints becomes an event."""
        (tmp_path / "doubling.py").write_text(FUNCTION, encoding="utf-8")
        with (
            sample.start(services) as extension,
            FunctionProcess(services, "doubling.handle", {}, folder=tmp_path) as function,
        ):
            function.wait_ready()
            good = services.invoke_function({"number": 21}, 50.0)
            bad = services.invoke_function({}, 50.0)
            until = time.monotonic() + PROMPT
            while "KeyError" not in function.lines[-1]:
                assert time.monotonic() < until
                time.sleep(0.01)
            # The sample extension receives all lines before the end of this invocation.
            services.invoke()
            extension.shutdown()
            lines = function.lines
        assert json.loads(good.response or b"") == {"twice": 42}
        assert bad.failed
        assert json.loads(bad.response or b"")["errorType"] == "KeyError"
        assert lines[0] == f"got {{'number': 21}} {good.request_id}"
        assert lines[-1] == "KeyError: 'number'"
        assert "".join(sample.records("function")).splitlines() == lines
        statuses = [record["status"] for record in sample.records("platform.runtimeDone")]
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
