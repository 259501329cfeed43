"""How long `import handler.app` takes in a fresh interpreter, with and without .pyc files."""

import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from typing import Any

from tools.bench.measurement import Cell, Effort, Measurement, Table, Target
from tools.bench.processes import ROOT, environment

_LIMIT_MS = 110.0
_TOP = 10

_TIMED = """
import time
wall, cpu = time.perf_counter(), time.process_time()
{}
print(1e3 * (time.perf_counter() - wall), 1e3 * (time.process_time() - cpu))
"""
_FUNCTION = _TIMED.format("import handler.app")
# What the function cannot do without, and what of Python itself sends; the rest is its own.
_LIBRARIES = _TIMED.format("""
import concurrent.futures.thread, http.client, ssl
import snappy
import opentelemetry.proto.metrics.v1.metrics_pb2
import aws_lambda_powertools
import aws_lambda_powertools.metrics
""")

# Files that nothing compares with their source, as a deployed function has them.
_COMPILE = """
import py_compile, sys, sysconfig
import handler.app
unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
library, packages = sysconfig.get_path("stdlib"), sysconfig.get_path("purelib")
for module in list(sys.modules.values()):
    source = getattr(module, "__file__", None) or ""
    of_python = source.startswith(library) and not source.startswith(packages)
    if source.endswith(".py") and (of_python or sys.argv[1] == "all"):
        py_compile.compile(source, invalidation_mode=unchecked)
"""

_IMPORT_TIME = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \| +(\S+)")


class _Interpreter:
    """Fresh interpreters that read their .pyc files from one folder and write none.

    Args:
        folder: An empty one.
        compiled: `all` to fill it for every module; `python` for those of Python itself,
            which a Lambda runtime ships with their .pyc files.
    """

    def __init__(self, folder: str, compiled: str) -> None:
        self._variables = {"PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": "1"}
        self.run(_COMPILE, compiled)

    def run(self, code: str, *arguments: str, options: tuple[str, ...] = ()) -> tuple[str, str]:
        """Run code, and give what it writes to stdout and to stderr."""
        process = subprocess.run(
            [sys.executable, *options, "-c", code, *arguments],
            cwd=ROOT,
            env=environment(self._variables),
            capture_output=True,
            text=True,
            check=True,
        )
        return process.stdout, process.stderr


def measure(effort: Effort) -> Measurement:
    """Import again and again, each time in a new process."""
    with tempfile.TemporaryDirectory() as all_folder, tempfile.TemporaryDirectory() as folder:
        compiled = _Interpreter(all_folder, "all")
        cases = {
            "with_pyc": (compiled, _FUNCTION),
            "libraries_with_pyc": (compiled, _LIBRARIES),
            "without_pyc": (_Interpreter(folder, "python"), _FUNCTION),
        }
        wall: dict[str, list[float]] = {name: [] for name in (*cases, "empty_interpreter")}
        cpu: dict[str, list[float]] = {name: [] for name in cases}
        for _ in range(effort.processes):
            for name, (interpreter, code) in cases.items():
                milliseconds = interpreter.run(code)[0].split()
                wall[name].append(float(milliseconds[0]))
                cpu[name].append(float(milliseconds[1]))
            begun = time.perf_counter()
            compiled.run("")
            wall["empty_interpreter"].append(1e3 * (time.perf_counter() - begun))
        slowest = _slowest(compiled)
    figures: dict[str, Any] = {name: {"wall_ms": _spread(times)} for name, times in wall.items()}
    for name, times in cpu.items():
        figures[name]["cpu_ms"] = _spread(times)
    target = Target(
        "import with .pyc files", figures["with_pyc"]["wall_ms"]["median"], _LIMIT_MS, "ms"
    )
    return Measurement([_table(figures)], {**figures, **slowest}, [target])


def _slowest(interpreter: _Interpreter) -> dict[str, Any]:
    """Tell which packages and modules the time goes to, in ms without their own imports."""
    _, trace = interpreter.run("import handler.app", options=("-X", "importtime"))
    modules = [(name, int(own) / 1e3) for own, _, name in _IMPORT_TIME.findall(trace)]
    packages: Counter[str] = Counter()
    for name, own in modules:
        packages[name.partition(".")[0]] += own  # type: ignore[assignment]  # a float counts too
    return {
        "slowest_packages": {name: round(ms, 3) for name, ms in packages.most_common(_TOP)},
        "slowest_modules": dict(sorted(modules, key=lambda module: -module[1])[:_TOP]),
    }


def _spread(milliseconds: list[float]) -> dict[str, float]:
    return {"median": statistics.median(milliseconds), "min": min(milliseconds)}


def _table(figures: dict[str, Any]) -> Table:
    words = {
        "with_pyc": "import handler.app, with .pyc files",
        "libraries_with_pyc": "of that, the libraries alone",
        "without_pyc": "import handler.app, without",
        "empty_interpreter": "start and end of an empty interpreter",
    }
    rows: list[list[Cell]] = []
    for name, text in words.items():
        wall, cpu = figures[name]["wall_ms"], figures[name].get("cpu_ms")
        rows.append([text, wall["median"], wall["min"], cpu["median"] if cpu else ""])
    return Table("Import, ms", ["process", "wall median", "wall minimum", "CPU median"], rows)
