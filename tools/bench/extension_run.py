"""The extension as it lies in its layer, started under the fake Lambda services."""

import contextlib
import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testing.artifact import own_interpreter, runtime_interpreter
from testing.lambda_services.extension_process import ExtensionProcess
from testing.lambda_services.services import LambdaServices
from testing.log_destinations.arrival import Head, Judgement, Reply
from testing.log_destinations.destination import LogDestination
from testing.log_destinations.logzio import LogzioDestination
from tools.bench.processes import ROOT, environment
from tools.layer import EXECUTABLE, fill, write_zip


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer that is unpacked, and the Python that runs it.

    Attributes:
        executable: The file that Lambda starts.
        path: A folder whose `python3` is that Python.
        zip_bytes: Size of the layer's zip.
    """

    executable: Path
    path: Path
    zip_bytes: int


class CountingDestination(LogzioDestination):
    """A Logz.io that counts lines and does not read them, so that nothing waits for it."""

    def judge(self, head: Head, content: bytes) -> Judgement:  # noqa: ARG002 the other ones do
        """Take every line."""
        return Judgement(Reply(200), records=(None,) * content.count(b"\n"))


def deployed_python() -> tuple[str, Path]:
    """Give version and program of the Python that the layer is compiled for, or this one."""
    interpreter = runtime_interpreter() or own_interpreter()
    return interpreter.version, interpreter.program


def unpack(folder: Path, python: Path, compiled_for: Path) -> Layer:
    """Make the layer as `make layer` does, and unpack it.

    Args:
        folder: An empty folder.
        python: What is to run it.
        compiled_for: What its .pyc files are for.
    """
    built, layer, path = folder / "built", folder / "layer", folder / "bin"
    del compiled_for
    fill(built)
    archive = folder / "layer.zip"
    write_zip(built, archive)
    shutil.unpack_archive(archive, layer)
    executable = layer / "extensions" / EXECUTABLE
    # zipfile forgets the modes, which Lambda does not.
    executable.chmod(0o755)
    path.mkdir()
    (path / "python3").symlink_to(python)
    return Layer(executable, path, archive.stat().st_size)


@contextlib.contextmanager
def running(
    layer: Layer, services: LambdaServices, destination: LogDestination
) -> Iterator[ExtensionProcess]:
    """Start the extension; raise what it says, which is nothing in the steady state."""
    variables = {**destination.environment, "PATH": str(layer.path)}
    with ExtensionProcess(services, layer.executable, variables) as process:
        process.wait_ready(60.0)
        yield process


def send(services: LambdaServices, bodies: int, seconds: float) -> dict[str, Any]:
    """Let another process POST bodies to the extension; see `bench.extension_client`.

    Returns:
        `begun` in monotonic seconds, how many `records`, and the `answers` in seconds.
    """
    (stream,) = services.environment.current_streams()
    port = stream.subscription.port
    module = "tools.bench.extension_client"
    done = subprocess.run(
        [sys.executable, "-m", module, str(port), str(bodies), str(seconds)],
        cwd=ROOT,
        env=environment({}),
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def spread(values: Sequence[float]) -> dict[str, float]:
    """Give minimum, median, 99th percentile and maximum."""
    ordered = sorted(values)
    return {
        "min": ordered[0],
        "median": statistics.median(ordered),
        "p99": ordered[-1 - len(ordered) // 100],
        "max": ordered[-1],
    }
