"""The Runtime Interface Emulator with extensions, in a file system that looks like Lambda's."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from testing.emulator import (
    PROJECT,
    Emulator,
    emulator_command,
    loopback_address,
    required_emulator,
    running,
)
from testing.servers import MissingProgramError, installed

_STOP_SECONDS = 60.0
# The emulator starts what is in /opt/extensions, and in Managed Instances mode it expects the
# function in /var/task. /var/lang is where Lambda has the interpreter.
_MOUNT = """
set -e
layer=$1 task=$2 python=$3 hold=$4
shift 4
mount --bind "$python" "$hold"
mount --bind "$layer" /opt
exec 3<"$task" 4<"$hold"
mount -t tmpfs -o mode=755 tmpfs /var
mkdir /var/task /var/lang /var/runtime
mount --bind /proc/self/fd/3 /var/task
mount --bind /proc/self/fd/4 /var/lang
exec 3<&- 4<&-
cd /var/task
exec "$@"
"""


@dataclass(frozen=True, slots=True)
class Files:
    """The folders of Lambda's file system; readable by everybody.

    Attributes:
        layer: The folder at `/opt`, with the folder `extensions`.
        task: The folder at `/var/task`, with the executable `bootstrap`.
        python: The prefix at `/var/lang`, whose interpreter is `/var/lang/bin/python3`.
    """

    layer: Path
    task: Path
    python: Path = Path(sys.base_prefix)


def _require_namespaces() -> None:
    """Raise MissingProgramError where this user may not create namespaces."""
    tried = [installed("unshare"), "--mount", "--pid", "--fork", "true"]
    if subprocess.run(tried, check=False, capture_output=True).returncode:
        raise MissingProgramError("this user may not create namespaces")


@contextlib.contextmanager
def run_sandbox(
    folder: Path,
    files: Files,
    environ: Mapping[str, str],
    *,
    managed_instances: bool = False,
    seconds: int = 30,
) -> Iterator[Emulator]:
    """Run a function with the extensions of a layer, in namespaces of their own.

    The network is the machine's: what the extensions send to loopback arrives there.

    Args:
        folder: Where the output goes, in `emulator.log`.
        files: What is run.
        environ: Variables of the function and the extensions; nothing is inherited but PATH.
        managed_instances: The mode in which there is a Telemetry API.
        seconds: The function's timeout.

    Raises:
        MissingProgramError: The emulator is missing, or namespaces cannot be created.
        RuntimeError: It does not start.
    """
    program = required_emulator()
    _require_namespaces()
    hold = folder / "lang"
    hold.mkdir()
    address = loopback_address()
    command = [
        *("unshare", "--mount", "--pid", "--fork", "--mount-proc", "sh", "-c", _MOUNT, "sh"),
        *map(str, (files.layer, files.task, files.python, hold)),
        *emulator_command(program, address),
        "/var/task/bootstrap",
    ]
    mode = {"AWS_LAMBDA_MAX_CONCURRENCY": "1"} if managed_instances else {}
    with running(command, address, folder, {**mode, **environ}, seconds, PROJECT) as emulator:
        yield emulator


def terminate(emulator: Emulator) -> str:
    """End a sandbox with SIGTERM, on which extensions get SHUTDOWN; return all output."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(emulator.process.pid, signal.SIGTERM)
    emulator.process.wait(_STOP_SECONDS)
    return emulator.output()
