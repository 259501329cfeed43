"""A real Prometheus with the sample event for dashboards and the fleet's tags in it."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from handler.clock import Clock
from tags.app import TagsFunction
from testing.aws_environment import environment_for
from testing.events.restamping import restamped
from testing.events.tags import tagged_fleets
from testing.lambda_context import LambdaContext
from testing.servers import Prometheus
from testing.tagging_api import TaggingApi
from tests.support.invoking import settings_for
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
            query = with_values(variable["query"]["query"], dashboard, found)
            selector, label = label_values(query)
            response = self.server.call(
                "/api/v1/series",
                **{"match[]": selector},
                start=f"{self.newest_ms / 1000 - hours * 3600:.3f}",
                end=f"{self.newest_ms / 1000:.3f}",
            )
            found[name] = sorted({one[label] for one in response.json()["data"] if label in one})
        return found

    def query(self, text: str) -> list[dict[str, Any]]:
        """Ask for what was at the end of the newest period."""
        return self.server.query(text, self.newest_ms)


def sweep_tags(url: str, profile: str, at_ms: int) -> None:
    """Send the info series of the fleet's tags, as the tags function does at a time."""
    fleets = tagged_fleets()
    roles = ",".join(f"arn:aws:iam::{account}:role/tags" for account in fleets)
    changed = {"NAMING_PROFILE": profile, "LOGZIO_METRICS_TOKEN": "token", "TAG_ROLE_ARNS": roles}
    clock = Clock(wall=lambda: at_ms / 1000)
    with TaggingApi(fleets) as aws, pytest.MonkeyPatch.context() as patch:
        for name, value in environment_for(aws.url).items():
            patch.setenv(name, value)
        report = TagsFunction(settings_for(url, **changed), clock)(LambdaContext.starting_now(240))
    assert report["errors"] == 0
    assert report["info_samples_sent"] == report["samples"] > 0


@contextmanager
def filled(profile: str, folder: Path) -> Iterator[Stored]:
    """Run a Prometheus to which the functions have sent event and tags, moved to the present.

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
        sweep_tags(server.write_url, profile, newest_ms)
        yield Stored(profile, server, newest_ms)
