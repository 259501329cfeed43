"""A function as a process beside the extensions; what it writes becomes `function` events."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from local.lambda_services.services import LambdaServices

PROJECT = Path(__file__).parents[2]


class FunctionProcess:
    """A function that runs from its construction until `close` or the end of `with`.

    Args:
        services: Whose Runtime API it polls.
        handler: Dotted name of the handler.
        environ: Its variables beside those of `LambdaServices.environ`, before which they go.
        folder: Where the handler's code is.
        python: The interpreter, and options of it.
    """

    def __init__(
        self,
        services: LambdaServices,
        handler: str,
        environ: Mapping[str, str],
        *,
        folder: Path = PROJECT,
        python: Sequence[str | Path] = (sys.executable,),
    ) -> None:
        self._services = services
        self._lines: list[str] = []
        variables = {
            **services.environ(),
            "_HANDLER": handler,
            "LAMBDA_TASK_ROOT": str(folder),
            "PYTHONPATH": os.pathsep.join([str(folder), str(PROJECT)]),
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "LANG": "C.UTF-8",
            **environ,
        }
        self._process = subprocess.Popen(
            [*map(str, python), "-m", "local.lambda_services.runtime"],
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        services.environment.processes.append(self)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        """Give the process, which already runs."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the process."""
        self.close()

    @property
    def lines(self) -> list[str]:
        """What it wrote so far, line by line."""
        return list(self._lines)

    def wait_ready(self, seconds: float = 20.0) -> None:
        """Wait until it asks for an invocation.

        Args:
            seconds: How long.

        Raises:
            RuntimeError: It did not, or told that it cannot start.
        """
        runtime, environment = self._services.runtime, self._services.environment
        environment.wait_for(lambda: runtime.polled or runtime.init_error is not None, seconds)
        if not runtime.polled:
            words = (runtime.init_error or b"").decode(errors="replace")
            raise RuntimeError(f"the function does not start: {words} {self.lines}")

    def freeze(self) -> None:
        """Stop it with SIGSTOP."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it run again with SIGCONT."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """Kill it, and what it has started."""
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        with contextlib.suppress(ValueError):
            self._services.environment.processes.remove(self)

    def _signal(self, number: signal.Signals) -> None:
        """Send a signal to the process group, if there still is one."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _read(self) -> None:
        """Make an event of each line."""
        output = self._process.stdout
        if output is None:
            return
        with output:
            for line in output:
                self._lines.append(line.rstrip("\n"))
                self._services.emit("function", line)
