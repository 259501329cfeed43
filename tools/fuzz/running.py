"""Starting the fuzzer on a target, and reading what it found."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.bench.processes import ROOT, environment

if TYPE_CHECKING:
    from pathlib import Path

CORPUS = ROOT / "tools" / "fuzz" / "corpus"
"""The first inputs of each target, in the tree."""

PACKAGES = ROOT / ".venv" / "fuzz"
"""Where `make fuzz` installs the fuzzer."""

WORK = ROOT / "build" / "fuzz"
"""What runs leave: further inputs in NAME/corpus, findings in NAME/found, words in NAME/log."""

# A single input may take this long, and the process this much memory.
_INPUT_SECONDS = 10
_MEMORY_MB = 2048
_MAX_BYTES = 8192
# Starting up, and ending after the time is over, take some seconds.
_GRACE_SECONDS = 60

_PROGRESS = re.compile(r"cov: (\d+) ft: (\d+) corp: (\d+)/")
_FAILURE = re.compile(r"Uncaught Python exception|^Traceback|ERROR: libFuzzer")
_TRIED = re.compile(r"stat::number_of_executed_units:\s*(\d+)")


@dataclass(frozen=True)
class Run:
    """
    How the fuzzing of a target ended.

    Attributes:
        target: Its name.
        inputs: How many were tried.
        edges: How many edges of the code they reached.
        findings: Files with inputs that broke a promise.
        said: The end of the fuzzer's own output; only where it found something or failed.
    """

    target: str
    inputs: int
    edges: int
    findings: tuple[Path, ...]
    said: str

    @property
    def failed(self) -> bool:
        """Whether something was found, or the fuzzer itself could not run."""
        return bool(self.said)


def installed() -> bool:
    """Tell whether the fuzzer is there."""
    return (PACKAGES / "atheris").is_dir()


def fuzz(target: str, seconds: int, work: Path = WORK) -> Run:
    """
    Fuzz one target until the time is over or something is found.

    Args:
        target: Its name.
        seconds: For how long.
        work: Where further inputs and findings go.
    """
    corpus, found = work / target / "corpus", work / target / "found"
    corpus.mkdir(parents=True, exist_ok=True)
    found.mkdir(exist_ok=True)
    before = _versions(found)
    seeds = [str(CORPUS / target)] if (CORPUS / target).is_dir() else []
    command = [
        *(sys.executable, "-m", "tools.fuzz.engine", target),
        *(f"-max_total_time={seconds}", f"-timeout={_INPUT_SECONDS}"),
        *(f"-rss_limit_mb={_MEMORY_MB}", f"-max_len={_MAX_BYTES}"),
        *(f"-artifact_prefix={found}{os.sep}", "-print_final_stats=1"),
        *(str(corpus), *seeds),
    ]
    log = work / target / "log"
    with log.open("wb") as output:
        process = subprocess.run(
            command,
            cwd=ROOT,
            env=environment({"PYTHONPATH": str(PACKAGES), "NO_PROXY": "127.0.0.1"}),
            stdout=output,
            stderr=output,
            check=False,
            timeout=seconds + _GRACE_SECONDS,
        )
    said = log.read_text("utf-8", "replace")
    progress = _PROGRESS.findall(said)
    tried = _TRIED.findall(said)
    return Run(
        target=target,
        inputs=int(tried[-1]) if tried else 0,
        edges=int(progress[-1][0]) if progress else 0,
        findings=tuple(sorted(path for path, _ in _versions(found) - before)),
        said=_told(said) if process.returncode else "",
    )


def _versions(folder: Path) -> set[tuple[Path, int]]:
    # The same finding again has the same name.
    return {(path, path.stat().st_mtime_ns) for path in folder.iterdir()}


def _told(said: str) -> str:
    """Return the exception and its place, or the end of what was said."""
    lines = said.splitlines()
    begin = next((n for n, line in enumerate(lines) if _FAILURE.search(line)), 0)
    return "\n".join(lines[max(begin, len(lines) - 60) :][:60]) or "the fuzzer said nothing"
