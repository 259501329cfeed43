"""The sample extension under the fake Lambda services, and what it has received."""

import json
import sys
from pathlib import Path
from typing import Any

from testing.lambda_services.extension_process import ExtensionProcess
from testing.lambda_services.services import LambdaServices
from testing.lambda_services.telemetry_stream import Platform

SAMPLE = Path(__file__).with_name("sample_extension.py")
AT_ONCE = Platform(window_seconds=0.0)
"""The platform without buffering."""
PROMPT = 30.0
"""More seconds than anything takes that ends by itself; an invocation may last a minute."""
SHUTDOWN_SECONDS = 60.0
"""How long an extension may take to end, generous for a busy machine."""


class Sample:
    """The sample extension.

    Args:
        kept: The file to which it writes what it receives.
    """

    def __init__(self, kept: Path) -> None:
        self.environ = {"SAMPLE_FILE": str(kept)}
        self._kept = kept

    def start(self, services: LambdaServices, **environ: str) -> ExtensionProcess:
        """Start it with further variables, without waiting until it is ready."""
        variables = {**self.environ, **environ}
        return ExtensionProcess(services, SAMPLE, variables, python=[sys.executable, "-I"])

    @property
    def deliveries(self) -> list[list[Any]]:
        """The events of each delivery."""
        return [json.loads(line) for line in self._kept.read_bytes().splitlines()]

    @property
    def kinds(self) -> list[list[str]]:
        """The types of the events of each delivery."""
        return [[event["type"] for event in events] for events in self.deliveries]

    def records(self, kind: str) -> list[Any]:
        """Return the records of all events of a type."""
        events = [event for delivery in self.deliveries for event in delivery]
        return [event["record"] for event in events if event["type"] == kind]
