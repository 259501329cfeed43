"""The fake Lambda services, seen by an extension and a function that run as processes."""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from local.lambda_services.exchange import Call
from local.lambda_services.extension_process import ExtensionProcess
from local.lambda_services.faults import Faults, FunctionAbout
from local.lambda_services.function_process import FunctionProcess
from local.lambda_services.invocation import Order
from local.lambda_services.services import LambdaServices
from local.lambda_services.telemetry_stream import Platform

SAMPLE = Path(__file__).parents[1] / "support" / "sample_extension.py"
AT_ONCE = Platform(window_seconds=0.0)
Start = Callable[..., AbstractContextManager[ExtensionProcess]]


@pytest.fixture
def services() -> Iterator[LambdaServices]:
    """Run services that deliver without waiting for more."""
    with LambdaServices(platform=AT_ONCE) as running:
        yield running


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Give the file in which the sample extension keeps what it gets."""
    return tmp_path / "kept"


@pytest.fixture
def start(kept: Path) -> Start:
    """Give what starts the sample extension, with further variables as keywords."""

    def begin(services: LambdaServices, **environ: str) -> ExtensionProcess:
        variables = {"SAMPLE_FILE": str(kept), **environ}
        return ExtensionProcess(services, SAMPLE, variables, python=[sys.executable, "-I"])

    return begin


def deliveries(kept: Path) -> list[list[Any]]:
    """Give the events of each delivery that the sample extension got."""
    return [json.loads(line) for line in kept.read_bytes().splitlines()]


def kinds(kept: Path) -> list[list[str]]:
    """Give the types of the events of each delivery."""
    return [[event["type"] for event in events] for events in deliveries(kept)]


def records(kept: Path, kind: str) -> list[Any]:
    """Give the records of all events of a type."""
    events = [event for delivery in deliveries(kept) for event in delivery]
    return [event["record"] for event in events if event["type"] == kind]


class TestInvocations:
    """Scripted invocations."""

    def test_events_of_an_invocation(
        self, services: LambdaServices, start: Start, kept: Path
    ) -> None:
        """All events of init and invocations come in their order, `report` only after `next`."""
        with start(services) as extension:
            extension.wait_ready()
            first = services.invoke(["one\n"])
            second = services.invoke(["two\n"], status="error")
            extension.shutdown()
        flat = [kind for delivery in kinds(kept) for kind in delivery]
        ready = ["platform.extension", "platform.initRuntimeDone", "platform.initReport"]
        invoked = ["platform.start", "function", "platform.runtimeDone"]
        first_report = flat.index("platform.report")
        assert flat[:2] == ["platform.initStart", "platform.telemetrySubscription"]
        assert flat[2:5] == ready
        assert flat[5:8] == invoked
        assert first_report == 8
        assert flat[9:12] == invoked
        assert records(kept, "function") == ["one\n", "two\n"]
        ids = [first.request_id, second.request_id]
        for kind in ("platform.start", "platform.runtimeDone"):
            assert [record["requestId"] for record in records(kept, kind)] == ids
        # The sample extension does not wait for the last one, which comes with SHUTDOWN.
        assert records(kept, "platform.report")[0]["requestId"] == ids[0]
        statuses = [record["status"] for record in records(kept, "platform.runtimeDone")]
        assert statuses == ["success", "error"]

    @pytest.mark.parametrize(
        ("order", "expected"),
        [
            ("line-then-done", [["platform.start", "function"], ["platform.runtimeDone"]]),
            ("done-then-line", [["platform.start", "platform.runtimeDone"], ["function"]]),
            ("one-post", [["platform.start", "function", "platform.runtimeDone"]]),
        ],
    )
    def test_order(self, start: Start, kept: Path, order: Order, expected: list[list[str]]) -> None:
        """The last line and `runtimeDone` come in the deliveries, and the order, that are asked."""
        with LambdaServices() as services, start(services) as extension:
            extension.wait_ready()
            assert services.wait_delivered()
            before = len(deliveries(kept))
            services.invoke(["line"], order=order)
            extension.shutdown()
        assert kinds(kept)[before : before + len(expected)] == expected

    def test_added_time(self, services: LambdaServices, start: Start) -> None:
        """Acknowledgement and `next` are measured from `runtimeDone` on, with the gap between."""
        with start(services) as extension:
            extension.wait_ready()
            plain = services.invoke(["line"])
            assert services.wait_delivered()
            apart = services.invoke(["line"], gap=0.2, duration=0.1)
        assert plain.done_acknowledged is not None
        assert plain.next_at is not None
        assert plain.begun < plain.done_at < min(plain.done_acknowledged, plain.next_at)
        assert services.next_times()[1] == plain.next_at
        assert apart.done_at - apart.begun >= 0.1
        assert apart.added_seconds >= 0.2

    def test_lost_runtime_done(self, services: LambdaServices, start: Start, kept: Path) -> None:
        """Without `runtimeDone` an extension that waits for it is seen to wait to the deadline."""
        with start(services) as extension:
            extension.wait_ready()
            invocation = services.invoke(["line"], lose_runtime_done=True, deadline=0.4)
        assert invocation.added_seconds >= 0.3
        assert invocation.done_acknowledged is None
        assert records(kept, "platform.runtimeDone") == []

    def test_no_next(self, services: LambdaServices, start: Start) -> None:
        """An extension that ends instead of asking for the next event has added no known time."""
        with start(services, SAMPLE_CRASHES="1") as extension:
            extension.wait_ready()
            invocation = services.invoke(["line"])
            assert extension.wait_ended() == 3
        with pytest.raises(RuntimeError, match=invocation.request_id):
            assert invocation.added_seconds

    def test_many(self, services: LambdaServices, start: Start, kept: Path) -> None:
        """A thousand invocations take seconds, and lose nothing."""
        begun = time.monotonic()
        with start(services) as extension:
            extension.wait_ready()
            done = [services.invoke([f"line {number}"]) for number in range(1000)]
            extension.shutdown()
        assert records(kept, "function") == [f"line {number}" for number in range(1000)]
        assert all(one.added_seconds < 3 for one in done)
        assert services.dropped_records == 0
        assert time.monotonic() - begun < 60

    def test_large(self, start: Start, kept: Path) -> None:
        """Fifty megabytes in one invocation arrive whole, at the pace that is asked for."""
        line = "x" * 999 + "\n"
        roomy = Platform(memory_bytes=100_000_000)
        with LambdaServices(platform=roomy) as services, start(services) as extension:
            extension.wait_ready()
            lines = (line for _ in range(50_000))
            invocation = services.invoke(lines, deadline=60.0, bytes_per_second=50e6)
            assert services.wait_delivered()
            extension.shutdown()
            assert services.dropped_records == 0
        assert invocation.done_at - invocation.begun >= 0.9
        assert records(kept, "function") == [line] * 50_000

    def test_any_record(self, services: LambdaServices, start: Start, kept: Path) -> None:
        """Any value of JSON can be a record, lone surrogates, NUL and megabytes among them."""
        values: list[Any] = [
            "text",
            {"level": "INFO"},
            [1, None],
            1.5,
            None,
            "\ud800\0",
            "x" * 5**9,
        ]
        with start(services) as extension:
            extension.wait_ready()
            services.invoke(values)
            extension.shutdown()
        assert records(kept, "function") == values


class TestProcesses:
    """How processes are started, frozen and ended."""

    def test_environment(self, services: LambdaServices, tmp_path: Path) -> None:
        """A file is executed with its full path in `/`, with Lambda's and the given variables."""
        script = tmp_path / "tell"
        words = "import os, sys; print([sys.argv[0], os.getcwd(), *sorted(os.environ)])"
        script.write_text(f"#!{sys.executable} -IB\n{words}\n", encoding="utf-8")
        script.chmod(0o755)
        with ExtensionProcess(services, script, {"MINE": "1", "LC_ALL": "C"}) as extension:
            assert extension.wait_ended() == 0
            extension.close()
            told = extension.output.decode()
        expected = [str(script), "/", *sorted({*services.environ(), "MINE", "LC_ALL"})]
        assert told == f"{expected}\n"

    def test_output(self, services: LambdaServices, start: Start, kept: Path) -> None:
        """What an extension prints is kept byte for byte, and can become `extension` events."""
        environ = {"SAMPLE_FILE": str(kept), "SAMPLE_SAYS": "grüß"}
        python = [sys.executable, "-I", "-X", "utf8"]
        with ExtensionProcess(
            services, SAMPLE, environ, python=python, ship_output=True
        ) as running:
            running.wait_ready()
            services.invoke(["line"])
            assert services.wait_delivered()
            running.shutdown()
            assert running.output == "grüß\ngrüß\n".encode()
        assert "grüß" in records(kept, "extension")
        with start(services) as silent:
            assert silent.output == b""

    def test_frozen_between(self, start: Start) -> None:
        """Between invocations a process is stopped, in them it runs, and nothing is lost."""
        with (
            LambdaServices(platform=AT_ONCE, freeze_between=True) as services,
            start(services) as extension,
        ):
            extension.wait_ready()
            for _ in range(3):
                assert services.invoke(["line"]).added_seconds < 3
                assert state(extension.pid) == "T"
            ended = extension.shutdown()
        assert (ended.exit_code, ended.killed) == (0, False)

    def test_frozen_midway(self, services: LambdaServices, start: Start, kept: Path) -> None:
        """A process that is stopped within an invocation gets what was written after its thaw."""
        with start(services) as extension:
            extension.wait_ready()
            results = []
            thread = threading.Thread(
                target=lambda: results.append(services.invoke(["line"], duration=0.3))
            )
            thread.start()
            services.calls.wait_for(lambda calls: calls[-1].answered is not None)
            extension.freeze()
            assert state(extension.pid) == "T"
            assert not services.calls.wait_for(lambda calls: nexts(calls) > 1, 0.6)
            extension.thaw()
            thread.join()
        assert results[0].added_seconds >= 0
        assert records(kept, "function") == ["line"]

    def test_killed(self, services: LambdaServices, start: Start) -> None:
        """Who is there two seconds after SHUTDOWN is killed."""
        with start(services, SAMPLE_STAYS="1") as extension:
            extension.wait_ready()
            ended = extension.shutdown("timeout")
        assert ended.killed
        assert ended.exit_code == -9
        assert 1.9 < ended.seconds < 10

    def test_killed_unasked(self, services: LambdaServices, start: Start) -> None:
        """Who has not registered for SHUTDOWN is killed at once."""
        with start(services, SAMPLE_EVENTS="INVOKE") as extension:
            extension.wait_ready()
            ended = extension.shutdown()
        assert ended.killed
        assert ended.seconds < 1.9

    def test_memory(self, services: LambdaServices, start: Start) -> None:
        """Resident memory is that of a Python process, and never above its peak."""
        with start(services) as extension:
            extension.wait_ready()
            memory = extension.rss_bytes()
        assert 4_000_000 < memory.current <= memory.peak < 200_000_000

    def test_new_environment(self, services: LambdaServices, start: Start) -> None:
        """After a reset an extension of the same name registers and subscribes again."""
        for _ in range(2):
            with start(services) as extension:
                extension.wait_ready()
                services.invoke(["line"], status="timeout", deadline=0.1)
                assert extension.shutdown("timeout").exit_code == 0
            services.new_environment()
        assert services.calls.count("/register") == 2

    def test_never_ready(self, services: LambdaServices, tmp_path: Path) -> None:
        """Who never calls `next` is told of with what it wrote."""
        script = tmp_path / "ends"
        script.write_text("print('no settings')\n", encoding="utf-8")
        with ExtensionProcess(services, script, {}, python=[sys.executable]) as extension:
            extension.wait_ended()
            with pytest.raises(TimeoutError, match="no settings"):
                extension.wait_ready(0.1)


class TestFunction:
    """A function as a process beside the extension."""

    CODE = (
        "import sys\n"
        "def handle(event, context):\n"
        "    print('got', event, context.aws_request_id)\n"
        "    assert 0 < context.get_remaining_time_in_millis() <= 5000\n"
        "    return {'twice': 2 * event['number']}\n"
    )

    def test_function(
        self, services: LambdaServices, start: Start, kept: Path, tmp_path: Path
    ) -> None:
        """It answers, an error is one, and each line that it writes becomes an event."""
        (tmp_path / "doubling.py").write_text(self.CODE, encoding="utf-8")
        with (
            start(services) as extension,
            FunctionProcess(services, "doubling.handle", {}, folder=tmp_path) as function,
        ):
            function.wait_ready()
            good = services.invoke_function({"number": 21}, 5.0)
            bad = services.invoke_function({}, 5.0)
            extension.shutdown()
            lines = function.lines
        assert json.loads(good.response or b"") == {"twice": 42}
        assert bad.failed
        assert json.loads(bad.response or b"")["errorType"] == "KeyError"
        assert lines[0] == f"got {{'number': 21}} {good.request_id}"
        assert lines[-1] == "KeyError: 'number'"
        assert "".join(records(kept, "function")).splitlines() == lines
        statuses = [record["status"] for record in records(kept, "platform.runtimeDone")]
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
                done = services.invoke_function({"number": number}, 5.0)
                assert json.loads(done.response or b"") == {"twice": 2 * number}

    def test_no_handler(self, services: LambdaServices, tmp_path: Path) -> None:
        """A handler that cannot be imported is told of."""
        with FunctionProcess(services, "missing.handle", {}, folder=tmp_path) as function:
            with pytest.raises(RuntimeError, match="No module named 'missing'"):
                function.wait_ready()
            assert services.calls.count("/runtime/init/error") == 1


class TestSaid:
    """What the services say about the function."""

    def test_identity(self, start: Start) -> None:
        """Name, version, account and ARN are those that were given."""
        about = FunctionAbout(name="mine", account="999999999999", region="eu-west-1")
        with (
            LambdaServices(function=about, faults=Faults()) as services,
            start(services) as running,
        ):
            running.wait_ready()
            (registered,) = services.calls.of("/register")
            assert registered.status == 200
            assert services.environ()["AWS_LAMBDA_FUNCTION_NAME"] == "mine"
            assert about.arn == "arn:aws:lambda:eu-west-1:999999999999:function:mine"


def state(pid: int) -> str:
    """Give the state letter of a process (proc(5), `stat`); wait for a signal to arrive first."""
    until = time.monotonic() + 5
    while True:
        letter = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        if letter == "T" or time.monotonic() > until:
            return letter


def nexts(calls: list[Call]) -> int:
    """Count the calls of `next`."""
    return sum(call.path.endswith("/event/next") for call in calls)
