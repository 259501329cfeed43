"""The fake Lambda services answer as the real emulator does, wherever the emulator answers."""

import contextlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local.lambda_services.extension_process import ExtensionProcess
from local.lambda_services.faults import Faults, FunctionAbout
from local.lambda_services.real_emulator import Files, can_run, run_real_emulator
from local.lambda_services.services import LambdaServices
from local.lambda_services.telemetry_stream import Platform
from tests.support.probing import Step, comparable, program, told

EXTENSION = "/2020-01-01/extension"
TELEMETRY = "/2022-07-01/telemetry"
RUNTIME = "/2018-06-01/runtime"
EXTENSION_STEPS = "EXTENSION_STEPS"
FUNCTION_STEPS = "FUNCTION_STEPS"
INVOKED = "invoked"
REPORTED = '"type": "platform.report"'
UNKNOWN = "5f87a2f0-0000-4000-8000-000000000000"
NAME = {"Lambda-Extension-Name": "probe"}
ME = {"Lambda-Extension-Identifier": "{id}"}
CALLERS: tuple[dict[str, str], ...] = (
    {},
    {"Lambda-Extension-Identifier": "nonsense"},
    {"Lambda-Extension-Identifier": UNKNOWN},
)
FAILED = {**ME, "Lambda-Extension-Function-Error-Type": "Extension.Probing"}
NEXT: Step = ["GET", f"{EXTENSION}/event/next", ME, None]
ANSWER: Step = ["POST", f"{RUNTIME}/invocation/{{work}}/response", {}, {"n": 1}]
WORK: Step = ["GET", f"{RUNTIME}/invocation/next", {}, None]


def registering(**headers: str) -> Step:
    """Make the step that registers for SHUTDOWN."""
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return ["POST", f"{EXTENSION}/register", {**NAME, **more}, {"events": ["SHUTDOWN"]}]


def subscribing(**changes: Any) -> Step:
    """Make the step that subscribes, with some members of the body changed; None: left out."""
    body: dict[str, Any] = {
        "schemaVersion": "2025-01-29",
        "types": ["platform", "function"],
        "buffering": {"maxItems": 1000, "maxBytes": 262144, "timeoutMs": 25},
        "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:{port}"},
        **changes,
    }
    kept = {name: value for name, value in body.items() if value is not None}
    return ["PUT", TELEMETRY, ME, kept]


def to_uri(uri: str) -> Step:
    """Make the step that subscribes for a URI."""
    return subscribing(destination={"protocol": "HTTP", "URI": uri})


REGISTERING: list[Step] = [
    ["POST", f"{EXTENSION}/register", {}, {"events": ["INVOKE"]}],
    ["POST", f"{EXTENSION}/register", NAME, "{nonsense"],
    ["POST", f"{EXTENSION}/register", NAME, ""],
    ["POST", f"{EXTENSION}/register", NAME, {"events": ["NONSENSE"]}],
    ["GET", f"{EXTENSION}/register", NAME, None],
    ["GET", "/nonsense", NAME, None],
    *(["GET", f"{EXTENSION}/event/next", caller, None] for caller in CALLERS),
]
REGISTERED: list[Step] = [
    registering(),
    registering(Lambda_Extension_Name="other"),
    *(
        ["POST", f"{EXTENSION}/{way}/error", caller, {}]
        for way in ("init", "exit")
        for caller in (*CALLERS, ME)
    ),
    ["GET", TELEMETRY, ME, None],
    ["PUT", "/2020-08-15/logs", ME, {}],
]
CLASSIC: list[Step] = [
    *REGISTERING,
    ["POST", f"{EXTENSION}/register", NAME, {"events": ["INVOKE", "SHUTDOWN"]}],
    *REGISTERED,
    *(["PUT", TELEMETRY, caller, subscribing()[3]] for caller in (*CALLERS, ME)),
    ["PUT", TELEMETRY, ME, "{nonsense"],
    NEXT,
    subscribing(),
    registering(Lambda_Extension_Name="late"),
    NEXT,
    ["POST", f"{EXTENSION}/exit/error", FAILED, {}],
]
BODIES: tuple[Any, ...] = ("{nonsense", "", [], {})
BUFFERING: tuple[dict[str, Any], ...] = (
    {"maxItems": 999},
    {"maxItems": 10001},
    {"maxBytes": 262143},
    {"maxBytes": 1048577},
    {"timeoutMs": 24},
    {"timeoutMs": 30001},
    {"timeoutMs": "25"},
    {"timeoutMs": 25.5},
)
MANAGED: list[Step] = [
    *REGISTERING,
    ["POST", f"{EXTENSION}/register", NAME, {"events": ["INVOKE", "SHUTDOWN"]}],
    registering(Lambda_Extension_Accept_Feature="accountId"),
    *REGISTERED,
    *(["PUT", TELEMETRY, caller, subscribing()[3]] for caller in CALLERS),
    *(["PUT", TELEMETRY, ME, body] for body in BODIES),
    *(subscribing(schemaVersion=name) for name in ("2022-07-01", "2022-12-13", "x", None)),
    *(subscribing(types=types) for types in ([], ["nonsense"], None)),
    *(subscribing(buffering=buffering) for buffering in BUFFERING),
    *(
        subscribing(destination=to)
        for to in (None, {"protocol": "HTTP"}, {"protocol": "FTP", "URI": "http://sandbox:1"})
    ),
    *map(to_uri, ("http://127.0.0.1:{port}", "http://localhost:{port}", "nonsense")),
    subscribing(types=["function", "function"]),
    subscribing(),
    to_uri("http://sandbox:{port}"),
    NEXT,
    ["POST", f"{EXTENSION}/exit/error", FAILED, {}],
]
LATE: list[Step] = [
    registering(),
    ["LATER", *NEXT[1:]],
    ["AWAIT", INVOKED, {}, None],
    subscribing(schemaVersion="x"),
    subscribing(),
]
INIT_ERROR: list[Step] = [registering(), ["POST", f"{EXTENSION}/init/error", FAILED, {}]]
SUBSCRIBED: list[Step] = [registering(), subscribing(), NEXT]
FUNCTION: list[Step] = [
    ["POST", f"{RUNTIME}/invocation/nonsense/response", {}, "x"],
    ["GET", f"{RUNTIME}/nonsense", {}, None],
    ["POST", f"{RUNTIME}/invocation/next", {}, None],
    WORK,
    ["POST", f"{RUNTIME}/invocation/{UNKNOWN}/response", {}, "x"],
    ANSWER,
    ANSWER,
    WORK,
    ["POST", f"{RUNTIME}/invocation/{{work}}/error", {}, {"errorMessage": "m", "errorType": "T"}],
    WORK,
    ANSWER,
    WORK,
]  # fmt: skip


MEASURED = {"runtimeVersion", "runtimeVersionArn", "instanceId", "instanceMaxMemory", "spans"}


class Both:
    """The two that are compared: each runs the probe as an extension, and another as function."""

    def __init__(self, folder: Path, steps: list[Step], *, managed: bool) -> None:
        layer, task = folder / "layer", folder / "task"
        self._probe, self._function = layer / "extensions" / "probe", task / "bootstrap"
        self._environ = {
            EXTENSION_STEPS: json.dumps(steps),
            FUNCTION_STEPS: json.dumps(FUNCTION),
        }
        self._managed = managed
        self._folder = folder
        self._files = Files(layer, task)
        for file, variable in ((self._probe, EXTENSION_STEPS), (self._function, FUNCTION_STEPS)):
            file.parent.mkdir(parents=True)
            file.write_text(program(variable), encoding="utf-8")
            file.chmod(0o755)

    def of_emulator(self, invocations: int, last: str = "") -> str:
        """Give what the probes tell under the emulator, which ends when it told the last."""
        running = run_real_emulator(
            self._folder, self._files, self._environ, managed_instances=self._managed
        )
        with running as emulator:
            for _ in range(invocations):
                with contextlib.suppress(RuntimeError):
                    emulator.invoke({"a": 1})
            (self._files.layer / INVOKED).touch()
            assert emulator.wait_output(last)
            emulator.terminate()
            return emulator.output()

    def of_fake(self, invocations: int, reason: str) -> str:
        """Give what the probe tells under the fake services."""
        about = FunctionAbout(name="test_function", handler="", account=self._account())
        faults = Faults(telemetry_answer=None if self._managed else 202)
        (self._files.layer / INVOKED).unlink(missing_ok=True)
        with (
            LambdaServices(
                faults=faults,
                function=about,
                managed_instances=self._managed,
                platform=Platform(window_seconds=0.0),
            ) as services,
            ExtensionProcess(
                services, self._probe, self._environ, python=[sys.executable, "-I"]
            ) as probe,
        ):
            for _ in range(invocations):
                services.invoke(["hello"])
                services.wait_delivered()
            (self._files.layer / INVOKED).touch()
            if not invocations:
                probe.wait_ended()
            probe.shutdown(reason)
            return probe.output.decode()

    def function_of_fake(self, invocations: int) -> str:
        """Give what the function's probe tells under the fake services."""
        about = FunctionAbout(name="test_function", account=self._account())
        with LambdaServices(function=about) as services:
            command = [sys.executable, "-I", str(self._function)]
            environ = {**services.environ(), **self._environ}
            with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as probe:
                for _ in range(invocations):
                    services.invoke_function({"a": 1})
                services.close()
                output, _ = probe.communicate(timeout=10)
        return output

    def _account(self) -> str:
        return "123456789012" if self._managed else "012345678912"


@pytest.fixture(autouse=True)
def _emulator() -> None:
    """Fail in CI without the emulator, and skip elsewhere."""
    if not can_run():
        words = "no Runtime Interface Emulator (make .venv/emulator.stamp), or no namespaces here"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)


def without_trace(answer: list[Any]) -> list[Any]:
    """Give an answer without what only real Lambda sends with INVOKE."""
    status, headers, body = answer
    if '"tracing":' in body:
        body = body[: body.index(',"tracing":')] + "}"
    return [status, headers, body]


def assert_same(steps: list[Step], real: str, fake: str, probe: str = EXTENSION_STEPS) -> None:
    """Hold the answers of both against each other, step by step."""
    real_answers, fake_answers = (
        [comparable(without_trace(answer)) for answer in told(output, probe, "answer")]
        for output in (real, fake)
    )
    asked = [step for step in steps if step[0] not in ("LATER", "AWAIT")]
    assert len(real_answers) == len(asked), real
    compared = zip(asked, real_answers, fake_answers, strict=False)
    assert [[step, real, fake] for step, real, fake in compared if real != fake] == []
    assert len(fake_answers) == len(real_answers), fake


def test_classic(tmp_path: Path) -> None:
    """Without a Telemetry API each call is answered alike: status, headers and body."""
    both = Both(tmp_path, CLASSIC, managed=False)
    assert_same(CLASSIC, both.of_emulator(1), both.of_fake(1, "SandboxTerminated"))


def test_managed_instances(tmp_path: Path) -> None:
    """With one, too: what is invalid, out of range, refused, and asked for twice."""
    both = Both(tmp_path, MANAGED, managed=True)
    assert_same(MANAGED, both.of_emulator(1), both.of_fake(1, "spindown"))


def test_init_error(tmp_path: Path) -> None:
    """An init/error is taken alike, and so is a registration that asks for no feature."""
    for managed in (False, True):
        folder = tmp_path / str(managed)
        folder.mkdir()
        both = Both(folder, INIT_ERROR, managed=managed)
        assert_same(INIT_ERROR, both.of_emulator(1), both.of_fake(0, "failure"))


def test_late_subscription(tmp_path: Path) -> None:
    """After the init phase a subscription is refused alike, whether or not it is valid."""
    both = Both(tmp_path, LATE, managed=True)
    assert_same(LATE, both.of_emulator(1), both.of_fake(1, "spindown"))


def test_delivery(tmp_path: Path) -> None:
    """A delivery has the same request line and headers, and events of the same shape."""
    both = Both(tmp_path, SUBSCRIBED, managed=True)
    real, fake = (
        told(output, EXTENSION_STEPS, "delivery")
        for output in (both.of_emulator(1, REPORTED), both.of_fake(1, "spindown"))
    )
    assert [neutral(*sent[:2]) for sent in fake] == [neutral(*real[0][:2])] * len(fake)
    assert {neutral(*sent[:2]) for sent in real} == {neutral(*real[0][:2])}
    expected, made = shapes(real), shapes(fake)
    assert expected.keys() == made.keys()
    for kind, names in made.items():
        # What the fake leaves out is measured or known by real instances only.
        assert expected[kind] - names <= MEASURED
        assert names <= expected[kind]


def test_function(tmp_path: Path) -> None:
    """The Runtime API answers a function alike: work, responses, errors, and what is neither."""
    both = Both(tmp_path, [registering(), NEXT], managed=False)
    asked = FUNCTION[:-1]
    assert_same(asked, both.of_emulator(3), both.function_of_fake(3), FUNCTION_STEPS)


def neutral(line: str, headers: dict[str, str]) -> tuple[str, ...]:
    """Give a request line, and headers without what is different each time."""
    changing = {"Host", "Content-Length", "Sequence-Id"}
    kept = {name: "" if name in changing else value for name, value in headers.items()}
    return (line, *(f"{name}: {kept[name]}" for name in sorted(kept)))


def shapes(deliveries: list[Any]) -> dict[str, set[str]]:
    """Give, by type, the names of the members of an event and of its record."""
    found: dict[str, set[str]] = {}
    for _line, _headers, events in deliveries:
        for event in events:
            names = found.setdefault(event["type"], set())
            names.update(event)
            names.update(event["record"] if isinstance(event["record"], dict) else ["a string"])
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["time"])
    return found
