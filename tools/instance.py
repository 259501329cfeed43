"""One instance of the function in a process of its own, and what its invocations cost.

The process runs `python -m tools.instance REPORTS TIMEOUT_SECONDS`. It reads events from standard
input, each after four bytes of length, and writes one line of JSON for each to the file descriptor
REPORTS. Standard output gets the function's log lines.
"""

import contextlib
import dataclasses
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from io import TextIOWrapper
from pathlib import Path

from handler.app import lambda_handler
from testing.events.firehose import ACCESS_KEY
from testing.lambda_context import LambdaContext
from testing.misbehaving import raw_listener
from tools.children import ROOT, environment

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclasses.dataclass(frozen=True, slots=True)
class Invocation:
    """What one invocation returned and cost.

    Attributes:
        status: Status of the response; 0 for a transformation event.
        words: The response's error message.
        seconds: Duration, the parsing of the event included.
        processor_seconds: CPU time of the process.
        handler_ms: CPU time in milliseconds without that parsing.
        peak_mb: The most memory that the process has held so far, in MB of 10^6 bytes.
    """

    status: int
    words: str
    seconds: float
    processor_seconds: float
    handler_ms: float
    peak_mb: float


class Instance:
    """The parent's view of a running instance."""

    def __init__(self, process: subprocess.Popen[bytes], reports: TextIOWrapper) -> None:
        self._process = process
        self._reports = reports

    def invoke(self, event: bytes) -> Invocation:
        """Invoke the function with an event as JSON, and wait for the response.

        Raises:
            RuntimeError: The process has ended.
        """
        events = self._process.stdin
        assert events is not None
        try:
            events.write(len(event).to_bytes(4, "big") + event)
            events.flush()
        except BrokenPipeError as error:
            raise RuntimeError("the instance has ended") from error
        line = self._reports.readline()
        if not line:
            raise RuntimeError("the instance has ended")
        return Invocation(**json.loads(line))

    def memory_mb(self) -> float:
        """Return the resident memory of the process (RSS), in MB of 10^6 bytes."""
        fields = Path(f"/proc/{self._process.pid}/statm").read_text("ascii").split()
        return int(fields[1]) * _PAGE_BYTES / 1e6


def _accept(_connection: socket.socket, _request: bytes) -> bytes:
    return b"HTTP/1.1 204 No Content\r\n\r\n"


@contextlib.contextmanager
def running_instance(
    listener: str = "",
    *,
    core: int | None = None,
    timeout_seconds: float = 30.0,
    kill_after_seconds: float | None = None,
    variables: Mapping[str, str] | None = None,
) -> Iterator[Instance]:
    """Run an instance that ends with the block.

    Args:
        listener: The remote-write URL that it sends to; by default one of this process that
            accepts everything and decodes nothing, which would take the processor.
        core: The processor to run on; None: any.
        timeout_seconds: The timeout of an invocation, as Lambda's context reports it.
        kill_after_seconds: When to kill the process, should it still be running.
        variables: Further settings of the function.
    """
    reading, writing = os.pipe()
    with os.fdopen(reading, encoding="utf-8") as reports, raw_listener(_accept) as url:
        settings = {
            "LOGZIO_METRICS_LISTENER": listener or url,
            "LOGZIO_METRICS_TOKEN": "sample-token",
            "FIREHOSE_ACCESS_KEY": ACCESS_KEY,
            **(variables or {}),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "tools.instance", str(writing), str(timeout_seconds)],
            cwd=ROOT,
            env=environment(settings),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=(writing,),
        )
        os.close(writing)
        if core is not None:
            os.sched_setaffinity(process.pid, {core})
        watchdog = threading.Timer(kill_after_seconds or 0.0, process.kill)
        if kill_after_seconds is not None:
            watchdog.start()
        try:
            yield Instance(process, reports)
        finally:
            watchdog.cancel()
            assert process.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            process.wait()


def main() -> None:
    """Run the instance until standard input ends."""
    timeout_seconds = float(sys.argv[2])
    events = sys.stdin.buffer
    with os.fdopen(int(sys.argv[1]), "w", encoding="utf-8", buffering=1) as reports:
        while header := events.read(4):
            begun, processor = time.monotonic(), time.process_time()
            # Lambda's runtime too parses the event, and keeps only what it becomes.
            event = json.loads(events.read(int.from_bytes(header, "big")))
            parsed = time.process_time()
            response = lambda_handler(event, LambdaContext.starting_now(timeout_seconds))
            handled = time.process_time()
            found = Invocation(
                status=response.get("statusCode", 0),
                words=json.loads(response["body"])["errorMessage"] if "body" in response else "",
                seconds=time.monotonic() - begun,
                processor_seconds=handled - processor,
                handler_ms=(handled - parsed) * 1000,
                peak_mb=peak_mb(),
            )
            reports.write(json.dumps(dataclasses.asdict(found)) + "\n")


def peak_mb() -> float:
    """Return `VmHWM`, which Linux counts for this program alone; `ru_maxrss` may be a parent's."""
    status = Path("/proc/self/status").read_text("ascii")
    fields = dict(line.split(":", 1) for line in status.splitlines())
    return int(fields["VmHWM"].split()[0]) * 1024 / 1e6


if __name__ == "__main__":
    main()
