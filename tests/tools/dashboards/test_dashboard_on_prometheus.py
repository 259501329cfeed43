"""A real Prometheus answers every query and every variable of the Grafana dashboards."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from converters.profiles import PROFILES
from testing.events.dashboards import dashboard_points
from testing.events.fleet import END_MS, REGION
from testing.events.restamping import restamped
from testing.servers import Prometheus
from tests.support.recording import RecordingFunction
from tests.tools.dashboards.grafana import (
    DASHBOARDS,
    label_values,
    legend_labels,
    queries,
    variables,
    with_values,
)
from tools.children import ROOT
from tools.dashboards.panels import SHARE, Panel
from tools.dashboards.services import SERVICES

pytestmark = pytest.mark.real_server

EVENT = json.loads((ROOT / "events" / "dashboards-otlp-1.0.json").read_text(encoding="utf-8"))
HOURS = {"now-6h": 6, "now-2d": 48}


@dataclass(frozen=True)
class Stored:
    """A server with the samples of the event in it, and the end of their newest period."""

    profile: str
    server: Prometheus
    newest_ms: int

    def values(self, service: str) -> dict[str, list[str]]:
        """Return the values of a dashboard's variables, each looked up with those before it."""
        dashboard = DASHBOARDS[f"{self.profile}/{service}"]
        hours = HOURS[dashboard["time"]["from"]]
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

    def query(self, service: str, text: str) -> list[dict[str, Any]]:
        """Ask for what was at the end of the newest period, of all values of the variables."""
        return self.server.query(with_values(text, self.values(service)), self.newest_ms)


@pytest.fixture(scope="module", params=PROFILES)
def stored(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stored]:
    """Run a Prometheus to which the function has sent the event, moved to the present."""
    newest_ms = int(time.time() * 1000)
    with Prometheus(tmp_path_factory.mktemp("dashboards"), window="3d") as server:
        function = RecordingFunction(server.write_url, {"NAMING_PROFILE": request.param})
        sent = function.invoke(restamped(EVENT, newest_ms))
        assert sent.status == 200
        assert sent.metric("SamplesRejected") == 0
        yield Stored(request.param, server, newest_ms)


@pytest.mark.parametrize("service", SERVICES)
def test_variables_on_prometheus(stored: Stored, service: str) -> None:
    """A real Prometheus has values for every variable: all resources, and where they are."""
    values = stored.values(service)
    points = [
        one for one in dashboard_points(END_MS) if one.namespace == SERVICES[service].namespace
    ]
    scope = SERVICES[service].panels[0].scope
    resources = {dict(point.dimensions).get(scope.dimensions[0]) for point in points} - {None}
    assert {value.lower() for value in values["resource"]} == {str(it).lower() for it in resources}
    assert values["account"] == sorted({point.account for point in points})
    assert values["region"] == [REGION]
    assert all(values.values())


@pytest.mark.parametrize("service", SERVICES)
def test_queries_on_prometheus(stored: Stored, service: str) -> None:
    """What a panel shows is what CloudWatch measured, of one set of dimensions."""
    texts = iter(queries(DASHBOARDS[f"{stored.profile}/{service}"]))
    for panel in SERVICES[service].panels:
        for statistic in panel.statistics:
            _, target = next(texts)
            result = stored.query(service, target["expr"])
            shown = sorted(float(series["value"][1]) for series in result)
            expected = sorted(measured(SERVICES[service].namespace, panel, statistic))
            assert expected, target["expr"]
            assert shown == pytest.approx(expected), target["expr"]
            labels = legend_labels(target)
            legends = {tuple(series["metric"][label] for label in labels) for series in result}
            assert len(legends) == len(result)
    assert next(texts, None) is None


def measured(namespace: str, panel: Panel, statistic: str) -> Iterator[float]:
    """Yield what a panel shows of each resource, from the data points of the event."""
    points = {
        (point.account, point.metric_name, point.dimensions): point
        for point in dashboard_points(END_MS)
        if point.namespace == namespace
        and {name for name, _ in point.dimensions} == set(panel.scope.dimensions)
    }
    for (account, metric, dimensions), point in points.items():
        if metric == panel.metric:
            whole = points.get((account, panel.whole, dimensions), point)
            yield {
                "Average": point.sum / point.count,
                "Sum": point.sum,
                "Minimum": point.minimum,
                "Maximum": point.maximum,
                SHARE: 100 * point.sum / whole.sum if whole.sum else 0.0,
                **{f"p{quantile * 100:g}": value for quantile, value in point.percentiles},
            }[statistic]
