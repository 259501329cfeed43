"""SAM and its container engine: how to run its Python, and where a container finds this machine."""

import contextlib
import socket
import subprocess
import sys
from pathlib import Path

from testing.http_server import LOOPBACK
from testing.servers import MissingProgramError

_SAM = Path(sys.prefix, "tools", "bin")
# The engine of `sam local` is the one that this package finds. An engine may not name its gateway,
# which is the first address of the network then.
_GATEWAYS = """
import docker, ipaddress, sys
try:
    networks = docker.from_env(timeout=10).networks.list(names=["bridge"])
except docker.errors.DockerException as error:
    sys.exit(str(error))
for item in (item for it in networks for item in it.attrs["IPAM"]["Config"]):
    print(item.get("Gateway") or ipaddress.ip_network(item["Subnet"])[1])
"""


_HAS_IMAGE = """
import docker, sys
try:
    docker.from_env().images.get(sys.argv[1])
except docker.errors.ImageNotFound as error:
    sys.exit(str(error))
"""


def required_sam() -> Path:
    """Return SAM's path; raises `MissingProgramError` where it is not installed."""
    if not (_SAM / "sam").is_file():
        raise MissingProgramError("SAM is missing; make build-tools installs it")
    return _SAM / "sam"


def sam_python(
    script: str, *arguments: str, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a script in SAM's own environment.

    Args:
        script: The script.
        arguments: Its arguments.
        folder: Where it runs; None: in this process's folder.

    Raises:
        MissingProgramError: SAM is not installed.
    """
    command = [str(required_sam().with_name("python")), "-c", script, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def reachable_address() -> str:
    """Return the address of this machine to listen on, so that only its containers connect.

    On Linux it is the engine's gateway. The containers of Docker Desktop are in a virtual machine,
    which connects them with loopback.

    Raises:
        MissingProgramError: SAM is not installed, or no container engine runs.
    """
    done = sam_python(_GATEWAYS)
    if done.returncode:
        raise MissingProgramError(
            f"no container engine: install and start Docker or another one ({done.stderr.strip()})"
        )
    for address in done.stdout.split():
        with contextlib.suppress(OSError), socket.create_server((address, 0)):
            return address
    return LOOPBACK


def has_image(name: str) -> bool:
    """Whether the container engine has an image already."""
    return sam_python(_HAS_IMAGE, name).returncode == 0
