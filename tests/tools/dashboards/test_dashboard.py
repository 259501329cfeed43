"""The Grafana dashboards are what the code makes, and their queries read what is delivered."""

import json
import re

import pytest

from converters.profiles import PROFILES
from tests.support.stack import parameters
from tests.tools.dashboards.grafana import (
    DASHBOARDS,
    hours_shown,
    legend_labels,
    queries,
    typed,
    variables,
)
from tests.tools.dashboards.mixin import MIXIN
from tools.children import ROOT
from tools.dashboards import make
from tools.dashboards.naming import Naming
from tools.dashboards.services import SERVICES

NAMES = {"ec2", "ebs", "rds", "lambda", "alb", "s3"}


def test_files_are_what_the_code_makes() -> None:
    """The files in the tree are those that `make dashboard` writes, for each profile."""
    found = {path: path.read_text(encoding="utf-8") for path in make.FOLDER.glob("*/*.json")}
    assert found == make.files()
    assert set(DASHBOARDS) == {f"{profile}/{name}" for profile in PROFILES for name in NAMES}


def test_ids_of_dashboards() -> None:
    """No two dashboards have one id, and Grafana accepts each."""
    ids = {dashboard["uid"] for dashboard in DASHBOARDS.values()}
    assert len(ids) == len(DASHBOARDS)
    assert all(re.fullmatch(r"[\w-]{1,40}", uid) for uid in ids)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_placeholders(name: str) -> None:
    """Every variable in a dashboard is one of its own, or Grafana's."""
    dashboard = DASHBOARDS[name]
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(dashboard)))
    # `$__all` is the value of a variable for which all is chosen.
    own = {"datasource", *variables(dashboard), *typed(dashboard)}
    assert used == {*own, "__interval", "__all"}


@pytest.mark.parametrize("name", DASHBOARDS)
def test_what_to_type_is_said(name: str) -> None:
    """Grafana shows what a text box is for, and an example that is the text at first."""
    listed = {it["name"]: it for it in DASHBOARDS[name]["templating"]["list"]}
    for variable, text in typed(DASHBOARDS[name]).items():
        assert f"such as {text} " in listed[variable]["description"]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_query_text(name: str) -> None:
    """A query filters by all variables, treats nothing as a counter, and names its series."""
    profile, _, service = name.partition("/")
    labels = Naming(profile).filters
    for _, target in queries(DASHBOARDS[name]):
        selectors = re.findall(r"(\w+)\{([^{}]*)\}\[", target["expr"])
        assert selectors
        for series, matchers in selectors:
            if series.endswith("_info"):
                assert 'tag_$tag=~"$tag_value"' in matchers
                continue
            assert all(f'{label}=~"${variable}"' in matchers for variable, label in labels.items())
        assert not re.search(r"\b(rate|irate|increase|delta|idelta|deriv)\b", target["expr"])
        assert {labels["account"], labels["region"]} <= set(legend_labels(target))
        # One point a day, one to two days late.
        daily = re.search("(?i)bucket_?size|number_?of_?objects", target["expr"]) is not None
        assert ("last_over_time" in target["expr"] and "[3d]" in target["expr"]) is daily
        assert daily <= (service == "s3")


@pytest.mark.parametrize("name", DASHBOARDS)
def test_series_of_two_sources(name: str) -> None:
    """Series that an external label tells apart never meet: no query names the labels to match.

    Those of the tags are named, but they only select series.
    """
    for _, target in queries(DASHBOARDS[name]):
        combining = re.sub(r"\band on \(", "and (", target["expr"])
        assert not re.search(r"\b(on|by|group_left|group_right)\b *\(", combining)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_time_shows_daily_metrics(name: str) -> None:
    """A dashboard begins with a time that holds its metrics, also the daily ones before the next.

    These are up to two days old when they arrive, and a day later when the next ones do. The
    resources to choose from are those of the time that is shown.
    """
    dashboard = DASHBOARDS[name]
    daily = any("[3d]" in target["expr"] for _, target in queries(dashboard))
    assert hours_shown(dashboard) >= (24 * 4 if daily else 1)


@pytest.mark.parametrize("service", MIXIN)
def test_panels_of_the_mixin_of_yace(service: str) -> None:
    """What the mixin of YACE shows, the dashboards for its names show too."""
    text = " ".join(target["expr"] for _, target in queries(DASHBOARDS[f"yace/{service}"]))
    shown = set(re.findall(rf"aws_{service}_(\w+){{", text))
    assert set(MIXIN[service].names) <= shown


def test_parameters_of_the_page_stream_all_percentiles() -> None:
    """With the parameters in docs/dashboards.md every panel of percentiles has its series."""
    page = (ROOT / "docs" / "dashboards.md").read_text(encoding="utf-8")
    written = dict(re.findall(r'^ +(\w+): "(.+)"$', page, re.MULTILINE))
    shown = [
        (f"{service.namespace}={panel.metric}", statistic)
        for service in SERVICES.values()
        for panel in service.panels
        for statistic in panel.statistics
        if statistic.startswith("p")
    ]
    metrics = written["StatisticsMetrics"]
    assert set(metrics.split(",")) == {metric for metric, _ in shown}
    assert set(written["AdditionalStatistics"].split(",")) == {one for _, one in shown}
    assert re.fullmatch(parameters()["StatisticsMetrics"]["AllowedPattern"], metrics)


def test_pictures_in_the_documents_are_small() -> None:
    """Whoever clones the repository does not wait for its pictures."""
    sizes = [path.stat().st_size for path in (ROOT / "docs" / "images").iterdir()]
    assert 0 < sum(sizes) <= 300_000
