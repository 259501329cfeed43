"""Peak memory of an instance that takes large deliveries and sends them over loopback."""

import json
from typing import Any

from testing.events.otlp import Format
from testing.receiver import Receiver
from tools.bench.delivery import generated
from tools.bench.measurement import FORMATS, Cell, Effort, Measurement, Table, Target
from tools.instance import running_instance

_LIMIT_MB = 160.0
_SETTINGS = {"LISTENER_TIMEOUT_SECONDS": "60", "DELIVERY_BUDGET_SECONDS": "120"}


def memory(effort: Effort) -> Measurement:
    """Start an instance for each format; the listener is this process."""
    figures = {name: _measure(otlp, effort) for name, otlp in FORMATS.items()}
    deliveries = 1 + effort.warm_deliveries
    targets = [
        Target(f"peak memory, {words}, format {name}", found["peak_mb"][index], _LIMIT_MB, "MB")
        for name, found in figures.items()
        for index, words in ((0, "first delivery"), (-1, f"{deliveries} deliveries"))
    ]
    rows: list[list[Cell]] = [
        [
            f"format {name}",
            found["peak_mb"][0],
            found["peak_mb"][-1],
        ]
        for name, found in figures.items()
    ]
    headers = ["peak, MB", "first delivery", f"{deliveries} deliveries"]
    title = f"Memory of an instance that takes deliveries of {effort.points:,} points"
    return Measurement(Table(title, headers, rows), figures, targets)


def _measure(otlp: Format, effort: Effort) -> dict[str, Any]:
    with Receiver() as receiver:
        with running_instance(receiver.url, timeout_seconds=120.0, variables=_SETTINGS) as instance:
            found = [
                instance.invoke(json.dumps(generated(effort.points, minute, otlp)).encode())
                for minute in range(1 + effort.warm_deliveries)
            ]
        if receiver.violations:
            raise AssertionError(f"remote write: {receiver.violations[0]}")
    failed = [invocation for invocation in found if invocation.status != 200]
    if failed:
        raise AssertionError(f"the function answered {failed[0].status}: {failed[0].words}")
    return {"peak_mb": [invocation.peak_mb for invocation in found]}
