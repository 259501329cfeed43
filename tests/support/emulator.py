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
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.servers import free_port, loopback_session

PROJECT = Path(__file__).parents[2]
HANDLER = "handler.app.lambda_handler"

_INVOCATIONS = "/2015-03-31/functions/function/invocations"
_START_SECONDS = 20.0
_STOP_SECONDS = 10.0
_PORTS_TRIED = 5


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
        with loopback_session() as session:
            answer = session.post(self._url, data=json.dumps(event), timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def output(self) -> str:
        """Give everything that was written so far, by the function and by the emulator."""
        return self._log.read_text(encoding="utf-8")


@contextlib.contextmanager
def emulator(
    folder: Path,
    environ: Mapping[str, str],
    *,
    artifact: Path = PROJECT,
    seconds: int = 30,
) -> Iterator[Emulator]:
    """Run the function as Lambda does.

    Args:
        folder: Where its output goes.
        environ: The function's environment variables; no others are inherited but PATH.
        artifact: The folder that holds the function's code; packages that are not in there
            come from this process's virtual environment.
        seconds: The function's timeout.
    """
    program = _program()
    function_environ = {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "LAMBDA_TASK_ROOT": str(artifact),
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
            *(sys.executable, "-m", "awslambdaric", HANDLER),
        ]
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=artifact,
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


def _program() -> Path:
    """Give the emulator's path; without one fail in CI, and skip elsewhere."""
    machine = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    rapid = Path(sys.prefix, "emulator", "samcli", "local", "rapid")
    program = rapid / f"aws-lambda-rie-{machine}"
    if not (sys.platform == "linux" and program.is_file()):
        words = "the Runtime Interface Emulator is missing; make .venv/emulator.stamp installs it"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    return program


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until the emulator answers; False where it ended before."""
    until = time.monotonic() + _START_SECONDS
    with loopback_session() as session:
        while time.monotonic() < until and process.poll() is None:
            with contextlib.suppress(requests.ConnectionError):
                # Not an invocation: the emulator answers 404, and starts nothing.
                session.get(f"http://127.0.0.1:{port}/", timeout=5)
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
