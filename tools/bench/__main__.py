"""Measures everything in one run, and writes it down.

python -m bench [--quick] [--strict] [--no-write] [--only NAME] [--json PATH]

Without options the tables go into docs/performance.md and the figures into
docs/performance.json, beside being printed.
"""

import argparse
import dataclasses
import gc
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tools.bench import (
    captures,
    cold_start,
    extension_invocations,
    extension_outage,
    extension_start,
    extension_throughput,
    growth,
    imports,
    machine,
    memory,
    report,
    speed,
)
from tools.bench.measurement import FULL, QUICK, Effort, Measurement

# In the order of the report. One more measurement is one more module with such a function.
MEASUREMENTS: dict[str, Callable[[Effort], Measurement]] = {
    "speed": speed.measure,
    "captures": captures.measure,
    "growth": growth.measure,
    "memory": memory.measure,
    "import": imports.measure,
    "cold_start": cold_start.measure,
    "extension_start": extension_start.measure,
    "extension_invocations": extension_invocations.measure,
    "extension_throughput": extension_throughput.measure,
    "extension_outage": extension_outage.measure,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: The command line without the program's name; None: the process's own.

    Returns:
        Exit status: 1 when a target is missed and `--strict` is given.
    """
    options = _options(arguments)
    effort = QUICK if options.quick else FULL
    names = [options.only] if options.only else list(MEASUREMENTS)
    found = {}
    for name in names:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        found[name] = MEASUREMENTS[name](effort)
        gc.collect()
    kind = machine.describe()
    tables = report.text(list(found.values()), machine.words())
    print(tables)
    figures = report.figures(found, dict(kind), dataclasses.asdict(effort))
    if options.json:
        report.write_json(options.json, figures)
    if not (options.no_write or options.quick or options.only):
        report.write_json(report.FIGURES, figures)
        report.write_page(report.PAGE, tables)
    missed = [t.name for measurement in found.values() for t in measurement.targets if not t.met]
    for name in missed:
        print(f"MISSED: {name}", file=sys.stderr)
    return 1 if missed and options.strict else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure speed, memory and import time."
    )
    parser.add_argument(
        "--quick", action="store_true", help="see that it works: small sizes, nothing in docs/"
    )
    parser.add_argument("--strict", action="store_true", help="exit 1 when a target is missed")
    parser.add_argument("--no-write", action="store_true", help="leave docs/ as it is")
    parser.add_argument("--only", choices=MEASUREMENTS, help="one measurement, nothing in docs/")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
