"""The function under Lambda's own Python runtime and the Runtime Interface Emulator.

The emulator is a program that ships inside the package `aws-sam-cli`; `make test` puts it into
the virtual environment. It starts `python -m awslambdaric` as a process of its own, and speaks
HTTP on loopback on both sides.
"""

import contextlib
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from testing.ports import free_port

PROJECT = Path(__file__).parents[1]
HANDLER = "handler.app.lambda_handler"

_INVOCATIONS = "/2015-03-31/functions/function/invocations"
# For a busy machine: who waits so long waits in vain.
_START_SECONDS = 120.0
_STOP_SECONDS = 30.0
_ANSWER_SECONDS = 300.0
_PORTS_TRIED = 5


@dataclass(frozen=True, slots=True)
class Code:
    """What the emulator runs.

    Attributes:
        folder: Where the function's code is.
        python: The interpreter, and options of it.
        handler: The function in the code.
    """

    folder: Path = PROJECT
    python: Sequence[str] = (sys.executable,)
    handler: str = HANDLER


class Emulator:
    """A running emulator; the function's process starts with the first invocation.

    Args:
        port: Where it is invoked.
        log: What it and the function write.
    """

    def __init__(self, port: int, log: Path) -> None:
        self._url = f"http://127.0.0.1:{port}{_INVOCATIONS}"
        self._log = log

    def invoke(self, event: Any) -> Any:
        """Invoke the function once; give what it returned."""
        with _session() as session:
            answer = session.post(self._url, data=json.dumps(event), timeout=_ANSWER_SECONDS)
        if answer.status_code != 200:
            raise RuntimeError(f"{answer.text}: {self.output()}")
        return answer.json()

    def output(self) -> str:
        """Give everything that was written so far, by the function and by the emulator."""
        return self._log.read_text(encoding="utf-8")


def emulator_program() -> Path | None:
    """Give the emulator's path; None where it is not installed, or cannot run."""
    machine = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    rapid = Path(sys.prefix, "emulator", "samcli", "local", "rapid")
    program = rapid / f"aws-lambda-rie-{machine}"
    return program if sys.platform == "linux" and program.is_file() else None


@contextlib.contextmanager
def run_emulator(
    program: Path, folder: Path, environ: Mapping[str, str], code: Code, *, seconds: int = 30
) -> Iterator[Emulator]:
    """Run a function as Lambda does.

    Args:
        program: The emulator's.
        folder: Where its output goes.
        environ: The function's environment variables; no others are inherited but PATH.
        code: What it runs.
        seconds: The function's timeout.
    """
    function_environ = {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "LAMBDA_TASK_ROOT": str(code.folder),
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(seconds),
        "PYTHONDONTWRITEBYTECODE": "1",
        **environ,
    }
    log = folder / "emulator.log"
    for _ in range(_PORTS_TRIED):
        port = free_port()
        command = [
            *(str(program), "--runtime-interface-emulator-address", f"127.0.0.1:{port}"),
            *("--runtime-api-address", f"127.0.0.1:{free_port()}"),
            *(*code.python, "-m", "awslambdaric", code.handler),
        ]
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=code.folder,
                env=function_environ,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            if _listens(process, port):
                yield Emulator(port, log)
                return
        finally:
            _stop(process)
    raise RuntimeError(f"the emulator does not start: {log.read_text(encoding='utf-8')}")


def _session() -> requests.Session:
    """Make an HTTP session that no proxy of the environment gets between."""
    session = requests.Session()
    session.trust_env = False
    return session


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until the emulator answers; False where it ended before."""
    until = time.monotonic() + _START_SECONDS
    with _session() as session:
        while time.monotonic() < until and process.poll() is None:
            with contextlib.suppress(requests.ConnectionError, requests.Timeout):
                # Not an invocation: the emulator answers 404, and starts nothing.
                session.get(f"http://127.0.0.1:{port}/", timeout=10)
                return process.poll() is None
            time.sleep(0.05)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the emulator and the function's process, which has a group of its own."""
    own = _descendants(process.pid)
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pid in own:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _descendants(pid: int) -> list[int]:
    """Give the processes that a process has started, and those that they have."""
    children = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            children += [int(child) for child in (task / "children").read_text().split()]
    return [*children, *(found for child in children for found in _descendants(child))]
