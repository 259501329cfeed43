"""The sample extension, started under the fake Lambda services, and what it has kept."""

import json
import sys
from pathlib import Path
from typing import Any

from testing.lambda_services.extension_process import ExtensionProcess
from testing.lambda_services.services import LambdaServices
from testing.lambda_services.telemetry_stream import Platform

SAMPLE = Path(__file__).with_name("sample_extension.py")
AT_ONCE = Platform(window_seconds=0.0)
"""The platform, when it gathers nothing before it delivers."""
PROMPT = 30.0
"""Seconds: more than anything takes that ends by itself; an invocation may last a minute."""
SHUTDOWN_SECONDS = 60.0
"""Seconds for the end, so that a busy machine kills no process that would end."""


class Sample:
    """The sample extension.

    Args:
        kept: The file in which it keeps what it gets.
    """

    def __init__(self, kept: Path) -> None:
        self.environ = {"SAMPLE_FILE": str(kept)}
        self._kept = kept

    def start(self, services: LambdaServices, **environ: str) -> ExtensionProcess:
        """Start it, with further variables; it need not be ready when this returns."""
        variables = {**self.environ, **environ}
        return ExtensionProcess(services, SAMPLE, variables, python=[sys.executable, "-I"])

    @property
    def deliveries(self) -> list[list[Any]]:
        """The events of each delivery that it got."""
        return [json.loads(line) for line in self._kept.read_bytes().splitlines()]

    @property
    def kinds(self) -> list[list[str]]:
        """The types of the events of each delivery."""
        return [[event["type"] for event in events] for events in self.deliveries]

    def records(self, kind: str) -> list[Any]:
        """Return the records of all events of a type."""
        events = [event for delivery in self.deliveries for event in delivery]
        return [event["record"] for event in events if event["type"] == kind]
