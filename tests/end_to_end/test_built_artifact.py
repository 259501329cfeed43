"""The deployed artifact runs alone under Lambda's runtime, and delivers to a real Prometheus."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from testing.artifact import (
    RUNTIME_PYTHON,
    Interpreter,
    bare_command,
    build,
    own_interpreter,
    runtime_client,
    runtime_interpreter,
)
from testing.emulator import Code, Emulator, required_emulator, run_emulator
from testing.events.firehose import ACCESS_KEY
from testing.events.samples import bad_events, good_events
from testing.servers import Prometheus

pytestmark = pytest.mark.real_server

APART_MS = 5 * 60_000
"""Longer than the periods of an event, so that no two events share a sample."""

SAMPLES, SERIES = 333, 301


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Prometheus]:
    """Run a Prometheus of the test's own, so that all its samples are counted."""
    folder = tmp_path / "prometheus"
    folder.mkdir()
    with Prometheus(folder, window="3d") as running:
        yield running


@pytest.fixture(params=["own", RUNTIME_PYTHON])
def interpreter(request: pytest.FixtureRequest) -> Interpreter:
    """Return this virtual environment's Python, and the deployed version."""
    if request.param == "own":
        return own_interpreter()
    found = runtime_interpreter()
    if found is None or found == own_interpreter():
        pytest.skip(f"no other Python of version {RUNTIME_PYTHON} is installed")
    return found


@pytest.fixture
def function(tmp_path: Path, interpreter: Interpreter, server: Prometheus) -> Iterator[Emulator]:
    """Run the artifact, which can import only itself and Lambda's runtime client."""
    artifact = build(tmp_path / "artifact", interpreter)
    client = runtime_client(tmp_path / "client", interpreter)
    settings = {
        "PYTHONPATH": str(client),
        "LOGZIO_METRICS_LISTENER": server.write_url,
        "LOGZIO_METRICS_TOKEN": "artifact-token",
        "FIREHOSE_ACCESS_KEY": ACCESS_KEY,
        "P8S_LOGZIO_NAME": "built-artifact",
        # Generous, for a busy machine.
        "LISTENER_TIMEOUT_SECONDS": "60",
        "DELIVERY_BUDGET_SECONDS": "100",
    }
    code = Code(artifact, bare_command(interpreter))
    with run_emulator(required_emulator(), tmp_path, settings, code, seconds=120) as running:
        yield running


def test_every_sample_event(function: Emulator, server: Prometheus) -> None:
    """Each good event is answered with success and stored whole; each bad one is refused."""
    now_ms = int(time.time() * 1000)
    names = sorted(good_events(now_ms))
    for number, name in enumerate(names):
        answer = function.invoke(good_events(now_ms - number * APART_MS)[name])
        assert_success(name, answer)
    stored = server.stored(p8s_logzio_name="built-artifact")
    assert len(stored) == SERIES
    # Firehose's demo data carries nothing.
    assert sum(map(len, stored.values())) == (len(names) - 1) * SAMPLES
    for name, event in bad_events(now_ms).items():
        assert function.invoke(event)["statusCode"] == 400, name
    lines = [json.loads(x) for x in function.output().splitlines() if x.startswith('{"level')]
    assert sum(line.get("samples_sent", 0) for line in lines) >= (len(names) - 1) * SAMPLES
    assert not any("traceback" in line for line in lines)


def assert_success(name: str, answer: Any) -> None:
    """Require the response on which Firehose regards a delivery as done."""
    if "records" in answer:
        assert {record["result"] for record in answer["records"]} == {"Dropped"}, name
    else:
        assert answer["statusCode"] == 200, (name, answer)
