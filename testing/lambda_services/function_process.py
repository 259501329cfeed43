"""A function as a process beside the extensions; its output lines become `function` events."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from testing.lambda_services.sandboxed_process import SandboxedProcess
from testing.lambda_services.services import LambdaServices

PROJECT = Path(__file__).parents[2]


class FunctionProcess(SandboxedProcess):
    """A function that runs from its construction until `close` or the end of `with`.

    Args:
        services: The services whose Runtime API it polls.
        handler: Dotted name of the handler.
        environ: Its variables; they take precedence over those of `LambdaServices.environ`.
        folder: Where the handler's code is.
    """

    def __init__(
        self,
        services: LambdaServices,
        handler: str,
        environ: Mapping[str, str],
        *,
        folder: Path = PROJECT,
    ) -> None:
        variables = {
            "_HANDLER": handler,
            "LAMBDA_TASK_ROOT": str(folder),
            "PYTHONPATH": os.pathsep.join([str(folder), str(PROJECT)]),
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "LANG": "C.UTF-8",
            **environ,
        }
        command = [sys.executable, "-m", "testing.lambda_services.runtime"]
        super().__init__(services, command, variables, folder, emit_as="function")

    @property
    def lines(self) -> list[str]:
        """The lines that it wrote so far."""
        return self.output.decode(errors="replace").removesuffix("\n").split("\n")

    def wait_ready(self, seconds: float = 60.0) -> None:
        """Wait until it polls for an invocation.

        Raises:
            RuntimeError: It has not, or has reported an init/error.
        """
        runtime, environment = self._services.runtime, self._services.environment
        environment.wait_for(lambda: runtime.polled or runtime.init_error is not None, seconds)
        if not runtime.polled:
            error = (runtime.init_error or b"").decode(errors="replace")
            raise RuntimeError(f"the function does not start: {error} {self.lines}")
