"""A real Prometheus answers every query of the Grafana dashboard."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from testing.events.fleet import LINKED_ACCOUNT, MONITORING_ACCOUNT, REGION
from testing.events.samples import good_events
from testing.servers import Prometheus
from tests.support.recording import RecordingFunction
from tests.tools.dashboards.grafana import (
    GRAPHS,
    TARGETS,
    VARIABLES,
    label_values,
    legend_labels,
    with_values,
)

pytestmark = pytest.mark.real_server


@dataclass(frozen=True)
class Stored:
    """A server with the samples in it, and the end of their newest period."""

    server: Prometheus
    newest_ms: int

    def query(self, text: str) -> list[dict[str, Any]]:
        """Ask for what was at the end of the newest period."""
        return self.server.query(with_values(text), self.newest_ms)

    def panel(self, title: str, **labels: str) -> float:
        """Give the only value of the first query of the first panel of this title."""
        panel = next(panel for panel in GRAPHS if panel["title"] == title)
        (value,) = (
            float(series["value"][1])
            for series in self.query(panel["targets"][0]["expr"])
            if labels.items() <= series["metric"].items()
        )
        return value


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stored]:
    """Run a Prometheus to which the function has sent the samples with the time of today."""
    newest_ms = int(time.time() * 1000)
    events = good_events(newest_ms)
    with Prometheus(tmp_path_factory.mktemp("dashboard"), window="3d") as server:
        sent = RecordingFunction(server.write_url).invoke(events["function-url-otlp-1.0"])
        assert sent.status == 200
        assert sent.metric("SamplesRejected") == 0
        yield Stored(server, newest_ms)


@pytest.mark.parametrize("target", TARGETS)
def test_query_on_prometheus(stored: Stored, target: dict[str, Any]) -> None:
    """A real Prometheus answers a query with series, and they have the labels of the legend."""
    result = stored.query(target["expr"])
    assert result
    for series in result:
        assert math.isfinite(float(series["value"][1]))
        assert set(legend_labels(target)) <= series["metric"].keys()


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("p8s_logzio_name", {"logzio-otlp-metrics-stream"}),
        ("account", {MONITORING_ACCOUNT, LINKED_ACCOUNT}),
        ("region", {REGION}),
    ],
)
def test_variable_on_prometheus(stored: Stored, name: str, values: set[str]) -> None:
    """A real Prometheus has these values of a variable."""
    selector, label = label_values(VARIABLES[name])
    result = stored.query(f"group by ({label}) ({selector})")
    assert {series["metric"].get(label) for series in result} == values


def test_values_on_prometheus(stored: Stored) -> None:
    """What a panel shows is what CloudWatch measured; zones are summed up, other sets are not."""
    instance = {"instanceid": "i-0f9e8d7c6b5a40002", "account": LINKED_ACCOUNT}
    assert stored.panel("CPU utilization", **instance) == pytest.approx(2 * 41.625 / 5)
    assert stored.panel("Network in, per period", **instance) == 2 * 183_402
    assert stored.panel("Requests, per period") == 1_700 + 3_400
    assert stored.panel("Response time") == pytest.approx(0.0375)
    assert stored.panel("Errors, of invocations", functionname="checkouthandler") == 0
    assert stored.panel("Concurrent executions, all functions") == 7
    assert stored.panel("Size of buckets", bucketname="shop-invoices") == 2 * 53_687_091_200
