"""
Measures what hostile events take, each in a fresh process; the table goes to docs/reliability.md.

python -m fuzz.hostile [--only TEXT] [--no-write]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tabulate import tabulate

from testing.events.firehose import ACCESS_KEY
from testing.misbehaving import raw_listener
from tools.bench import machine
from tools.bench.processes import ROOT, environment
from tools.fuzz.hostile_events import Case, cases
from tools.fuzz.pages import write_between

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

# Lambda's timeout in template.yaml: nothing may take as long.
TIMEOUT_SECONDS = 30.0

# As in template.yaml too: DELIVERY_BUDGET_SECONDS is 25.
_BUDGET_ENDS_BEFORE = 5.0


@dataclass(frozen=True)
class Found:
    """
    What an event came to.

    Attributes:
        case: The event.
        event_bytes: Its size as JSON.
        status: The answer's status; 0 for a transformation.
        words: The answer's error message.
        seconds: From the handler's entry to its answer.
        processor_seconds: How much of a processor that took.
        peak_mb: The most memory of the process, in MB of 10^6 bytes.
        timeout_seconds: Lambda's timeout, as the function was told.
    """

    case: Case
    event_bytes: int
    status: int
    words: str
    seconds: float
    processor_seconds: float
    peak_mb: float
    timeout_seconds: float = TIMEOUT_SECONDS

    @property
    def problems(self) -> list[str]:
        """What is not as it should be."""
        found = []
        if self.status not in self.case.statuses:
            found.append(f"answered {self.status}: {self.words[:200]}")
        if self.seconds >= self.timeout_seconds:
            found.append(f"took {self.seconds:.1f} s")
        if self.processor_seconds >= TIMEOUT_SECONDS:
            found.append(f"took {self.processor_seconds:.1f} s of a processor")
        if self.peak_mb > self.case.limit_mb:
            found.append(f"took {self.peak_mb:.0f} MB, not {self.case.limit_mb}")
        return found


def _taken(_connection: socket.socket, _request: bytes) -> bytes:
    """Answer at once: a listener that decodes what it gets would take the processor."""
    return b"HTTP/1.1 204 No Content\r\n\r\n"


def measure(case: Case, timeout_seconds: float = TIMEOUT_SECONDS) -> Found:
    """
    Hand an event to the function in a process of its own; the listener is this one.

    Args:
        case: The event.
        timeout_seconds: Lambda's timeout, which is longer on a machine that does other
            things too. The share of a processor that an event may take is always the same.
    """
    with tempfile.TemporaryDirectory() as folder, raw_listener(_taken) as url:
        path = Path(folder, "event.json")
        path.write_text(json.dumps(case.make()), encoding="utf-8")
        size = path.stat().st_size
        process = subprocess.run(
            [sys.executable, "-m", "tools.fuzz.hostile_process", str(path), str(timeout_seconds)],
            cwd=ROOT,
            env=environment(
                {
                    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(case.memory_mb),
                    "LOGZIO_METRICS_LISTENER": url,
                    "LOGZIO_METRICS_TOKEN": "hostile-token",
                    "FIREHOSE_ACCESS_KEY": ACCESS_KEY,
                    "NO_PROXY": "127.0.0.1",
                    "DELIVERY_BUDGET_SECONDS": str(timeout_seconds - _BUDGET_ENDS_BEFORE),
                }
            ),
            stdout=subprocess.PIPE,
            check=False,
            timeout=4 * timeout_seconds,
        )
    if process.returncode:
        return Found(case, size, -1, f"the process ended with {process.returncode}", 0.0, 0.0, 0.0)
    said = json.loads(process.stdout.splitlines()[-1])
    return Found(case, size, **said, timeout_seconds=timeout_seconds)


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run the command.

    Args:
        arguments: The command line without the program's name; None: the process's own.

    Returns:
        1 where an event takes more than it may, or is answered wrongly.
    """
    parser = argparse.ArgumentParser(prog="python -m fuzz.hostile", description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="cases whose name holds it")
    parser.add_argument("--no-write", action="store_true", help="leave docs/ as it is")
    options = parser.parse_args(arguments)
    found = []
    for case in cases():
        if options.only in case.name:
            print(f"{case.name} ...", file=sys.stderr, flush=True)
            found.append(measure(case))
            for problem in found[-1].problems:
                print(f"  {problem}", file=sys.stderr, flush=True)
    table = _table(found)
    print(table)
    if not (options.only or options.no_write):
        text = f"Measured on: {machine.words()}.\n\n{table}"
        write_between(ROOT / "docs" / "reliability.md", "hostile", text)
    return 1 if any(one.problems for one in found) else 0


def _table(found: Sequence[Found]) -> str:
    rows = [
        [
            one.case.name,
            one.event_bytes / 1000,
            one.status or "records",
            one.seconds,
            one.peak_mb,
            "; ".join(one.problems) or "ok",
        ]
        for one in found
    ]
    headers = ["what", "event, kB", "answer", "seconds", "peak, MB", ""]
    formats = ("", ".1f", "", ".1f", ".0f")
    return tabulate(rows, headers=headers, tablefmt="github", floatfmt=formats)


if __name__ == "__main__":
    sys.exit(main())
