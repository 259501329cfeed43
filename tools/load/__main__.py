"""
Loads one instance of the function on one processor, and writes the table into docs/reliability.md.

python -m load [--minutes MINUTES] [--no-write]
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from tabulate import tabulate

from tools.bench import machine
from tools.bench.processes import ROOT
from tools.fuzz.pages import write_between
from tools.load.run import Plan, Result, run

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run the command.

    Args:
        arguments: The command line without the program's name; None: the process's own.

    Returns:
        1 where memory grew or a delivery was not answered 200.
    """
    parser = argparse.ArgumentParser(prog="python -m load", description="Load one instance.")
    parser.add_argument("--minutes", type=float, default=30.0, help="for how long, as a whole")
    parser.add_argument("--no-write", action="store_true", help="leave docs/ as it is")
    options = parser.parse_args(arguments)
    result = run(Plan(seconds=60 * options.minutes))
    text = report(result)
    print(text)
    if not options.no_write:
        write_between(ROOT / "docs" / "reliability.md", "load", text)
    for problem in result.problems:
        print(problem, file=sys.stderr)
    return 1 if result.problems else 0


def report(result: Result) -> str:
    """Return the table, with what was run above it and what became of memory below."""
    plan, memory = result.plan, result.memory
    rows = [
        [
            f"{step.rate:.1f}" if step.rate else "one after the other",
            step.throughput,
            f"{step.throughput * plan.points:,.0f}",
            1000 * step.latency(50),
            1000 * step.latency(99),
            100 * step.processor_seconds / step.seconds,
            step.peak_mb,
        ]
        for step in result.steps
    ]
    headers = [
        "due per second",
        "answered per second",
        "points per second",
        "p50, ms",
        "p99, ms",
        "processor, %",
        "peak, MB",
    ]
    formats = ("", ".1f", "", ".0f", ".0f", ".0f", ".0f")
    table = tabulate(
        rows,
        headers=headers,
        tablefmt="github",
        floatfmt=formats,
        colalign=("right",) * len(headers),
        disable_numparse=[0, 2],
    )
    minutes = sum(step.seconds for step in result.steps) / 60
    answered = sum(len(step.latencies) for step in result.steps)
    verdict = "flat" if memory.flat else "NOT FLAT"
    return (
        f"{minutes:.1f} minutes, {answered:,} deliveries of {plan.points:,} data points, "
        f"{plan.new_share:.0%} of them of series that no delivery had before. "
        f"Measured on: {machine.words()}.\n\n{table}\n\n"
        f"Memory after the warm-up: {memory.mean_mb:.0f} MB in the mean of the windows' peaks, "
        f"{memory.growth_mb:+.1f} MB from the first window to the last "
        f"(at most {memory.allowed_mb:.1f}): {verdict}."
    )


if __name__ == "__main__":
    sys.exit(main())
