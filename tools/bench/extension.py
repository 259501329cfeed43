"""What the logs extension costs: its start, its size, its hold on invocations, its memory."""

import statistics
from typing import Any

from testing.artifact import deployed_interpreter
from testing.log_destinations.treatment import Treatment, delayed, stalled, status
from tools.bench.extension_client import BODY_BYTES
from tools.bench.extension_lines import LINE_BYTES
from tools.bench.extension_run import Layer, Running, running_extension, unpacked_layer
from tools.bench.measurement import Cell, Effort, Measurement, Table, Target, spread
from tools.children import run_module

_FIRST_NEXT_MS, _IDLE_MB, _LAYER_KB = 150.0, 35.0, 250.0
_ADDED_MS, _OUTAGE_MB = 50.0, 45.0
# 100,000 records per second.
_RECORD_US, _RECEIVER_MS = 10.0, 10.0
_ROUND_TRIPS_MS = (0, 50)
# The first invocations open the connection, and load what no later one has to load.
_FIRST_INVOCATIONS = 3
_RUNS = 3
# A function that prints ten times what Lambda's own pipeline takes without falling behind.
_PACE_SECONDS = 0.05
_ARRIVES_SECONDS = 60.0
_OUTAGES = {
    "answers 503": status(503),
    "never answers": stalled(),
    "reads nothing": stalled(reads=False),
}


def start(effort: Effort) -> Measurement:
    """Start the layer again and again; the first time only brings all files into memory."""
    version = deployed_interpreter().version
    with unpacked_layer() as layer:
        starts = [_start(layer) for _ in range(1 + effort.starts)][1:]
    first_next = spread([milliseconds for milliseconds, _ in starts])
    figures: dict[str, Any] = {
        "first_next_ms": first_next,
        "idle_mb": max(megabytes for _, megabytes in starts),
        "zip_kb": layer.zip_bytes / 1e3,
    }
    targets = [
        Target(f"first next, CPython {version}", first_next["median"], _FIRST_NEXT_MS, "ms"),
        Target("idle extension", figures["idle_mb"], _IDLE_MB, "MB"),
        Target("zip of the layer", figures["zip_kb"], _LAYER_KB, "kB"),
    ]
    row: list[Cell] = [f"CPython {version}", first_next["median"], first_next["min"]]
    headers = ["extension", "median", "minimum", "idle, MB"]
    title = "From the start of the extension to its first `next`, ms"
    return Measurement(Table(title, headers, [[*row, figures["idle_mb"]]]), figures, targets)


def _start(layer: Layer) -> tuple[float, float]:
    """Return the ms to the first `next`, and the MB after some invocations."""
    with running_extension(layer) as running:
        (extension,) = running.services.extensions
        for _ in range(_FIRST_INVOCATIONS):
            running.services.invoke(["a line\n"])
        return 1e3 * (extension.asked_at[0] - running.process.begun), running.resident_mb()


def invocations(effort: Effort) -> Measurement:
    """Invoke a function that prints one line, with destinations near and far."""
    figures: dict[str, Any] = {}
    with unpacked_layer() as layer:
        for round_trip in _ROUND_TRIPS_MS:
            with running_extension(layer) as running:
                running.destination.misbehave(delayed(round_trip / 1e3))
                count = _FIRST_INVOCATIONS + effort.invocations
                added = [running.services.invoke(["a line\n"]).added_seconds for _ in range(count)]
            figures[str(round_trip)] = spread([1e3 * s for s in added[_FIRST_INVOCATIONS:]])
    targets = [
        Target(
            f"added to an invocation, p99, round trip of {name} ms",
            found["p99"],
            float(name) + _ADDED_MS,
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
    return Measurement(Table(title, headers, rows), figures, targets)


def throughput(effort: Effort) -> Measurement:
    """Let another process POST bodies as fast as it can, and at a pace."""
    with unpacked_layer() as layer:
        runs = [_load(layer, effort.bodies, 0.0) for _ in range(_RUNS)]
        paced = _load(layer, effort.bodies, _PACE_SECONDS)
    per_record = statistics.median(run["record_us"] for run in runs)
    rows: list[list[Cell]] = []
    cases = [*(("as fast as possible", run) for run in runs)]
    for words, run in [*cases, (f"one every {1e3 * _PACE_SECONDS:g} ms", paced)]:
        answer = run["receiver_ms"]
        rate = f"{1e6 / run['record_us']:,.0f}"
        rows.append([words, rate, answer["median"], answer["p99"], answer["max"], run["peak_mb"]])
    title = f"Bodies of {BODY_BYTES // 1000} kB with lines of {LINE_BYTES} bytes"
    headers = ["bodies", "records per s", "response, median, ms", "p99, ms", "maximum, ms", "MB"]
    targets = [
        Target("a record from POST to compressed body", per_record, _RECORD_US, "us"),
        Target("response of the receiver, p99", paced["receiver_ms"]["p99"], _RECEIVER_MS, "ms"),
    ]
    figures = {"record_us": per_record, "full_speed": runs, "paced": paced}
    return Measurement(Table(title, headers, rows), figures, targets)


def _load(layer: Layer, bodies: int, pause: float) -> dict[str, Any]:
    """Send bodies to an extension of its own, and wait until all of it has arrived."""
    with running_extension(layer) as running:
        # What is loaded with the first delivery is loaded.
        running.services.invoke(["a line\n"])
        before = running.destination.acknowledged_count
        sent = _post(running, bodies, pause)
        # The end of an invocation flushes what is too little for a body of its own.
        running.services.invoke()
        running.destination.wait_for(before + sent["records"], _ARRIVES_SECONDS)
        arrivals = running.destination.arrivals
        peak_mb = running.peak_mb()
    seconds = max(arrival.answered or 0.0 for arrival in arrivals) - sent["begun"]
    return {
        "records": sent["records"],
        "record_us": 1e6 * seconds / sent["records"],
        "receiver_ms": spread([1e3 * seconds for seconds in sent["seconds"]]),
        "peak_mb": peak_mb,
    }


def outage(effort: Effort) -> Measurement:
    """Log a lot while the destination is down, in one way or another."""
    with unpacked_layer() as layer:
        figures = {words: _outage(layer, effort, how) for words, how in _OUTAGES.items()}
    peak = max(found["peak_mb"] for found in figures.values())
    rows: list[list[Cell]] = [
        [words, found["idle_mb"], found["peak_mb"]] for words, found in figures.items()
    ]
    megabytes = effort.outage_bodies * BODY_BYTES / 1e6
    headers = ["destination", "before", "peak"]
    title = f"Memory while {megabytes:,.0f} MB are logged and nothing can be sent, MB"
    target = Target("extension in an outage, peak", peak, _OUTAGE_MB, "MB")
    return Measurement(Table(title, headers, rows), figures, [target])


def _outage(layer: Layer, effort: Effort, treatment: Treatment) -> dict[str, Any]:
    with running_extension(layer) as running:
        running.services.invoke(["a line\n"])
        idle_mb = running.resident_mb()
        running.destination.misbehave(treatment)
        _post(running, effort.outage_bodies, 0.0)
        return {"idle_mb": idle_mb, "peak_mb": running.peak_mb()}


def _post(running: Running, bodies: int, pause: float) -> dict[str, Any]:
    """Let another process POST bodies to the extension, and return what it reports."""
    (stream,) = running.services.environment.current_streams()
    port = stream.subscription.port
    return run_module("tools.bench.extension_client", str(port), str(bodies), str(pause))
