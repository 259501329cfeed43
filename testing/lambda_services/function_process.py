"""A function as a process beside the extensions; what it writes becomes `function` events."""

import io
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from testing.lambda_services.sandboxed_process import SandboxedProcess
from testing.lambda_services.services import LambdaServices

PROJECT = Path(__file__).parents[2]


class FunctionProcess(SandboxedProcess):
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
        self._lines: list[str] = []
        variables = {
            "_HANDLER": handler,
            "LAMBDA_TASK_ROOT": str(folder),
            "PYTHONPATH": os.pathsep.join([str(folder), str(PROJECT)]),
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "LANG": "C.UTF-8",
            **environ,
        }
        command = [*map(str, python), "-m", "testing.lambda_services.runtime"]
        super().__init__(services, command, variables, folder)

    @property
    def lines(self) -> list[str]:
        """What it wrote so far, line by line."""
        return list(self._lines)

    def wait_ready(self, seconds: float = 60.0) -> None:
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

    def _read(self) -> None:
        """Make an event of each line."""
        output = self._process.stdout
        if output is None:
            return
        with io.TextIOWrapper(output, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                self._lines.append(line.rstrip("\n"))
                self._services.emit("function", line)
