"""A real Prometheus with the sample event for dashboards in it."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testing.events.restamping import restamped
from testing.servers import Prometheus
from tests.support.recording import RecordingFunction
from tests.tools.dashboards.grafana import (
    DASHBOARDS,
    hours_shown,
    label_values,
    variables,
    with_values,
)
from tools.children import ROOT

_EVENT = ROOT / "events" / "dashboards-otlp-1.0.json"


@dataclass(frozen=True)
class Stored:
    """A server with the samples of the event in it, and the end of their newest period."""

    profile: str
    server: Prometheus
    newest_ms: int

    def values(self, service: str) -> dict[str, list[str]]:
        """Return the values of a dashboard's variables, each looked up with those before it."""
        dashboard = DASHBOARDS[f"{self.profile}/{service}"]
        hours = hours_shown(dashboard)
        found: dict[str, list[str]] = {}
        for name, variable in variables(dashboard).items():
            selector, label = label_values(variable)
            response = self.server.call(
                "/api/v1/series",
                **{"match[]": with_values(selector, found)},
                start=f"{self.newest_ms / 1000 - hours * 3600:.3f}",
                end=f"{self.newest_ms / 1000:.3f}",
            )
            found[name] = sorted({one[label] for one in response.json()["data"] if label in one})
        return found

    def query(self, text: str) -> list[dict[str, Any]]:
        """Ask for what was at the end of the newest period."""
        return self.server.query(text, self.newest_ms)


@contextmanager
def filled(profile: str, folder: Path) -> Iterator[Stored]:
    """Run a Prometheus to which the function has sent the event, moved to the present.

    Args:
        profile: The naming profile of the function.
        folder: An empty folder for the server.
    """
    newest_ms = int(time.time() * 1000)
    event = json.loads(_EVENT.read_text(encoding="utf-8"))
    with Prometheus(folder, window="3d") as server:
        function = RecordingFunction(server.write_url, {"NAMING_PROFILE": profile})
        sent = function.invoke(restamped(event, newest_ms))
        assert sent.status == 200
        assert sent.metric("SamplesRejected") == 0
        yield Stored(profile, server, newest_ms)
