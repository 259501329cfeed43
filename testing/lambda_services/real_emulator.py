"""The Runtime Interface Emulator with an extension, in a file system that looks like Lambda's.

The emulator starts what lies in `/opt/extensions`, and in Managed Instances mode it wants the
function in `/var/task`. Both are given to it in a mount namespace of its own, and all processes
are in a process namespace that ends with it, so that nothing is left. The network is the
machine's: what it sends to loopback arrives at whoever listens there.
"""

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from testing.emulator import emulator_program

# Below the ports that the system chooses by itself.
_INVOKE_PORT, _API_PORT = 20801, 20802
_START_SECONDS = 60.0
_STOP_SECONDS = 60.0
_ANSWER_SECONDS = 120.0
# A fresh /var has only what Lambda has there; /var/lang is Lambda's own place of the interpreter.
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
    """What lies where in Lambda's file system; readable for everybody.

    Attributes:
        layer: The folder at `/opt`, with the folder `extensions`.
        task: The folder at `/var/task`, with the executable `bootstrap`.
        python: The prefix at `/var/lang`, whose interpreter is `/var/lang/bin/python3`.
    """

    layer: Path
    task: Path
    python: Path = Path(sys.base_prefix)


class RealEmulator:
    """A running emulator with its extensions.

    Args:
        url: Where it is invoked.
        process: It, and what isolates it.
        log: What all processes write.
    """

    def __init__(self, url: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self._url = url
        self._process = process
        self._log = log

    def invoke(self, event: Any) -> Any:
        """Invoke the function; give what it returned, or its error as the emulator tells it.

        Raises:
            RuntimeError: There is neither: the environment did not start.
        """
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(self._url, data=json.dumps(event), timeout=_ANSWER_SECONDS)
        if not answer.content:
            raise RuntimeError(f"HTTP {answer.status_code}: {self.output()}")
        return answer.json()

    def output(self) -> str:
        """Give everything that was written so far, by all processes."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def wait_output(self, text: str, seconds: float = 60.0) -> bool:
        """Wait until something was written; tell whether it was in time."""
        until = time.monotonic() + seconds
        while text not in self.output():
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
        return True

    def terminate(self) -> float:
        """End it with SIGTERM, on which extensions get SHUTDOWN; give the seconds it took."""
        begun = time.monotonic()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait(_STOP_SECONDS)
        return time.monotonic() - begun


def can_run() -> bool:
    """Tell whether the emulator is installed, and namespaces may be made."""
    tried = ["unshare", "--mount", "--pid", "--fork", "true"]
    try:
        return (
            emulator_program() is not None
            and subprocess.run(tried, check=False, capture_output=True).returncode == 0
        )
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def run_real_emulator(
    folder: Path,
    files: Files,
    environ: Mapping[str, str],
    *,
    managed_instances: bool = False,
    seconds: int = 30,
) -> Iterator[RealEmulator]:
    """Run the emulator with the extensions of a layer.

    Args:
        folder: Where its output goes.
        files: What it runs.
        environ: Variables of the function and the extensions; nothing is inherited but PATH.
        managed_instances: The mode in which there is a Telemetry API.
        seconds: The function's timeout.

    Raises:
        RuntimeError: It cannot run here, or does not start.
    """
    program = emulator_program()
    if program is None:
        raise RuntimeError("the Runtime Interface Emulator is missing")
    hold = folder / "lang"
    hold.mkdir()
    address, log = _address(), folder / "emulator.log"
    command = [
        *("unshare", "--mount", "--pid", "--fork", "--mount-proc", "sh", "-c", _MOUNT, "sh"),
        *map(str, (files.layer, files.task, files.python, hold, program)),
        *("--runtime-interface-emulator-address", f"{address}:{_INVOKE_PORT}"),
        *("--runtime-api-address", f"{address}:{_API_PORT}", "/var/task/bootstrap"),
    ]
    mode = {"AWS_LAMBDA_MAX_CONCURRENCY": "1"} if managed_instances else {}
    variables = {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(seconds),
        **mode,
        **environ,
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=variables, stdout=output, stderr=output, start_new_session=True
        )
    url = f"http://{address}:{_INVOKE_PORT}/2015-03-31/functions/function/invocations"
    running = RealEmulator(url, process, log)
    try:
        if not _listens(process, address):
            raise RuntimeError(f"the emulator does not start: {running.output()}")
        yield running
    finally:
        # With the first process of its namespace everything in it ends.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _address() -> str:
    """Make up a loopback address that no other emulator has; all of 127.0.0.0/8 are (RFC 1122)."""
    return f"127.{secrets.randbelow(254) + 1}.{secrets.randbelow(256)}.{secrets.randbelow(254) + 1}"


def _listens(process: subprocess.Popen[bytes], address: str) -> bool:
    """Wait until the emulator takes connections; False where it ended before."""
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection((address, _INVOKE_PORT), _START_SECONDS).close()
            return True
        time.sleep(0.02)
    return False
