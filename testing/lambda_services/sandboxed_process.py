"""A process of an execution environment: what functions and extensions have in common."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

from testing.lambda_services.services import LambdaServices
from testing.until_closed import UntilClosed


class SandboxedProcess(UntilClosed):
    """A process that is frozen, thawed and killed with everything that it has started.

    Args:
        services: Whose environment it belongs to.
        command: What is executed.
        environ: Its variables beside those of `LambdaServices.environ`, before which they go.
        folder: Where it starts.

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
    ) -> None:
        self._services = services
        self._frozen = False
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
        services.environment.processes.append(self)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def freeze(self) -> None:
        """Stop it with SIGSTOP, with everything that it has started."""
        self._frozen = True
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it run again with SIGCONT; nothing happens where it runs."""
        if self._frozen:
            self._frozen = False
            self._signal(signal.SIGCONT)

    def close(self) -> None:
        """Kill it, and what it has started, as far as they are left."""
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        with contextlib.suppress(ValueError):
            self._services.environment.processes.remove(self)

    def _signal(self, number: signal.Signals) -> None:
        """Send a signal to the process group, if there still is one."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    @abstractmethod
    def _read(self) -> None:
        """Take its output, standard output and error as they come, until its end."""
