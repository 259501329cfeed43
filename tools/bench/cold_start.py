"""How long Lambda's init of the built artifact takes, beside that of an empty Python handler.

Both run under the Runtime Interface Emulator with Lambda's own runtime client, on the Python that
the function is deployed on where it is at hand, with nothing but the artifact to import. The first
answer is that to a delivery, once a listener has its samples over TLS.
"""

import json
import re
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import certifi

from testing.artifact import (
    bare_command,
    build,
    own_interpreter,
    runtime_client,
    runtime_interpreter,
)
from testing.emulator import Code, emulator_program, run_emulator
from testing.events.firehose import ACCESS_KEY
from testing.log_destinations.certificates import CertificateAuthority
from testing.receiver import Receiver
from tools.bench.measurement import Cell, Effort, Measurement, Table, Target
from tools.bench.processes import ROOT

_FACTOR = 1.5
_EXTRA_MS = 110.0
_EMPTY = "def handler(event, context):\n    return {}\n"
_EVENT = ROOT / "events" / "http-api-v2-otlp-1.0.json"
_INIT = re.compile(r"INIT REPORT\(durationMs: ([0-9.]+)\)")
_WORDS = {
    "empty": "an empty handler",
    "with_pyc": "the built artifact, with .pyc files",
    "without_pyc": "the built artifact, without",
}


def measure(effort: Effort) -> Measurement:
    """Start each again and again, in turn; nothing where there is no emulator."""
    program = emulator_program()
    if program is None:
        return Measurement([], {})
    interpreter = runtime_interpreter() or own_interpreter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        codes = _codes(folder, bare_command(interpreter))
        artifact = build(codes["with_pyc"].folder, interpreter)
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(artifact, codes["without_pyc"].folder, ignore=ignored)
        client = runtime_client(folder / "client", interpreter)
        authority = CertificateAuthority(folder)
        times: dict[str, list[tuple[float, float]]] = {case: [] for case in codes}
        with Receiver(tls=authority.server()) as receiver:
            environ = {"PYTHONPATH": str(client), **_settings(receiver.url, folder, authority.file)}
            # The first round only brings all files into memory.
            for number in range(1 + effort.processes):
                for case, code in codes.items():
                    found = _start(program, folder, environ, code)
                    if number:
                        times[case].append(found)
            if len(receiver.requests) < 2 * (1 + effort.processes):
                raise AssertionError("the listener has not got every delivery")
    figures: dict[str, Any] = {
        case: {
            "init_ms": _spread([init for init, _ in found]),
            "first_answer_ms": _spread([first for _, first in found]),
        }
        for case, found in times.items()
    }
    empty, full = (figures[case]["init_ms"]["median"] for case in ("empty", "with_pyc"))
    limit = round(_FACTOR * empty + _EXTRA_MS, 1)
    what = f"init of the built artifact ({_FACTOR:g} x empty + {_EXTRA_MS:g})"
    title = f"Cold start under the emulator, CPython {interpreter.version}, ms"
    return Measurement(
        [_table(title, figures)],
        {"python": interpreter.version, **figures},
        [Target(what, full, limit, "ms")],
    )


def _codes(folder: Path, python: tuple[str, ...]) -> dict[str, Code]:
    """Give what is compared; the folder of the empty handler is filled already."""
    empty = folder / "empty"
    empty.mkdir()
    (empty / "empty.py").write_text(_EMPTY, encoding="utf-8")
    return {
        "empty": Code(empty, python, "empty.handler"),
        "with_pyc": Code(folder / "artifact", python),
        "without_pyc": Code(folder / "source", python),
    }


def _settings(url: str, folder: Path, authority: Path) -> dict[str, str]:
    """Give the function's environment: a listener that is trusted beside all public ones."""
    trusted = folder / "trusted.pem"
    trusted.write_bytes(Path(certifi.where()).read_bytes() + authority.read_bytes())
    return {
        "AWS_REGION": "us-east-1",
        "LOGZIO_METRICS_LISTENER": url,
        "LOGZIO_METRICS_TOKEN": "bench-token",
        "FIREHOSE_ACCESS_KEY": ACCESS_KEY,
        "SSL_CERT_FILE": str(trusted),
        "NO_PROXY": "127.0.0.1",
    }


def _start(program: Path, folder: Path, environ: dict[str, str], code: Code) -> tuple[float, float]:
    """Give the duration of the init, and the time to the answer to the first delivery, in ms."""
    event = json.loads(_EVENT.read_bytes())
    with run_emulator(program, folder, environ, code) as emulator:
        begun = time.perf_counter()
        answer = emulator.invoke(event)
        first = 1e3 * (time.perf_counter() - begun)
        if answer.get("statusCode", 200) != 200:
            raise AssertionError(f"the function answered {answer}")
        (init,) = _INIT.findall(emulator.output())
    return float(init), first


def _spread(milliseconds: list[float]) -> dict[str, float]:
    return {"median": statistics.median(milliseconds), "min": min(milliseconds)}


def _table(title: str, figures: dict[str, Any]) -> Table:
    rows: list[list[Cell]] = []
    for case, words in _WORDS.items():
        init, first = figures[case]["init_ms"], figures[case]["first_answer_ms"]
        rows.append([words, init["median"], init["min"], first["median"]])
    return Table(title, ["handler", "init median", "init minimum", "first answer"], rows)
