"""The function with its standard output recorded: its response and its log."""

import contextlib
import io
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from handler.app import Function
from handler.clock import Clock
from tests.support.invoking import json_lines, settings_for

WAITING = Clock(monotonic=time.monotonic, wall=time.time, jitter=lambda ceiling: ceiling / 2)
"""The real time, with the average wait before retries."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One invocation.

    Attributes:
        response: What the function returned.
        lines: Every line that it wrote, log lines and metrics.
    """

    response: Mapping[str, Any]
    lines: list[dict[str, Any]] = field(repr=False)

    @property
    def status(self) -> int:
        """The status of an HTTP response."""
        return int(self.response["statusCode"])

    @property
    def delivery(self) -> dict[str, Any]:
        """The one log line that summarises the delivery."""
        lines = self.logged("delivery")
        assert len(lines) == 1, (self.response, self.lines)
        return lines[0]

    def samples(self) -> dict[str, int]:
        """Return how many samples were sent, rejected and undelivered, from the log line."""
        results = ("sent", "rejected", "undelivered")
        return {result: self.delivery[f"samples_{result}"] for result in results}

    def metric(self, name: str) -> float:
        """Sum a metric in CloudWatch's embedded format, without its dimension Reason."""
        documents = (line for line in self.lines if "_aws" in line and "Reason" not in line)
        return float(sum(sum(document.get(name, [])) for document in documents))

    def logged(self, message: str) -> list[dict[str, Any]]:
        """Return the log lines with this message."""
        return [line for line in self.lines if line.get("message") == message]


class RecordingFunction:
    """The function, created as for `lambda_handler`, with its standard output recorded.

    Args:
        url: The listener.
        changed: Further environment variables.
        clock: Time and jitter.

    Attributes:
        environment: The value of the label `p8s_logzio_name`; empty: the default.
    """

    def __init__(
        self, url: str, changed: Mapping[str, str] | None = None, clock: Clock = WAITING
    ) -> None:
        settings = settings_for(url, **(changed or {}))
        self.environment = settings.get("P8S_LOGZIO_NAME", "")
        self._output = io.StringIO()
        with contextlib.redirect_stdout(self._output):
            self._function = Function(settings, clock)

    def invoke(self, event: Any, context: Any = None) -> Recorded:
        """Invoke the function once."""
        start = self._output.tell()
        with contextlib.redirect_stdout(self._output):
            response = self._function(event, context)
        return Recorded(response, json_lines(self._output.getvalue()[start:]))
