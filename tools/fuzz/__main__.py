"""Fuzzes ingress, decoder, conversion, the listener's responses and the replay's objects.

python -m tools.fuzz [--for SECONDS] [--target NAME] [--input FILE]

The targets share the time. Before them, the fuzzer has to find a fault that was planted. A finding
ends the command with status 1; `--input` tries one input again, without the fuzzer.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.children import ROOT, environment
from tools.fuzz.targets import CORPUS, NAMES, PLANTED, check_of

# `make fuzz` installs the fuzzer here.
_PACKAGES = ROOT / ".venv" / "fuzz"
# What runs leave: further inputs in NAME/corpus, findings in NAME/found, output in NAME/log.
_WORK = ROOT / "build" / "fuzz"
_PLANTED_SECONDS = 20
# Limits of a single input.
_INPUT_SECONDS, _MEMORY_MB, _MAX_BYTES = 10, 2048, 8192
# Starting, and ending after the time is over, take some seconds.
_GRACE_SECONDS = 60

_PROGRESS = re.compile(r"cov: (\d+) ft: (\d+) corp: (\d+)/")
_FAILURE = re.compile(r"Uncaught Python exception|^Traceback|ERROR: libFuzzer")
_EXECUTED = re.compile(r"stat::number_of_executed_units:\s*(\d+)")


@dataclass(frozen=True)
class Run:
    """The result of fuzzing one target.

    Attributes:
        target: Its name.
        inputs: Number of inputs that were tried.
        edges: Number of edges of the code that they reached.
        findings: Files with inputs that broke a promise.
        error: The end of the fuzzer's output where it found something or failed; else empty.
    """

    target: str
    inputs: int
    edges: int
    findings: tuple[Path, ...]
    error: str

    def __str__(self) -> str:
        """Return the run in one line."""
        words = "nothing found"
        if self.error:
            words = ", ".join(str(path.relative_to(ROOT)) for path in self.findings) or "FAILED"
        return f"{self.target:<11} {self.inputs:>9,} inputs {self.edges:>6,} edges  {words}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, with the arguments of this process by default.

    Returns:
        0 where nothing was found, 1 where something was, 2 where the fuzzer does not work.
    """
    options = _options(arguments)
    if options.input:
        check_of(options.target or PLANTED)(options.input.read_bytes())
        print("no promise is broken")
        return 0
    if not (_PACKAGES / "atheris").is_dir():
        print("the fuzzer is missing: `make fuzz` installs it", file=sys.stderr)
        return 2
    # An old finding must not stand for a new one.
    shutil.rmtree(_WORK / PLANTED, ignore_errors=True)
    planted = fuzz(PLANTED, _PLANTED_SECONDS)
    print(planted, flush=True)
    if not planted.findings:
        print(f"the planted fault was not found\n{planted.error}", file=sys.stderr)
        return 2
    names = [options.target] if options.target else list(NAMES)
    failed = False
    for name in names:
        run = fuzz(name, max(1, options.seconds // len(names)))
        print(run, flush=True)
        if run.error:
            failed = True
            print(run.error, file=sys.stderr, flush=True)
    return 1 if failed else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tools.fuzz", description="Fuzz, guided by the code that inputs reach."
    )
    parser.add_argument("--for", dest="seconds", type=int, default=60, metavar="SECONDS")
    parser.add_argument("--target", choices=NAMES)
    parser.add_argument("--input", type=Path, help="try one input on the target, and no other")
    return parser.parse_args(arguments)


def fuzz(name: str, seconds: int) -> Run:
    """Fuzz one target until the time is over or something is found."""
    corpus, found, log = (_WORK / name / part for part in ("corpus", "found", "log"))
    corpus.mkdir(parents=True, exist_ok=True)
    found.mkdir(exist_ok=True)
    before = _versions(found)
    seeds = [str(CORPUS / name)] if (CORPUS / name).is_dir() else []
    command = [
        *(sys.executable, "-m", "tools.fuzz.engine", name),
        *(f"-max_total_time={seconds}", f"-timeout={_INPUT_SECONDS}"),
        *(f"-rss_limit_mb={_MEMORY_MB}", f"-max_len={_MAX_BYTES}"),
        *(f"-artifact_prefix={found}{os.sep}", "-print_final_stats=1"),
        *(str(corpus), *seeds),
    ]
    with log.open("wb") as output:
        process = subprocess.run(
            command,
            cwd=ROOT,
            env=environment({"PYTHONPATH": str(_PACKAGES)}),
            stdout=output,
            stderr=output,
            check=False,
            timeout=seconds + _GRACE_SECONDS,
        )
    text = log.read_text("utf-8", "replace")
    progress, executed = _PROGRESS.findall(text), _EXECUTED.findall(text)
    return Run(
        target=name,
        inputs=int(executed[-1]) if executed else 0,
        edges=int(progress[-1][0]) if progress else 0,
        findings=tuple(sorted(path for path, _ in _versions(found) - before)),
        error=_error(text) if process.returncode else "",
    )


def _versions(folder: Path) -> set[tuple[Path, int]]:
    # The same finding again has the same name, so its time counts too.
    return {(path, path.stat().st_mtime_ns) for path in folder.iterdir()}


def _error(text: str) -> str:
    """Return the traceback, or the end of the output."""
    lines = text.splitlines()
    begin = next((n for n, line in enumerate(lines) if _FAILURE.search(line)), 0)
    return "\n".join(lines[max(begin, len(lines) - 60) :][:60]) or "the fuzzer printed nothing"


if __name__ == "__main__":
    sys.exit(main())
