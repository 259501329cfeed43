"""How long the extension takes from its start to its first GET /event/next, and what it weighs."""

import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from testing.lambda_services.services import LambdaServices
from testing.log_destinations.logzio import LogzioDestination
from testing.pythons import pythons
from tools.bench.extension_run import Layer, deployed_python, running, spread, unpack
from tools.bench.measurement import Cell, Effort, Measurement, Table, Target

_NEXT_MS = 150.0
_IDLE_MB = 35.0
_ZIP_KB = 100.0
_INVOCATIONS = 3


def measure(effort: Effort) -> Measurement:
    """Start the layer of each Python that is here, in turn, with .pyc files and without.

    The layer is compiled for one Python; on the others it runs from source.
    """
    deployed, compiling = deployed_python()
    # Without this no .pyc file fits.
    found = {**pythons(), deployed: compiling}
    with tempfile.TemporaryDirectory() as name:
        layers = {}
        for version, python in found.items():
            for way, compiled_for in (("compiled", python), ("source", _other(found, version))):
                folder = Path(name, f"{version}-{way}")
                folder.mkdir()
                layers[version, way] = unpack(folder, python, compiled_for)
        figures = _figures(layers, effort)
        size = layers[deployed, "compiled"].zip_bytes
    own = figures[deployed]
    targets = [
        Target(f"first next, CPython {deployed}", own["compiled"]["median"], _NEXT_MS, "ms"),
        Target("idle extension", max(it["idle_mb"] for it in figures.values()), _IDLE_MB, "MB"),
        Target("zip of the layer", size / 1e3, _ZIP_KB, "kB"),
    ]
    return Measurement([_table(figures, deployed)], {"zip_bytes": size, **figures}, targets)


def _other(found: dict[str, Path], version: str) -> Path:
    """Give a Python whose .pyc files another one cannot use; where there is none, that one."""
    return next((python for other, python in found.items() if other != version), found[version])


def _figures(layers: dict[tuple[str, str], Layer], effort: Effort) -> dict[str, Any]:
    times: dict[tuple[str, str], list[float]] = {case: [] for case in layers}
    empty: dict[str, list[float]] = {version: [] for version, _ in layers}
    idle: dict[str, float] = {}
    # The first round only brings all files into memory.
    for number in range(1 + effort.starts):
        for (version, way), layer in layers.items():
            milliseconds, megabytes = _start(layer)
            idle[version] = max(idle.get(version, 0.0), megabytes)
            if number:
                times[version, way].append(milliseconds)
                empty[version].append(_empty(layer))
    return {
        version: {
            "compiled": spread(times[version, "compiled"]),
            "source": spread(times[version, "source"]),
            "empty": spread(empty[version]),
            "idle_mb": idle[version],
        }
        for version in empty
    }


def _start(layer: Layer) -> tuple[float, float]:
    """Give the ms to the first `next`, and the MB after some invocations."""
    with (
        LogzioDestination(keep=None) as destination,
        LambdaServices() as services,
        running(layer, services, destination) as process,
    ):
        (extension,) = services.extensions
        for _ in range(_INVOCATIONS):
            services.invoke(["a line\n"])
        return 1e3 * (extension.asked_at[0] - process.begun), process.rss_bytes().current / 1e6


def _empty(layer: Layer) -> float:
    """Give the ms that the same Python takes for nothing."""
    begun = time.perf_counter()
    subprocess.run([layer.path / "python3", "-I", "-S", "-c", ""], check=True)
    return 1e3 * (time.perf_counter() - begun)


def _table(figures: dict[str, Any], deployed: str) -> Table:
    rows: list[list[Cell]] = []
    for version, found in figures.items():
        compiled, source, empty = found["compiled"], found["source"], found["empty"]
        rows.append(
            [
                f"CPython {version}{', as deployed' if version == deployed else ''}",
                *(compiled["median"], compiled["min"], source["median"], source["min"]),
                *(empty["median"], found["idle_mb"]),
            ]
        )
    headers = ["extension", "median", "best", "source, median", "source, best", "empty", "idle, MB"]
    return Table("From the start of the extension to its first `next`, ms", headers, rows)
