"""The function under the Runtime Interface Emulator, with Lambda's own Python runtime.

The emulator is a program inside the package `aws-sam-cli`; `make .venv/emulator.stamp` installs
it. It starts `python -m awslambdaric` as a process of its own, and speaks HTTP on loopback on both
sides.
"""

import contextlib
import json
import os
import platform
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testing.servers import MissingProgramError, loopback_session

PROJECT = Path(__file__).parents[1]
HANDLER = "handler.app.lambda_handler"

_INVOCATIONS = "/2015-03-31/functions/function/invocations"
# Below the ports that the system assigns by itself.
_INVOKE_PORT, _API_PORT = 20801, 20802
# Generous, for a busy machine.
_START_SECONDS = 120.0
_ANSWER_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Code:
    """The function that the emulator runs.

    Attributes:
        folder: Where its code is.
        python: The interpreter and its options.
        handler: Dotted name of the handler.
    """

    folder: Path = PROJECT
    python: Sequence[str] = (sys.executable,)
    handler: str = HANDLER


class FunctionError(Exception):
    """The function returned nothing: its process crashed, was killed, or timed out."""


class Emulator:
    """A running emulator; the function's process starts with the first invocation.

    Args:
        address: The loopback address that it listens on.
        process: The emulator, or what isolates it.
        log: What all its processes write.

    Attributes:
        process: As given.
    """

    def __init__(self, address: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self._url = f"http://{address}:{_INVOKE_PORT}{_INVOCATIONS}"
        self.process = process
        self._log = log

    def invoke(self, event: Any) -> Any:
        """Invoke the function once; return what it returned.

        Raises:
            FunctionError: It returned nothing. The next invocation starts another process, as
                Lambda does.
        """
        with loopback_session() as session:
            reply = session.post(self._url, data=json.dumps(event), timeout=_ANSWER_SECONDS)
        if reply.status_code != 200:
            raise FunctionError(f"{reply.text}: {self.output()[-2000:]}")
        try:
            return reply.json()
        except ValueError as error:
            # The emulator reports a timeout as plain text with status 200.
            raise FunctionError(reply.text) from error

    def output(self) -> str:
        """Return everything that was written so far, by all processes."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def kill(self) -> bool:
        """Kill the function's process; return whether there is one."""
        children = _descendants(self.process.pid)
        _kill(children)
        return bool(children)


def architecture() -> str:
    """Return Lambda's name of this machine's architecture."""
    return "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"


def required_emulator() -> Path:
    """Return the emulator's path.

    Raises:
        MissingProgramError: It is not installed, or cannot run.
    """
    rapid = Path(sys.prefix, "emulator", "samcli", "local", "rapid")
    program = rapid / f"aws-lambda-rie-{architecture()}"
    if sys.platform != "linux" or not program.is_file():
        raise MissingProgramError(
            "the Runtime Interface Emulator is missing; make .venv/emulator.stamp installs it"
        )
    return program


@contextlib.contextmanager
def run_emulator(
    program: Path,
    folder: Path,
    environ: Mapping[str, str],
    code: Code | None = None,
    *,
    seconds: int = 30,
) -> Iterator[Emulator]:
    """Run a function as Lambda does.

    Args:
        program: The emulator.
        folder: Where its output goes, in `emulator.log`.
        environ: The function's environment variables; nothing is inherited but PATH.
        code: The function; None: the checkout, with this process's virtual environment.
        seconds: Its timeout.
    """
    code = code or Code()
    own = {"LAMBDA_TASK_ROOT": str(code.folder), "PYTHONDONTWRITEBYTECODE": "1"}
    address = loopback_address()
    command = [
        *emulator_command(program, address),
        *(*code.python, "-m", "awslambdaric", code.handler),
    ]
    with running(command, address, folder, {**own, **environ}, seconds, code.folder) as emulator:
        yield emulator


def loopback_address() -> str:
    """Return a random loopback address; all of 127.0.0.0/8 are (RFC 1122)."""
    return f"127.{secrets.randbelow(254) + 1}.{secrets.randbelow(256)}.{secrets.randbelow(254) + 1}"


def emulator_command(program: Path, address: str) -> list[str]:
    """Return the command of an emulator that listens on an address, without the function's."""
    return [
        *(str(program), "--runtime-interface-emulator-address", f"{address}:{_INVOKE_PORT}"),
        *("--runtime-api-address", f"{address}:{_API_PORT}"),
    ]


@contextlib.contextmanager
def running(
    command: Sequence[str],
    address: str,
    folder: Path,
    environ: Mapping[str, str],
    seconds: int,
    start: Path,
) -> Iterator[Emulator]:
    """Run a command that starts the emulator.

    Args:
        command: The command.
        address: The loopback address that the emulator listens on.
        folder: Where its output goes, in `emulator.log`.
        environ: Environment variables; nothing is inherited but PATH.
        seconds: The function's timeout.
        start: The folder in which the command starts.
    """
    variables = {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(seconds),
        **environ,
    }
    log = folder / "emulator.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=start, env=variables, stdout=output, stderr=output, start_new_session=True
        )
    emulator = Emulator(address, process, log)
    try:
        if not _listens(process, address):
            raise RuntimeError(f"the emulator does not start: {emulator.output()}")
        yield emulator
    finally:
        # The processes of function and extensions leave the emulator's group.
        _kill([*_descendants(process.pid), process.pid])
        process.wait()


def _listens(process: subprocess.Popen[bytes], address: str) -> bool:
    """Wait until the emulator accepts connections; return False where it has ended."""
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection((address, _INVOKE_PORT), _START_SECONDS).close()
            return True
        time.sleep(0.02)
    return False


def _kill(pids: Iterable[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _descendants(pid: int) -> list[int]:
    """Return the processes that a process has started, directly or not."""
    children: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            children += [int(child) for child in (task / "children").read_text().split()]
    return [*children, *(found for child in children for found in _descendants(child))]
