"""How long the extension holds up an invocation, with destinations that are near and far."""

import tempfile
from pathlib import Path
from typing import Any

from testing.lambda_services.services import LambdaServices
from testing.log_destinations.logzio import LogzioDestination
from testing.log_destinations.treatment import delayed
from tools.bench.extension_run import deployed_python, running, spread, unpack
from tools.bench.measurement import Cell, Effort, Measurement, Table, Target

_ROUND_TRIPS_MS = (0, 50)
_LIMIT_MS = 50.0
# The first ones open the connection, and load what no invocation needs again.
_FIRST = 3


def measure(effort: Effort) -> Measurement:
    """Invoke a function that prints one line, again and again."""
    version, python = deployed_python()
    with tempfile.TemporaryDirectory() as name:
        layer = unpack(Path(name), python, python)
        figures: dict[str, Any] = {}
        for round_trip in _ROUND_TRIPS_MS:
            with (
                LogzioDestination(keep=None) as destination,
                LambdaServices() as services,
                running(layer, services, destination),
            ):
                destination.misbehave(delayed(round_trip / 1e3))
                count = _FIRST + effort.invocations
                added = [services.invoke(["a line\n"]).added_seconds for _ in range(count)]
            figures[str(round_trip)] = spread([1e3 * seconds for seconds in added[_FIRST:]])
    targets = [
        Target(
            f"added to an invocation, p99, round trip of {name} ms",
            found["p99"],
            float(name) + _LIMIT_MS,
            "ms",
        )
        for name, found in figures.items()
    ]
    rows: list[list[Cell]] = [
        [f"{name} ms away", found["min"], found["median"], found["p99"], found["max"]]
        for name, found in figures.items()
    ]
    title = f"Added to each of {effort.invocations} invocations by the extension, ms"
    headers = ["destination", "minimum", "median", "p99", "maximum"]
    return Measurement([Table(title, headers, rows)], {"python": version, **figures}, targets)
