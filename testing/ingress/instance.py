"""One execution environment of the function, under the Runtime Interface Emulator."""

import contextlib
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from testing.emulator import Emulator, run_emulator
from testing.ingress.concurrency import FunctionError


class EmulatedInstance:
    """An instance whose process can be killed, or stopped with SIGSTOP.

    Args:
        emulator: The emulator that runs it.
    """

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

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

    def kill(self, number: signal.Signals = signal.SIGKILL) -> bool:
        """Send a signal to the process; return whether there is one."""
        return self._emulator.signal_function(number)


@contextlib.contextmanager
def emulated(
    program: Path, folder: Path, environ: Mapping[str, str], *, seconds: int = 30
) -> Iterator[EmulatedInstance]:
    """Run an instance; see `run_emulator`."""
    with run_emulator(program, folder, environ, seconds=seconds) as emulator:
        yield EmulatedInstance(emulator)
