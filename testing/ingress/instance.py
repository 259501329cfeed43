"""One execution environment of the function, under the Runtime Interface Emulator."""

import contextlib
import os
import shlex
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from testing.emulator import Code, Emulator, run_emulator
from testing.ingress.concurrency import FunctionError


class EmulatedInstance:
    """A function's process, which can be killed.

    Args:
        emulator: The emulator that runs it.
        pid_file: Contains the id of the function's process.
    """

    def __init__(self, emulator: Emulator, pid_file: Path) -> None:
        self._emulator = emulator
        self._pid_file = pid_file

    def invoke(self, event: Any) -> Any:
        """Invoke the function.

        Raises:
            FunctionError: The process ended, or the function timed out. The next invocation
                starts another process, as Lambda does.
        """
        try:
            return self._emulator.invoke(event)
        except RuntimeError as error:
            raise FunctionError(str(error)[:200]) from error
        except ValueError as error:
            # The emulator reports a timeout as plain text with status 200.
            raise FunctionError("the function's timeout is over") from error

    def kill(self) -> bool:
        """End the process with SIGKILL; return whether there was one."""
        try:
            os.kill(int(self._pid_file.read_text()), signal.SIGKILL)
        except (FileNotFoundError, ValueError, ProcessLookupError):
            return False
        return True


@contextlib.contextmanager
def emulated(
    program: Path, folder: Path, environ: Mapping[str, str], *, seconds: int = 30
) -> Iterator[EmulatedInstance]:
    """Run an instance.

    Args:
        program: The emulator's path.
        folder: Where its output goes, in `emulator.log`.
        environ: The function's environment variables.
        seconds: The function's timeout.
    """
    pid_file = folder / "function.pid"
    # The emulator does not report the id of the function's process: a shell writes its own id
    # and becomes that process. The emulator's arguments, `-m awslambdaric <handler>`, are "$@".
    script = f'echo $$ >"$0"; exec {shlex.quote(sys.executable)} "$@"'
    code = Code(python=("/bin/sh", "-c", script, str(pid_file)))
    with run_emulator(program, folder, environ, code, seconds=seconds) as emulator:
        yield EmulatedInstance(emulator, pid_file)
