"""A real Prometheus answers every query and every variable of the Grafana dashboards."""

from collections.abc import Callable, Iterator

import pytest

from testing.events.dashboards import dashboard_points
from testing.events.fleet import END_MS, REGION
from testing.events.tags import tagged_fleets
from tests.tools.dashboards.grafana import DASHBOARDS, legend_labels, queries, with_values
from tests.tools.dashboards.mixin import MIXIN
from tests.tools.dashboards.stored import Stored
from tools.dashboards.naming import Naming
from tools.dashboards.panels import SHARE, Panel
from tools.dashboards.services import SERVICES

pytestmark = pytest.mark.real_server

TEAMS = ["Data", "Shop"]

Servers = Callable[[str], Stored]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_variables_on_prometheus(stored: Servers, name: str) -> None:
    """A real Prometheus has values for every variable: all resources, where they are, whose."""
    profile, _, stem = name.partition("/")
    service = SERVICES[stem]
    values = stored(profile).values(stem)
    dimension = service.panels[0].scope.dimensions[0]
    points = [point for point in dashboard_points(END_MS) if point.namespace == service.namespace]
    resources = {dict(point.dimensions).get(dimension, "").lower() for point in points} - {""}
    assert {value.lower() for value in values["resource"]} == resources
    assert values["account"] == sorted({point.account for point in points})
    assert values["region"] == [REGION]
    assert values["tag_value"] == (["Shop"] if stem == "alb" else TEAMS)
    assert all(values.values())


@pytest.mark.parametrize("name", DASHBOARDS)
def test_queries_on_prometheus(stored: Servers, name: str) -> None:
    """What a panel shows is what CloudWatch measured, of one set of dimensions.

    It is the same without a choice, also where no tags are sent, and where all that there is to
    choose is chosen: every resource of the fleet has the tag.
    """
    profile, _, stem = name.partition("/")
    service, server = SERVICES[stem], stored(profile)
    values = server.values(stem)
    texts = iter(queries(DASHBOARDS[name]))
    for panel in service.panels:
        for statistic in panel.statistics:
            _, target = next(texts)
            result = server.query(with_values(target["expr"], DASHBOARDS[name], values))
            of_all = with_values(target["expr"], DASHBOARDS[name], {})
            assert server.query(of_all) == result
            assert server.query(of_all.replace("_info{", "_nothing{")) == result
            shown = sorted(float(series["value"][1]) for series in result)
            expected = sorted(measured(service.namespace, panel, statistic))
            assert expected, target["expr"]
            assert shown == pytest.approx(expected), target["expr"]
            labels = legend_labels(target)
            legends = {tuple(series["metric"][label] for label in labels) for series in result}
            assert len(legends) == len(result)
    assert next(texts, None) is None


@pytest.mark.parametrize("name", DASHBOARDS)
def test_tag_selects_resources(stored: Servers, name: str) -> None:
    """With a chosen tag a panel shows its resources alone, also if all resources are chosen."""
    profile, _, stem = name.partition("/")
    server, dashboard = stored(profile), DASHBOARDS[name]
    resource = Naming(profile).label(SERVICES[stem].panels[0].scope.dimensions[0])
    for _, target in queries(dashboard):
        # The concurrency of all functions together has no resource.
        if resource in legend_labels(target):
            everything = server.query(with_values(target["expr"], dashboard, {}))
            for team in (*TEAMS, "Nobody"):
                chosen = with_values(target["expr"], dashboard, {"tag_value": [team]})
                expected = [one for one in everything if team == team_of(one["metric"][resource])]
                assert server.query(chosen) == expected


@pytest.mark.parametrize("service", MIXIN)
def test_panels_of_the_mixin_of_yace_on_prometheus(stored: Servers, service: str) -> None:
    """The panels of YACE's mixin have data: with its filters, in which `All` is `.+`."""
    server = stored("yace")
    dimensions, names = MIXIN[service]
    filters = ", ".join(f'{label}=~".+"' for label in ("job", "region", *dimensions))
    for name in names:
        series = f"aws_{service}_{name}{{{filters}}}"
        assert server.query(f"last_over_time({series}[3d])"), series


def team_of(resource: str) -> str:
    """Return the team of a resource in the fleet."""
    (team,) = {
        tags["Team"]
        for fleet in tagged_fleets().values()
        for arn, tags in fleet.resources
        if arn.lower().endswith((f"/{resource.lower()}", f":{resource.lower()}"))
    }
    return team


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
