"""Peak memory of a process that takes large deliveries the whole way, listener included."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from testing.events.firehose import ACCESS_KEY
from testing.events.ingresses import Event
from testing.receiver import Receiver
from tools.bench.deliveries import generated
from tools.bench.measurement import FORMATS, Cell, Effort, Measurement, Table, Target
from tools.bench.processes import ROOT, environment

_LIMIT_MB = 160.0


def measure(effort: Effort) -> Measurement:
    """Start the function in a process of its own, one for each format."""
    figures = {}
    for name, otlp in FORMATS.items():
        deliveries = [generated(effort.points, m, otlp) for m in range(1 + effort.warm_deliveries)]
        figures[name] = _run(deliveries, effort.points)
    targets = [
        Target(
            f"peak memory, {words}, format {name}",
            found["deliveries"][index]["peak_mb"],
            _LIMIT_MB,
            "MB",
        )
        for name, found in figures.items()
        for index, words in (
            (0, "first delivery"),
            (-1, f"{1 + effort.warm_deliveries} deliveries"),
        )
    ]
    return Measurement([_table(figures, effort)], figures, targets)


def _run(deliveries: list[Event], points: int) -> dict[str, Any]:
    """Let the function take deliveries; what receives them is another process: this one."""
    with tempfile.TemporaryDirectory() as folder, Receiver() as receiver:
        paths = []
        for number, event in enumerate(deliveries):
            paths.append(Path(folder, f"{number}.json"))
            paths[-1].write_text(json.dumps(event), encoding="utf-8")
        process = subprocess.run(
            [sys.executable, "-m", "tools.bench.function_process", *map(str, paths)],
            cwd=ROOT,
            env=environment(_settings(receiver.url)),
            stdout=subprocess.PIPE,
            check=True,
        )
        if receiver.violations:
            raise AssertionError(f"remote write: {receiver.violations[0]}")
    report: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    for delivery in report["deliveries"]:
        if delivery["status"] != 200:
            raise AssertionError(f"the function answered {delivery['status']}")
        delivery["cpu_us"] = 1e6 * delivery.pop("cpu_s") / points
    return report


def _settings(url: str) -> dict[str, str]:
    return {
        "LOGZIO_METRICS_LISTENER": url,
        "LOGZIO_METRICS_TOKEN": "bench-token",
        "FIREHOSE_ACCESS_KEY": ACCESS_KEY,
        "LISTENER_TIMEOUT_SECONDS": "60",
        "DELIVERY_BUDGET_SECONDS": "120",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


def _table(figures: dict[str, Any], effort: Effort) -> Table:
    rows: list[list[Cell]] = [
        ["interpreter started, MB", *(found["started_mb"] for found in figures.values())],
        ["handler.app imported, MB", *(found["imported_mb"] for found in figures.values())],
    ]
    for words, index, key in (
        ("first delivery, MB", 0, "peak_mb"),
        (f"{effort.warm_deliveries} more, MB", -1, "peak_mb"),
        ("first delivery, us of CPU per point", 0, "cpu_us"),
        ("last delivery, us of CPU per point", -1, "cpu_us"),
    ):
        rows.append([words, *(found["deliveries"][index][key] for found in figures.values())])
    title = f"A process that takes {effort.points:,} points end to end, over loopback"
    return Table(title, ["peak so far", *(f"format {name}" for name in figures)], rows)
