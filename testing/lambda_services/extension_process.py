"""An external extension as a process, started and ended as Lambda does it."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from testing.lambda_services.sandboxed_process import SandboxedProcess
from testing.lambda_services.services import LambdaServices


@dataclass(frozen=True, slots=True)
class Ended:
    """How an extension ended.

    Attributes:
        exit_code: As `subprocess` has it: negative for a signal.
        seconds: Time from SHUTDOWN to its end.
        killed: Whether it still ran when its time was over.
    """

    exit_code: int
    seconds: float
    killed: bool


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory of a process in bytes: now, and its maximum so far."""

    current: int
    peak: int


class ExtensionProcess(SandboxedProcess):
    """An extension that runs from its construction until `close` or the end of `with`.

    Args:
        services: Where it registers.
        executable: The file, whose name is the extension's. It is executed with its full path.
        environ: Its variables; they take precedence over those of `LambdaServices.environ`.
        python: An interpreter and its options; empty: the file itself is executed.
        ship_output: Write its output lines as `extension` events.
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
        self._ended: float | None = None
        command = [*map(str, python), str(executable.absolute())]
        kind = "extension" if ship_output else ""
        super().__init__(services, command, environ, Path("/"), emit_as=kind)
        self._reaper = threading.Thread(target=self._reap, daemon=True)
        self._reaper.start()

    def wait_ready(self, seconds: float = 60.0) -> float:
        """Wait for its first `next`, and for that of all others.

        Returns:
            Seconds from its start to its first `next`.

        Raises:
            TimeoutError: It has not called `next`; the message contains its output.
        """
        services = self._services
        if not services.environment.wait_for(self._asked, seconds) or not services.wait_ready(
            seconds
        ):
            output = self.output.decode(errors="replace")
            raise TimeoutError(f"{self._name} has not called next within {seconds} s: {output}")
        return self._asked()[0] - self.begun

    def _asked(self) -> list[float]:
        """Return when it called `next`."""
        own = [found for found in self._services.extensions if found.name == self._name]
        return own[-1].asked_at if own else []

    def wait_ended(self, seconds: float = 60.0) -> int | None:
        """Wait until it ends by itself; return its exit code, None where it still runs."""
        self._reaper.join(seconds)
        return None if self._ended is None else self._process.returncode

    def shutdown(self, reason: str = "spindown") -> Ended:
        """Give SHUTDOWN, and kill it when its time is over; at once if it did not register for it.

        Args:
            reason: `spindown`, `timeout` or `failure`, in upper or lower case.
        """
        begun = time.monotonic()
        until = self._services.shutdown(reason)
        if any(
            extension.name == self._name and "SHUTDOWN" in extension.events
            for extension in self._services.extensions
        ):
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
        """Kill it, and everything that it has started."""
        super().close()
        self._reaper.join()

    def _reap(self) -> None:
        """Note the end of the process."""
        self._process.wait()
        self._ended = time.monotonic()
        self._services.environment.mark_gone(self._name)
