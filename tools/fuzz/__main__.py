"""
Fuzzes the function's ways in, the decoder, the listener's answers and the replay's objects.

python -m fuzz [--for SECONDS] [--target NAME] [--input FILE] [--write-corpus]

The time is for all targets together. Before them, a planted fault has to be
found. A finding ends with status 1; `--input` tries one input again, without
the fuzzer, and its error is shown as it is.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tools.bench.processes import ROOT
from tools.fuzz import corpus
from tools.fuzz.running import WORK, Run, fuzz, installed
from tools.fuzz.targets import NAMES, PLANTED, target

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLANTED_SECONDS = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run the command.

    Args:
        arguments: The command line without the program's name; None: the process's own.

    Returns:
        0 where nothing was found, 1 where something was, 2 where the fuzzer is missing or blind.
    """
    options = _options(arguments)
    if options.write_corpus:
        corpus.write()
        return 0
    if options.input:
        target(options.target or PLANTED).check(options.input.read_bytes())
        print("no promise is broken")
        return 0
    if not installed():
        print("the fuzzer is missing: `make fuzz` installs it", file=sys.stderr)
        return 2
    # What an earlier run found must not stand for this one.
    shutil.rmtree(WORK / PLANTED, ignore_errors=True)
    planted = fuzz(PLANTED, _PLANTED_SECONDS)
    _tell(planted)
    if not planted.findings:
        print(f"the planted fault was not found\n{planted.said}", file=sys.stderr)
        return 2
    names = [options.target] if options.target else list(NAMES)
    runs = []
    for name in names:
        runs.append(fuzz(name, max(1, options.seconds // len(names))))
        _tell(runs[-1])
        if runs[-1].failed:
            print(runs[-1].said, file=sys.stderr, flush=True)
    return 1 if any(run.failed for run in runs) else 0


def _tell(run: Run) -> None:
    words = "nothing found"
    if run.failed:
        words = ", ".join(str(path.relative_to(ROOT)) for path in run.findings) or "FAILED"
    print(f"{run.target:<11} {run.inputs:>9,} inputs {run.edges:>6,} edges  {words}", flush=True)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m fuzz", description="Fuzz, guided by the code that inputs reach."
    )
    parser.add_argument("--for", dest="seconds", type=int, default=60, metavar="SECONDS")
    parser.add_argument("--target", choices=NAMES)
    parser.add_argument("--input", type=Path, help="try one input on the target, and no other")
    parser.add_argument("--write-corpus", action="store_true", help="write tools/fuzz/corpus anew")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
