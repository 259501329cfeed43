"""The extension as a process under load: lines with numbers, and what of them arrives."""

import os
import sys
from pathlib import Path
from typing import Any

from testing.lambda_services.extension_process import ExtensionProcess
from testing.lambda_services.services import LambdaServices
from testing.log_destinations.destination import LogDestination
from testing.ports import free_port
from tools.bench.extension_lines import DIGITS

EXECUTABLE = Path(__file__).parents[2] / "extension" / "metric-stream-logs"

PATIENT = {"FLUSH_BUDGET_MS": "30000"}
"""The longest flush: which lines arrive does not depend on the machine's speed."""
SHUTDOWN_SECONDS = 60.0
"""For `LambdaServices`: so that a busy machine kills no process that would end."""

_FULL = os.environ.get("EXTENSION_LOAD") == "full"


def sized(usual: int, full: int) -> int:
    """Return the size of a test: `full` if EXTENSION_LOAD=full is set."""
    return full if _FULL else usual


def number_of(record: dict[str, Any]) -> Any:
    """Return the number of a line that arrived at Logz.io; any other record as it is."""
    start = str(record.get("message", ""))[:DIGITS]
    return int(start) if start.isdecimal() else record


def start(
    services: LambdaServices, destination: LogDestination, **variables: str
) -> ExtensionProcess:
    """Start the extension, and wait until it is ready.

    Args:
        services: Where it registers.
        destination: Where it sends to.
        variables: Further variables of it.
    """
    port = free_port()
    process = ExtensionProcess(
        services,
        EXECUTABLE,
        {**destination.environment, "RECEIVER_PORT": str(port), **variables},
        python=(sys.executable, "-I", "-S", EXECUTABLE.parent / "__main__.py"),
    )
    process.wait_ready()
    return process
