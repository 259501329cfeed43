"""The function on the developer's machine, as `sam local invoke` runs it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from testing.artifact import RUNTIME_PYTHON
from testing.containers import has_image, reachable_address, required_sam
from testing.emulator import architecture
from testing.events.firehose import ACCESS_KEY
from testing.events.fleet import END_MS
from testing.events.samples import bad_events, good_events
from testing.invocation import InvocationResult, result_of
from testing.receiver import Receiver
from testing.servers import MissingProgramError
from tests.support.making import make
from tests.support.recording import RecordingFunction
from tests.support.sam_local import LocalFunction, local_functions
from tests.support.stack import INGRESSES, ROOT, source

FUNCTION = "MetricStreamFunction"
IMAGE = f"public.ecr.aws/lambda/python:{RUNTIME_PYTHON}-rapid-{architecture()}"
"""Lambda's image with the emulator in it, under the name that SAM gives it."""
VARIABLES = json.loads((ROOT / "events" / "env.json").read_text(encoding="utf-8"))
EVENTS = good_events(END_MS) | bad_events(END_MS)


@pytest.fixture(scope="module")
def resolved() -> dict[str, dict[str, LocalFunction]]:
    """Return the functions of a stack with each ingress, as SAM resolves the template."""
    made = local_functions(*({"Ingress": ingress} for ingress in INGRESSES))
    return dict(zip(INGRESSES, made, strict=True))


def invoke(function: LocalFunction, event: Any) -> InvocationResult:
    """Invoke the function with the variables that it has in the container, but the listener's."""
    with Receiver() as receiver:
        variables = function.variables | {"LOGZIO_METRICS_LISTENER": receiver.url}
        recorded = RecordingFunction(receiver.url, variables).invoke(event)
    return result_of(recorded.response, "")


def run(
    command: Sequence[str], environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command in the project's folder."""
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def plain_command() -> list[str]:
    """Return the command that the README has beside `make local`."""
    required_sam()
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    (line,) = (line for line in lines if line.startswith("    .venv/tools/bin/sam local invoke "))
    return line.split()


@pytest.mark.parametrize("name", VARIABLES[FUNCTION])
def test_template_declares_every_variable_of_the_environment_file(name: str) -> None:
    """SAM ignores a variable that the function does not have."""
    template = source()
    declared = template["Resources"][FUNCTION]["Properties"]["Environment"]["Variables"]
    assert name in declared | template["Globals"]["Function"]["Environment"]["Variables"]


def test_environment_file_has_only_the_function() -> None:
    """SAM ignores a function that the template does not have."""
    assert list(VARIABLES) == [FUNCTION]


@pytest.mark.parametrize("ingress", INGRESSES)
def test_sam_resolves_every_function(
    resolved: dict[str, dict[str, LocalFunction]], ingress: str
) -> None:
    """Handlers, layers and variables are known before a container is needed."""
    functions = resolved[ingress]
    assert {name: function.handler for name, function in functions.items()} == {
        FUNCTION: "handler.app.lambda_handler",
        "ReplayFunction": "replay.app.lambda_handler",
        "TagsFunction": "tags.app.lambda_handler",
    }
    assert not any(function.layers for function in functions.values())
    variables = functions[FUNCTION].variables
    assert {name: variables[name] for name in VARIABLES[FUNCTION]} == VARIABLES[FUNCTION]


@pytest.mark.parametrize("name", EVENTS)
def test_every_sample_is_answered_in_a_local_run(
    resolved: dict[str, dict[str, LocalFunction]], name: str
) -> None:
    """With the variables of a local run good samples are answered 200, and bad ones 400."""
    result = invoke(resolved["HttpApi"][FUNCTION], EVENTS[name])
    assert result.status == (200 if name in good_events(END_MS) else 400)


def test_wrong_key_is_refused_in_a_local_run(
    resolved: dict[str, dict[str, LocalFunction]],
) -> None:
    """The access key of the environment file takes effect."""
    event = EVENTS["http-api-v2-otlp-1.0"]
    headers = event["headers"] | {"x-amz-firehose-access-key": "wrong"}
    function = resolved["HttpApi"][FUNCTION]
    assert invoke(function, event | {"headers": headers}).status == 401


@pytest.mark.parametrize(
    ("template", "architecture"),
    [("template.yaml", "arm64"), ("build/x86_64/template.yaml", "x86_64")],
)
def test_container_has_the_architecture_of_the_build(template: str, architecture: str) -> None:
    """The template that is built decides about the container too."""
    assert make("build/x86_64/template.yaml").returncode == 0
    (functions,) = local_functions({}, template=template)
    assert {function.architecture for function in functions.values()} == {architecture}


def test_plain_command_needs_no_region() -> None:
    """The command of the README comes as far as to ask for a container engine, without AWS."""
    environment = {"PATH": os.environ["PATH"], "DOCKER_HOST": "unix:///nonexistent/engine"}
    done = run(plain_command(), environment | {"SAM_CLI_TELEMETRY": "0", "HOME": "/nonexistent"})
    assert "requires a container runtime" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def options() -> str:
    """Return SAM's options for the container engine; skip where there is none, also in CI."""
    required_sam()
    try:
        reachable_address()
    except MissingProgramError as error:
        pytest.skip(str(error))
    return "--skip-pull-image" if has_image(IMAGE) else ""


@pytest.mark.large
def test_events_in_a_container(tmp_path: Path, options: str) -> None:
    """The command builds the function, runs it in Lambda's container, and shows what arrives."""
    done = make("local", f"ARGS={options}")
    if "Error building docker image" in done.stderr:
        pytest.skip(f"Lambda's image cannot be pulled: {done.stderr.splitlines()[-1]}")
    assert done.stdout.splitlines()[-1] == "HTTP 200: 333 samples in 301 series", done.stderr
    # Built once, since two builds at a time would write to the same folder.
    for name, key, last in (
        ("transformation-otlp-0.7", ACCESS_KEY, "HTTP 200: 333 samples in 301 series"),
        ("rest-v1-otlp-0.7", ACCESS_KEY, "HTTP 200: 333 samples in 301 series"),
        ("rest-v1-otlp-0.7", "wrong-key", "HTTP 401: 0 samples in 0 series"),
    ):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(EVENTS[name]).replace(ACCESS_KEY, key), encoding="utf-8")
        done = run([sys.executable, "-m", "tools.local", "--event", str(path), *options.split()])
        assert done.stdout.splitlines()[-1] == last, done.stderr
        assert (done.returncode == 0) == ("HTTP 200" in last)
    check_plain_command(options)


def check_plain_command(options: str) -> None:
    """The command of the README sends to the receiver that it says to start."""
    receiver = subprocess.Popen(
        [sys.executable, "-m", "tools.local", "--receive"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert receiver.stdout
    with receiver:
        assert receiver.stdout.readline().startswith("listening on ")
        done = run([*plain_command(), *options.split()])
        assert json.loads(done.stdout)["statusCode"] == 200, done.stderr
        lines = iter(receiver.stdout.readline, "")
        assert any(line.endswith(" 301 series, 333 samples\n") for line in lines)
        receiver.send_signal(signal.SIGINT)
    assert receiver.returncode == -signal.SIGINT
