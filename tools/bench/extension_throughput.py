"""How many records a second pass through the extension, and how soon its receiver answers."""

import statistics
import tempfile
from pathlib import Path
from typing import Any

from testing.lambda_services.services import LambdaServices
from tools.bench.extension_client import BODY_BYTES
from tools.bench.extension_lines import LINE_BYTES
from tools.bench.extension_run import (
    CountingDestination,
    Layer,
    deployed_python,
    running,
    send,
    spread,
    unpack,
)
from tools.bench.measurement import Cell, Effort, Measurement, Table, Target

# 100,000 records per second.
_RECORD_US = 10.0
_ANSWER_MS = 10.0
_RUNS = 3
# A function that prints ten times what Lambda's own pipeline takes without falling behind.
_PACE_SECONDS = 0.05
_ARRIVES_SECONDS = 60.0


def measure(effort: Effort) -> Measurement:
    """Let another process POST bodies as fast as it can, and at a pace."""
    version, python = deployed_python()
    with tempfile.TemporaryDirectory() as name:
        layer = unpack(Path(name), python, python)
        runs = [_run(layer, effort.bodies, 0.0) for _ in range(_RUNS)]
        paced = _run(layer, effort.bodies, _PACE_SECONDS)
    per_record = statistics.median(run["record_us"] for run in runs)
    figures = {"python": version, "record_us": per_record, "full_speed": runs, "paced": paced}
    targets = [
        Target("a record from POST to compressed body", per_record, _RECORD_US, "us"),
        Target("answer of the receiver, p99", paced["answer_ms"]["p99"], _ANSWER_MS, "ms"),
    ]
    return Measurement([_table(figures)], figures, targets)


def _run(layer: Layer, bodies: int, pause: float) -> dict[str, Any]:
    """Send bodies to an extension of its own, and wait until all of it has arrived."""
    with (
        CountingDestination(keep=None) as destination,
        LambdaServices() as services,
        running(layer, services, destination) as process,
    ):
        # What is loaded with the first delivery is loaded.
        services.invoke(["a line\n"])
        before = destination.acknowledged_count
        sent = send(services, bodies, pause)
        # The end of an invocation has sent what is too little to be sent at once.
        services.invoke()
        destination.wait_for(before + sent["records"], _ARRIVES_SECONDS)
        seconds = max(it.answered or 0.0 for it in destination.arrivals) - sent["begun"]
        peak = process.rss_bytes().peak / 1e6
        arrivals = destination.arrivals
    compressed = sum(arrival.body_bytes for arrival in arrivals)
    return {
        "records": sent["records"],
        "record_us": 1e6 * seconds / sent["records"],
        "answer_ms": spread([1e3 * answer for answer in sent["answers"]]),
        "compressed": sum(arrival.content_bytes for arrival in arrivals) / compressed,
        "peak_mb": peak,
    }


def _table(figures: dict[str, Any]) -> Table:
    rows: list[list[Cell]] = []
    cases = [("as fast as they are taken", run) for run in figures["full_speed"]]
    for words, run in [*cases, (f"one every {1e3 * _PACE_SECONDS:g} ms", figures["paced"])]:
        answer = run["answer_ms"]
        speed = f"{1e6 / run['record_us']:,.0f}"
        rows.append([words, speed, answer["median"], answer["p99"], answer["max"], run["peak_mb"]])
    headers = [
        "bodies",
        "records per s",
        "answer, median, ms",
        "p99, ms",
        "maximum, ms",
        "peak, MB",
    ]
    title = f"Bodies of {BODY_BYTES // 1000} kB with lines of {LINE_BYTES} bytes"
    return Table(title, headers, rows)
