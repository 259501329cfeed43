"""An external extension as a process, started, frozen and ended as Lambda does it."""

import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from testing.lambda_services.sandboxed_process import SandboxedProcess
from testing.lambda_services.services import LambdaServices

_READ_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Ended:
    """How an extension ended.

    Attributes:
        exit_code: As `subprocess` has it: negative for a signal.
        seconds: From SHUTDOWN to its end.
        killed: Whether it was still there when its time was over.
    """

    exit_code: int
    seconds: float
    killed: bool


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory of a process in bytes: at this moment, and at most so far."""

    current: int
    peak: int


class ExtensionProcess(SandboxedProcess):
    """An extension that runs from its construction until `close` or the end of `with`.

    Args:
        services: Where it registers.
        executable: The file, whose name is the extension's. It is executed with its full path.
        environ: Its variables beside those of `LambdaServices.environ`, before which they go.
        python: The interpreter, and options of it; none: the file is executed itself.
        ship_output: Write its output lines as `extension` events too.
    """

    def __init__(
        self,
        services: LambdaServices,
        executable: Path,
        environ: Mapping[str, str],
        *,
        python: Sequence[str | Path] = (),
        ship_output: bool = False,
    ) -> None:
        self._name = services.expect(executable)
        self._output = bytearray()
        self._ship_output = ship_output
        self._ended: float | None = None
        command = [*map(str, python), str(executable.absolute())]
        super().__init__(services, command, environ, Path("/"))
        self._reaper = threading.Thread(target=self._reap, daemon=True)
        self._reaper.start()

    @property
    def output(self) -> bytes:
        """Everything that it wrote so far, standard output and error as they came."""
        return bytes(self._output)

    @property
    def exit_code(self) -> int | None:
        """How it ended, as `subprocess` has it; None as long as it runs."""
        return None if self._ended is None else self._process.returncode

    def wait_ready(self, seconds: float = 60.0) -> float:
        """Wait for its first `next`, and for that of all others.

        Args:
            seconds: How long.

        Returns:
            Seconds from its start to its first `next`.

        Raises:
            TimeoutError: It did not come.
        """
        if not (
            self._services.environment.wait_for(self._asked, seconds)
            and self._services.wait_ready(seconds)
        ):
            words = self.output.decode(errors="replace")
            raise TimeoutError(f"{self._name} has not called next within {seconds} s: {words}")
        return self._asked()[0] - self.begun

    def _asked(self) -> list[float]:
        """Give when it called `next`."""
        mine = [found for found in self._services.extensions if found.name == self._name]
        return mine[-1].asked_at if mine else []

    def wait_ended(self, seconds: float = 60.0) -> int | None:
        """Wait for its end, which nobody causes; give how it ended, None where it did not."""
        self._reaper.join(seconds)
        return self.exit_code

    def shutdown(self, reason: str = "spindown") -> Ended:
        """Give SHUTDOWN, and kill it when its time is over; without that registration at once.

        Args:
            reason: `spindown`, `timeout` or `failure`, in any case of letters.
        """
        begun = time.monotonic()
        until = self._services.shutdown(reason)
        told = any(
            extension.name == self._name and "SHUTDOWN" in extension.events
            for extension in self._services.extensions
        )
        if told:
            self._reaper.join(max(0.0, until - time.monotonic()))
        killed = self._ended is None
        self.close()
        ended = self._ended or time.monotonic()
        return Ended(self._process.returncode, ended - begun, killed)

    def rss_bytes(self) -> Memory:
        """Measure its resident memory (`VmRSS` and `VmHWM` of proc(5)).

        Raises:
            OSError: It has ended.
        """
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        values = dict(line.split(":", 1) for line in status.splitlines())
        current, peak = (int(values[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))
        return Memory(current, peak)

    def close(self) -> None:
        """Kill it, and what it has started, as far as they are left."""
        super().close()
        self._reaper.join()

    def _read(self) -> None:
        """Take its output until its end."""
        output = self._process.stdout
        if output is None:
            return
        begun_line = b""
        while part := os.read(output.fileno(), _READ_BYTES):
            self._output += part
            if self._ship_output:
                *lines, begun_line = (begun_line + part).split(b"\n")
                for line in lines:
                    self._services.emit("extension", line.decode(errors="replace"))
        output.close()

    def _reap(self) -> None:
        """Note the end of the process."""
        self._process.wait()
        self._ended = time.monotonic()
        self._services.environment.forget(self._name)
