"""The extension from its layer, started under the fake Lambda services."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from testing.artifact import deployed_interpreter
from testing.http_server import Reply
from testing.lambda_services.extension_process import ExtensionProcess
from testing.lambda_services.services import LambdaServices
from testing.log_destinations.arrival import Judgement
from testing.log_destinations.logzio import LogzioDestination
from tools.archive import write_zip
from tools.layer import EXECUTABLE, fill


class CountingDestination(LogzioDestination):
    """A Logz.io that counts lines and does not read them, so that it is never the slower one."""

    def judge(self, content: bytes) -> Judgement:
        """Accept every line."""
        return Judgement(Reply(200), records=(None,) * content.count(b"\n"))


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer, unpacked, and the Python that the function is deployed on, or this one.

    Attributes:
        executable: The file that Lambda starts.
        path: A folder whose `python3` is that Python.
        zip_bytes: Size of the layer's zip.
    """

    executable: Path
    path: Path
    zip_bytes: int


@contextlib.contextmanager
def unpacked_layer() -> Iterator[Layer]:
    """Make the layer as `make layer` does, and unpack it; it is removed with the block."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        built, archive, path = folder / "built", folder / "layer.zip", folder / "bin"
        fill(built)
        write_zip(built, archive)
        shutil.unpack_archive(archive, folder / "layer")
        executable = folder / "layer" / "extensions" / EXECUTABLE
        # zipfile drops the modes, which Lambda does not.
        executable.chmod(0o755)
        path.mkdir()
        (path / "python3").symlink_to(deployed_interpreter().program)
        yield Layer(executable, path, archive.stat().st_size)


@dataclass(frozen=True, slots=True)
class Running:
    """A running extension, and what stands around it."""

    process: ExtensionProcess
    services: LambdaServices
    destination: CountingDestination

    def resident_mb(self) -> float:
        """Return its memory now, in MB of 10^6 bytes."""
        return self.process.rss_bytes().current / 1e6

    def peak_mb(self) -> float:
        """Return the most memory that it has held so far, in MB of 10^6 bytes."""
        return self.process.rss_bytes().peak / 1e6


@contextlib.contextmanager
def running_extension(layer: Layer) -> Iterator[Running]:
    """Start the extension; raise what it reports, which is nothing in the steady state."""
    with CountingDestination(keep=None) as destination, LambdaServices() as services:
        variables = {**destination.environment, "PATH": str(layer.path)}
        with ExtensionProcess(services, layer.executable, variables) as process:
            process.wait_ready(60.0)
            yield Running(process, services, destination)
