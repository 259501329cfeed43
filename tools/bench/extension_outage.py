"""How much memory the extension needs while its destination is down, in one way or another."""

import contextlib
import tempfile
from pathlib import Path
from typing import Any

from testing.lambda_services.services import LambdaServices
from testing.log_destinations.treatment import Treatment, stalled, status
from tools.bench.extension_client import BODY_BYTES
from tools.bench.extension_run import (
    CountingDestination,
    Layer,
    deployed_python,
    running,
    send,
    unpack,
)
from tools.bench.measurement import Cell, Effort, Measurement, Table, Target

_LIMIT_MB = 45.0
_WAYS = {"answers 503": status(503), "never answers": stalled(), "reads nothing": None}
_ROUNDS = 6


def measure(effort: Effort) -> Measurement:
    """Send it so much while the destination is down, and look how much it holds."""
    version, python = deployed_python()
    with tempfile.TemporaryDirectory() as name:
        layer = unpack(Path(name), python, python)
        figures = {words: _run(layer, effort, treatment) for words, treatment in _WAYS.items()}
    peak = max(found["peak_mb"] for found in figures.values())
    rows: list[list[Cell]] = [
        [words, found["idle_mb"], *found["resident_mb"], found["peak_mb"]]
        for words, found in figures.items()
    ]
    megabytes = effort.outage_bodies * BODY_BYTES / 1e6
    headers = ["destination", "before", *(f"after {it + 1}/{_ROUNDS}" for it in range(_ROUNDS))]
    title = f"Memory while {megabytes:,.0f} MB are logged and nothing can be sent, MB"
    return Measurement(
        [Table(title, [*headers, "peak"], rows)],
        {"python": version, **figures},
        [Target("extension in an outage, peak", peak, _LIMIT_MB, "MB")],
    )


def _run(layer: Layer, effort: Effort, treatment: Treatment | None) -> dict[str, Any]:
    with (
        CountingDestination(keep=None) as destination,
        LambdaServices() as services,
        running(layer, services, destination) as process,
        contextlib.ExitStack() as stack,
    ):
        services.invoke(["a line\n"])
        idle = process.rss_bytes().current
        if treatment is None:
            stack.enter_context(destination.black_hole())
        else:
            destination.misbehave(treatment)
        resident = []
        for _ in range(_ROUNDS):
            send(services, effort.outage_bodies // _ROUNDS, 0.0)
            resident.append(process.rss_bytes().current / 1e6)
        peak = process.rss_bytes().peak
    return {"idle_mb": idle / 1e6, "resident_mb": resident, "peak_mb": peak / 1e6}
