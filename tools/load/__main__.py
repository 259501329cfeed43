"""Loads one instance of the function on one processor; writes docs/reliability.md.

python -m tools.load [--minutes MINUTES] [--no-write]
"""

import argparse
import sys
from collections.abc import Sequence

from tools import report
from tools.children import ROOT
from tools.load.run import Plan, Result, run


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, with the arguments of this process by default.

    Returns:
        1 where memory grew or a delivery was not answered 200.
    """
    parser = argparse.ArgumentParser(prog="python -m tools.load", description="Load one instance.")
    parser.add_argument("--minutes", type=float, default=30.0, help="duration of the whole run")
    parser.add_argument("--no-write", action="store_true", help="leave docs/ as it is")
    options = parser.parse_args(arguments)
    result = run(Plan(seconds=60 * options.minutes))
    text = summary(result)
    print(text)
    if not options.no_write:
        report.write_between_markers(ROOT / "docs" / "reliability.md", "load", text)
    for problem in result.problems:
        print(problem, file=sys.stderr)
    return 1 if result.problems else 0


def summary(result: Result) -> str:
    """Return the table, the deliveries above it, and the memory below."""
    plan, memory = result.plan, result.memory
    rows: list[list[str | float]] = [
        [
            f"{step.rate:.1f}" if step.rate else "one after the other",
            step.throughput,
            f"{step.throughput * plan.points:,.0f}",
            1000 * step.latency(50),
            1000 * step.latency(99),
            100 * step.processor_seconds / step.seconds,
            max(mb for _, mb in step.memory),
        ]
        for step in result.steps
    ]
    headers = ["due per second", "answered per second", "points per second"]
    headers += ["p50, ms", "p99, ms", "processor, %", "peak, MB"]
    table = report.markdown_table(headers, rows, [1, 1, 0])
    minutes = sum(step.seconds for step in result.steps) / 60
    answered = sum(len(step.latencies) for step in result.steps)
    return (
        f"{minutes:.1f} minutes, {answered:,} deliveries of {plan.points:,} data points, "
        f"{plan.new_share:.0%} of them of series that no delivery had before. "
        f"Measured on: {report.machine_in_words()}.\n\n{table}\n\n"
        f"Memory after the warm-up: {memory.mean_mb:.0f} MB in the mean of the windows' peaks, "
        f"growth {memory.growth_mb:+.1f} MB from the first window to the last "
        f"(allowed {memory.allowed_mb:.1f}): {'flat' if memory.flat else 'NOT FLAT'}."
    )


if __name__ == "__main__":
    sys.exit(main())
