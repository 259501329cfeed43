"""The base of the processes of an execution environment: functions and extensions."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from testing.closing import Closing
from testing.lambda_services.services import LambdaServices


class SandboxedProcess(Closing):
    """A process that is killed with everything that it has started.

    Args:
        services: The services of its environment.
        command: What is executed.
        environ: Its variables; they take precedence over those of `LambdaServices.environ`.
        folder: Where it starts.
        emit_as: The type of the events that its output lines become; empty: none.

    Attributes:
        pid: Its process id, which is its process group too.
        begun: When it was started, monotonic seconds.
    """

    def __init__(
        self,
        services: LambdaServices,
        command: Sequence[str],
        environ: Mapping[str, str],
        folder: Path,
        *,
        emit_as: str,
    ) -> None:
        self._services = services
        self._emit_as = emit_as
        self._output = bytearray()
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env={**services.environ(), **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.pid = self._process.pid
        self.begun = time.monotonic()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def output(self) -> bytes:
        """Everything that it wrote so far to standard output and standard error."""
        return bytes(self._output)

    def close(self) -> None:
        """Kill it, and everything that it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join()

    def _read(self) -> None:
        """Read its output to the end, and write an event of each line."""
        output = self._process.stdout
        if output is None:
            return
        with output:
            for line in output:
                self._output += line
                if self._emit_as:
                    self._services.emit(self._emit_as, line.decode(errors="replace"))
