"""Probes under the real emulator and under the fake Lambda services, with the same steps."""

import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path

from testing.emulator import FunctionError
from testing.lambda_services.extension_process import ExtensionProcess
from testing.lambda_services.faults import Faults, FunctionInfo
from testing.lambda_services.services import LambdaServices
from testing.lambda_services.telemetry_stream import Platform
from tests.support.extension_steps import EXTENSION_STEPS, FUNCTION, FUNCTION_STEPS, INVOKED
from tests.support.probing import Step, program
from tests.support.sandbox import Files, run_sandbox, terminate

# So that a busy machine kills no probe too early.
_SHUTDOWN_SECONDS = 30.0
_LAST_SECONDS = 60.0


class Both:
    """The two that are compared: each runs the probe as an extension, and another as function.

    Args:
        folder: An empty folder for what they need.
        steps: Those of the extension.
        managed: Whether as on Lambda Managed Instances.
    """

    def __init__(self, folder: Path, steps: list[Step], *, managed: bool) -> None:
        layer, task = folder / "layer", folder / "task"
        self._probe, self._function = layer / "extensions" / "probe", task / "bootstrap"
        self._environ = {
            EXTENSION_STEPS: json.dumps(steps),
            FUNCTION_STEPS: json.dumps(FUNCTION),
        }
        self._managed = managed
        self._folder = folder
        self._files = Files(layer, task)
        for file, variable in ((self._probe, EXTENSION_STEPS), (self._function, FUNCTION_STEPS)):
            file.parent.mkdir(parents=True)
            file.write_text(program(variable), encoding="utf-8")
            file.chmod(0o755)

    def of_emulator(self, invocations: int, last: str = "") -> str:
        """Return the output of the probes under the emulator, which ends after the last step."""
        running = run_sandbox(
            self._folder, self._files, self._environ, managed_instances=self._managed
        )
        with running as emulator:
            for _ in range(invocations):
                with contextlib.suppress(FunctionError):
                    emulator.invoke({"a": 1})
            (self._files.layer / INVOKED).touch()
            until = time.monotonic() + _LAST_SECONDS
            while last not in emulator.output():
                assert time.monotonic() < until
                time.sleep(0.02)
            return terminate(emulator)

    def of_fake(self, invocations: int, reason: str) -> str:
        """Return the output of the probe under the fake services."""
        about = FunctionInfo(name="test_function", handler="", account=self._account())
        faults = Faults(telemetry_answer=None if self._managed else 202)
        (self._files.layer / INVOKED).unlink(missing_ok=True)
        with (
            LambdaServices(
                faults=faults,
                function=about,
                managed_instances=self._managed,
                platform=Platform(window_seconds=0.0),
                shutdown_seconds=_SHUTDOWN_SECONDS,
            ) as services,
            ExtensionProcess(
                services, self._probe, self._environ, python=[sys.executable, "-I"]
            ) as probe,
        ):
            for _ in range(invocations):
                services.invoke(["hello"])
                services.wait_delivered()
            (self._files.layer / INVOKED).touch()
            if not invocations:
                probe.wait_ended()
            probe.shutdown(reason)
            return probe.output.decode()

    def function_of_fake(self, invocations: int) -> str:
        """Return the output of the function's probe under the fake services."""
        about = FunctionInfo(name="test_function", account=self._account())
        with LambdaServices(function=about) as services:
            command = [sys.executable, "-I", str(self._function)]
            environ = {**services.environ(), **self._environ}
            with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as probe:
                for _ in range(invocations):
                    services.invoke_function({"a": 1})
                services.close()
                output, _ = probe.communicate(timeout=60)
        return output

    def _account(self) -> str:
        return "123456789012" if self._managed else "012345678912"
