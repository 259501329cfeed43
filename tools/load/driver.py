"""Starting an instance on a processor of its own, and handing events to it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from testing.events.firehose import ACCESS_KEY
from tools.bench.processes import ROOT, environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import TextIOWrapper

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Answered:
    """
    One invocation.

    Attributes:
        status: The answer's status.
        seconds: How long it took, the parsing of the event included.
        processor_seconds: How much of a processor it took.
    """

    status: int
    seconds: float
    processor_seconds: float


class Instance:
    """A running instance; takes one event at a time, as an instance in Lambda does."""

    def __init__(self, process: subprocess.Popen[bytes], answers: TextIOWrapper) -> None:
        self._process = process
        self._answers = answers

    def invoke(self, event: bytes) -> Answered:
        """
        Hand an event over, as JSON, and wait for the answer.

        Raises:
            RuntimeError: The instance has ended.
        """
        events = self._process.stdin
        assert events is not None
        events.write(len(event).to_bytes(4, "big") + event)
        events.flush()
        line = self._answers.readline()
        if not line:
            raise RuntimeError("the instance has ended")
        return Answered(**json.loads(line))

    def memory_mb(self) -> float:
        """Return what the process holds now (RSS), in MB of 10^6 bytes."""
        fields = Path(f"/proc/{self._process.pid}/statm").read_text("ascii").split()
        return int(fields[1]) * _PAGE_BYTES / 1e6


@contextlib.contextmanager
def instance(listener: str, core: int) -> Iterator[Instance]:
    """
    Run an instance that sends to a listener; it ends with the block.

    Args:
        listener: The remote-write URL.
        core: The processor that it runs on, and nothing else of this program should.
    """
    reading, writing = os.pipe()
    variables = {
        "LOGZIO_METRICS_LISTENER": listener,
        "LOGZIO_METRICS_TOKEN": "load-token",
        "FIREHOSE_ACCESS_KEY": ACCESS_KEY,
        "NO_PROXY": "127.0.0.1",
    }
    with os.fdopen(reading, encoding="utf-8") as answers:
        process = subprocess.Popen(
            [sys.executable, "-m", "tools.load.instance", str(core), str(writing)],
            cwd=ROOT,
            env=environment(variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=(writing,),
        )
        os.close(writing)
        try:
            yield Instance(process, answers)
        finally:
            assert process.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            process.wait()
