"""Measures what hostile events take, each in a fresh process; writes docs/reliability.md.

python -m tools.fuzz.hostile [--only TEXT] [--no-write]
"""

import argparse
import contextlib
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from tools import report
from tools.children import ROOT
from tools.fuzz.hostile_events import Case, cases
from tools.instance import Invocation, running_instance

TIMEOUT_SECONDS = 30.0
"""Lambda's timeout in template.yaml."""

# As in template.yaml too: DELIVERY_BUDGET_SECONDS is 25.
_BUDGET_ENDS_BEFORE = 5.0

# Of a request that takes a millisecond, the first is slower for what it imports.
_REPETITIONS = 5


@dataclass(frozen=True)
class Result:
    """What an event took.

    Attributes:
        case: The event.
        event_bytes: Its size as JSON.
        invocation: The response and its cost; None where the process did not survive.
        timeout_seconds: Lambda's timeout, as the function saw it.
    """

    case: Case
    event_bytes: int
    invocation: Invocation | None
    timeout_seconds: float = TIMEOUT_SECONDS

    @property
    def problems(self) -> list[str]:
        """What is not as it should be."""
        one = self.invocation
        if one is None:
            return ["the process has ended"]
        found = []
        if one.status not in self.case.statuses:
            found.append(f"answered {one.status}: {one.words[:200]}")
        if one.seconds >= self.timeout_seconds:
            found.append(f"took {one.seconds:.1f} s")
        if one.processor_seconds >= TIMEOUT_SECONDS:
            found.append(f"took {one.processor_seconds:.1f} s of a processor")
        if one.handler_ms > (self.case.limit_ms or math.inf):
            found.append(f"took {one.handler_ms:.1f} ms of a processor")
        if one.peak_mb > self.case.limit_mb:
            found.append(f"took {one.peak_mb:.0f} MB, limit {self.case.limit_mb}")
        return found


def measure(case: Case, timeout_seconds: float = TIMEOUT_SECONDS) -> Result:
    """Invoke the function with an event in a process of its own; the listener is this one.

    Args:
        case: The event.
        timeout_seconds: Lambda's timeout, which may be longer on a machine that does other
            things too. The CPU time that an event may take is always the same.
    """
    event = json.dumps(case.make()).encode()
    variables = {
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(case.memory_mb),
        "DELIVERY_BUDGET_SECONDS": str(timeout_seconds - _BUDGET_ENDS_BEFORE),
    }
    invocation = None
    with (
        contextlib.suppress(RuntimeError),
        running_instance(
            timeout_seconds=timeout_seconds,
            kill_after_seconds=4 * timeout_seconds,
            variables=variables,
        ) as instance,
    ):
        invocation = instance.invoke(event)
        if case.limit_ms is not None:
            repeated = [instance.invoke(event) for _ in range(_REPETITIONS)]
            invocation = min(repeated, key=lambda one: one.handler_ms)
    return Result(case, len(event), invocation, timeout_seconds)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, with the arguments of this process by default.

    Returns:
        1 where an event takes more than it may, or gets a wrong response.
    """
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz.hostile")
    parser.add_argument("--only", default="", metavar="TEXT", help="cases whose name holds it")
    parser.add_argument("--no-write", action="store_true", help="leave docs/ as it is")
    options = parser.parse_args(arguments)
    found = []
    for case in cases():
        if options.only in case.name:
            print(f"{case.name} ...", file=sys.stderr, flush=True)
            found.append(measure(case))
    table = _table(found)
    print(table)
    if not (options.only or options.no_write):
        text = f"Measured on: {report.machine_in_words()}.\n\n{table}"
        report.write_between_markers(ROOT / "docs" / "reliability.md", "hostile", text)
    return 1 if any(one.problems for one in found) else 0


def _table(found: Sequence[Result]) -> str:
    rows: list[list[str | float]] = []
    for one in found:
        cost: list[str | float] = ["-", "-", "-", "-"]
        if one.invocation is not None:
            status = str(one.invocation.status or "records")
            invocation = one.invocation
            cost = [status, invocation.seconds, invocation.handler_ms, invocation.peak_mb]
        rows.append([one.case.name, one.event_bytes / 1000, *cost, "; ".join(one.problems) or "ok"])
    headers = ["what", "event, kB", "answer", "seconds", "handler's CPU, ms", "peak, MB", ""]
    return report.markdown_table(headers, rows, [0, 1, 0, 1, 1, 0])


if __name__ == "__main__":
    sys.exit(main())
