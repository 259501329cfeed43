"""The function's instances, each with a number that the listener sees."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from testing.events.firehose import ACCESS_KEY
from testing.ingress.instance import EmulatedInstance, emulated
from tools.chaos.listener import INSTANCE_HEADER
from tools.chaos.plan import Plan

# No word that the log has too: the function takes every part of its token out of its log.
_TOKEN = "6f1d0e5c9a7b4382"
_FUNCTION_SECONDS = 30


class Functions:
    """Starts instances, and kills them.

    Args:
        program: The emulator's.
        folder: Where each instance gets a folder of its own.
        plan: The run.

    Attributes:
        killed: How many processes were ended with SIGKILL.
    """

    def __init__(self, program: Path, folder: Path, plan: Plan) -> None:
        self._program = program
        self._folder = folder
        self._plan = plan
        self._instances: dict[int, EmulatedInstance] = {}
        self.killed = 0

    @contextlib.contextmanager
    def start(self, listener_url: str, number: int) -> Iterator[EmulatedInstance]:
        """Run the instance of a number, which sends to a listener."""
        folder = self._folder / str(number)
        folder.mkdir(parents=True)
        settings = self._settings(listener_url, number)
        with emulated(self._program, folder, settings, seconds=_FUNCTION_SECONDS) as instance:
            self._instances[number] = instance
            yield instance

    def kill(self, number: int) -> None:
        """Kill the process of an instance, whatever it is doing."""
        self.killed += self._instances[number].kill()

    def logs(self) -> list[Path]:
        """Give the files with what the instances wrote."""
        return sorted(self._folder.glob("*/emulator.log"))

    def _settings(self, listener_url: str, number: int) -> Mapping[str, str]:
        """Give the environment variables of an instance."""
        return {
            "LOGZIO_METRICS_LISTENER": listener_url,
            "LOGZIO_METRICS_TOKEN": _TOKEN,
            "FIREHOSE_ACCESS_KEY": ACCESS_KEY,
            "REMOTE_WRITE_HEADERS": json.dumps({INSTANCE_HEADER: str(number)}),
            "REMOTE_WRITE_MAX_BYTES": str(self._plan.body_bytes),
            "DELIVERY_BUDGET_SECONDS": str(self._plan.budget_seconds),
            "LISTENER_TIMEOUT_SECONDS": str(self._plan.timeout_seconds),
        }
