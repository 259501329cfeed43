"""How long the function takes to start: the import of its handler, and Lambda's init."""

import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from testing.artifact import bare_command, build, deployed_interpreter, runtime_client
from testing.emulator import Code, required_emulator, run_emulator
from testing.events.firehose import ACCESS_KEY
from testing.receiver import Receiver
from tools.bench.measurement import Cell, Effort, Measurement, Table, Target, spread
from tools.children import ROOT, environment

_IMPORT_LIMIT_MS = 300.0
_INIT_LIMIT_MS = 400.0
_IMPORT = """
import time
begun = time.perf_counter()
import handler.app
print(1e3 * (time.perf_counter() - begun))
"""
_EMPTY = "def handler(event, context):\n    return {}\n"
_EVENT = ROOT / "events" / "http-api-v2-otlp-1.0.json"
_INIT = re.compile(r"INIT REPORT\(durationMs: ([0-9.]+)\)")


def import_time(effort: Effort) -> Measurement:
    """Import `handler.app` again and again, each time in a new interpreter."""
    with tempfile.TemporaryDirectory() as folder:
        variables = environment({"PYTHONPYCACHEPREFIX": folder})
        command = [sys.executable, "-c", _IMPORT]
        # The first one writes the .pyc files.
        times = [
            float(subprocess.check_output(command, cwd=ROOT, env=variables))
            for _ in range(1 + effort.starts)
        ][1:]
    found = spread(times)
    return Measurement(
        Table("Import, ms", ["", "median", "minimum"], [_row("import handler.app", found)]),
        {"ms": found},
        [Target("import of handler.app", found["median"], _IMPORT_LIMIT_MS, "ms")],
    )


def init(effort: Effort) -> Measurement:
    """Start the built artifact and an empty handler in turn, as Lambda does.

    Both run under the Runtime Interface Emulator with Lambda's own runtime client, on the Python
    that the function is deployed on where this machine has it.

    Raises:
        MissingProgramError: There is no emulator.
    """
    program = required_emulator()
    interpreter = deployed_interpreter()
    python = bare_command(interpreter)
    with tempfile.TemporaryDirectory() as temporary, Receiver() as receiver:
        folder = Path(temporary)
        empty = folder / "empty"
        empty.mkdir()
        (empty / "empty.py").write_text(_EMPTY, encoding="utf-8")
        codes = {
            "an empty handler": Code(empty, python, "empty.handler"),
            "the built artifact": Code(build(folder / "artifact", interpreter), python),
        }
        variables = {
            "PYTHONPATH": str(runtime_client(folder / "client", interpreter)),
            "AWS_REGION": "us-east-1",
            "LOGZIO_METRICS_LISTENER": receiver.url,
            "LOGZIO_METRICS_TOKEN": "bench-token",
            "FIREHOSE_ACCESS_KEY": ACCESS_KEY,
            "NO_PROXY": "127.0.0.1",
        }
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in codes}
        # The first round only brings all files into memory.
        for _ in range(1 + effort.starts):
            for name, code in codes.items():
                times[name].append(_start(program, folder, variables, code))
        if len(receiver.requests) < 1 + effort.starts:
            raise AssertionError("the listener has not received every delivery")
    figures: dict[str, Any] = {
        name: {
            "init_ms": spread([init_ms for init_ms, _ in found[1:]]),
            "first_response_ms": spread([first_ms for _, first_ms in found[1:]]),
        }
        for name, found in times.items()
    }
    rows: list[list[Cell]] = [
        [*_row(name, found["init_ms"]), found["first_response_ms"]["median"]]
        for name, found in figures.items()
    ]
    built = figures["the built artifact"]["init_ms"]["median"]
    return Measurement(
        Table(
            f"Init under the emulator, CPython {interpreter.version}, ms",
            ["", "median", "minimum", "first response"],
            rows,
        ),
        {"python": interpreter.version, **figures},
        [Target("init of the built artifact", built, _INIT_LIMIT_MS, "ms")],
    )


def _start(
    program: Path, folder: Path, variables: dict[str, str], code: Code
) -> tuple[float, float]:
    """Return the ms of the init, and the ms from the start to the first delivery's response."""
    event = json.loads(_EVENT.read_bytes())
    with run_emulator(program, folder, variables, code) as emulator:
        begun = time.perf_counter()
        response = emulator.invoke(event)
        first_ms = 1e3 * (time.perf_counter() - begun)
        if response.get("statusCode", 200) != 200:
            raise AssertionError(f"the function answered {response}")
        (init_ms,) = _INIT.findall(emulator.output())
    return float(init_ms), first_ms


def _row(name: str, found: dict[str, float]) -> list[Cell]:
    return [name, found["median"], found["min"]]
