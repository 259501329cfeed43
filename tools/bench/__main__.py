"""Measures everything in one run, and writes docs/performance.md and docs/performance.json.

python -m tools.bench [--quick] [--strict] [--no-write] [--only NAME] [--json PATH]
"""

import argparse
import dataclasses
import gc
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from testing.servers import MissingProgramError
from tools import report
from tools.bench import extension, memory, otlp, profiles, settling, speed, start, tags
from tools.bench.measurement import FULL, QUICK, Cell, Effort, Measurement, Table
from tools.children import ROOT

PAGE = ROOT / "docs" / "performance.md"
FIGURES = ROOT / "docs" / "performance.json"

# In the order of the report. A new measurement is one more function here.
MEASUREMENTS: dict[str, Callable[[Effort], Measurement]] = {
    "speed": speed.speed,
    "growth": speed.growth,
    "profiles": profiles.profiles,
    "otlp": otlp.otlp,
    "memory": memory.memory,
    "settling": settling.settling,
    "tags": tags.tags,
    "import": start.import_time,
    "init": start.init,
    "extension_start": extension.start,
    "extension_invocations": extension.invocations,
    "extension_throughput": extension.throughput,
    "extension_outage": extension.outage,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, with the arguments of this process by default.

    Returns:
        Exit status: 1 where a target is missed and `--strict` is given.
    """
    options = _options(arguments)
    effort = QUICK if options.quick else FULL
    found = {}
    for name in [options.only] if options.only else list(MEASUREMENTS):
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        try:
            found[name] = MEASUREMENTS[name](effort)
        except MissingProgramError as error:
            print(f"{name} cannot be measured here: {error}", file=sys.stderr)
        gc.collect()
    text = _text(list(found.values()))
    print(text)
    figures = _figures(found, effort)
    if options.json:
        options.json.write_text(figures, encoding="utf-8")
    if not (options.no_write or options.quick or options.only):
        FIGURES.write_text(figures, encoding="utf-8")
        report.write_between_markers(PAGE, "bench", text)
    missed = [target for one in found.values() for target in one.targets if not target.met]
    for target in missed:
        print(f"MISSED: {target.name}", file=sys.stderr)
    return 1 if missed and options.strict else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tools.bench", description="Measure speed, memory and starts."
    )
    parser.add_argument(
        "--quick", action="store_true", help="check that it works: small sizes, nothing in docs/"
    )
    parser.add_argument("--strict", action="store_true", help="exit 1 where a target is missed")
    parser.add_argument("--no-write", action="store_true", help="leave docs/ as it is")
    parser.add_argument("--only", choices=MEASUREMENTS, help="one measurement, nothing in docs/")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    return parser.parse_args(arguments)


def _text(measurements: Sequence[Measurement]) -> str:
    """Return all tables in Markdown, the targets first."""
    targets = [target for found in measurements for target in found.targets]
    rows: list[list[Cell]] = [
        [one.name, one.value, f"{one.limit:g} {one.unit}", "met" if one.met else "MISSED"]
        for one in targets
    ]
    tables = [Table("Targets", ["what", "measured", "at most", ""], rows)] if targets else []
    parts = [f"Measured on: {report.machine_in_words()}."]
    for table in [*tables, *(found.table for found in measurements)]:
        parts += [f"### {table.title}", report.markdown_table(table.headers, table.rows, [2])]
    return "\n\n".join(parts)


def _figures(measurements: dict[str, Measurement], effort: Effort) -> str:
    """Return everything that was measured as one JSON object."""
    figures: dict[str, Any] = {
        "machine": report.machine(),
        "effort": dataclasses.asdict(effort),
        "targets": [
            {**dataclasses.asdict(target), "met": target.met}
            for found in measurements.values()
            for target in found.targets
        ],
        **{name: found.figures for name, found in measurements.items()},
    }
    # Further digits mean nothing.
    rounded = json.loads(json.dumps(figures), parse_float=lambda text: round(float(text), 3))
    return json.dumps(rounded, indent=2) + "\n"


if __name__ == "__main__":
    sys.exit(main())
