"""The Grafana dashboard is sound, and every query finds what the sample events become."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from testing.converting import convert, samples_of
from testing.events.fleet import END_MS
from testing.events.samples import good_events
from tests.support.event_records import records_of
from tests.tools.dashboards.promql import parse
from tests.tools.dashboards.written import (
    DASHBOARD,
    DATASOURCE,
    EVENTS,
    FILTERS,
    GRAPHS,
    OTHER_SETS,
    TARGETS,
    VARIABLES,
    Series,
    label_values,
    legend_labels,
    with_values,
)
from tools.dashboards import make

if TYPE_CHECKING:
    from collections.abc import Sequence


def mistakes(query: str, several: Sequence[Series], legend: Sequence[str] = ()) -> list[str]:
    """List what a query, its variables replaced, names and these series do not have."""
    parsed = parse(query)
    known = {name for series in several for name in series}
    found = [] if parsed.selectors else ["reads nothing"]
    for selector in parsed.selectors:
        read = [series for series in several if selector.selects(series)]
        if not read:
            found.append(f"no series of {selector}")
        found += [
            f"unknown label {name}"
            for name, sign, value in selector.matchers
            if name not in known and not (name in OTHER_SETS and (sign, value) == ("=", ""))
        ]
        needed = {*parsed.labels, *legend}
        needed |= {name for name, _, value in selector.matchers if value}
        found += [
            f"no label {name} in {selector}"
            for name in sorted(needed)
            if any(name not in series for series in read)
        ]
    if parsed.labels:
        found += [f"legend {name} is not kept" for name in legend if name not in parsed.labels]
    return found


def series_of(event: dict[str, Any]) -> list[Series]:
    """Return the labels of all series that an event becomes."""
    return [dict(labels) for labels in samples_of(convert(*records_of(event)))]


@pytest.fixture(scope="module", params=EVENTS)
def sample_series(request: pytest.FixtureRequest) -> list[Series]:
    """Give the series of a sample event of the tree."""
    file = Path(make.__file__).parents[2] / "events" / f"{request.param}.json"
    return series_of(json.loads(file.read_text(encoding="utf-8")))


def test_file_is_what_the_code_makes(capsys: pytest.CaptureFixture[str]) -> None:
    """The file in the tree is the one that `python -m dashboards.make` writes."""
    assert make.main(["--check"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("content", [None, "{}\n"])
def test_stale_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None) -> None:
    """Another file or none is reported, and written anew without `--check`."""
    monkeypatch.setattr(make, "FILE", tmp_path / "aws.json")
    if content is not None:
        make.FILE.write_text(content, encoding="utf-8")
    assert make.main(["--check"]) == 1
    assert make.main([]) == 0
    assert json.loads(make.FILE.read_text(encoding="utf-8")) == DASHBOARD
    assert make.main(["--check"]) == 0


def test_importable() -> None:
    """Importing asks for a data source, and asks for no plugin that Grafana 10 does not have."""
    (needed,) = DASHBOARD["__inputs"]
    assert (needed["name"], needed["type"], needed["pluginId"]) == (
        "DS_PROMETHEUS",
        "datasource",
        "prometheus",
    )
    assert DASHBOARD["id"] is None
    assert DASHBOARD["uid"]
    assert DASHBOARD["schemaVersion"] == 38
    assert {panel["type"] for panel in DASHBOARD["panels"]} == {"row", "text", "timeseries"}
    assert {needed["id"] for needed in DASHBOARD["__requires"]} == {
        *("grafana", "prometheus", "text", "timeseries")
    }


def test_placeholders() -> None:
    """Every variable in the file is one of the dashboard's, its input or Grafana's own."""
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(DASHBOARD)))
    # `$__all` is the value of a variable for which all is chosen.
    assert used == {"DS_PROMETHEUS", "datasource", *FILTERS, "__interval", "__all"}


def test_variables() -> None:
    """Data source, then the labels: several or all of each, among what those before select."""
    assert list(VARIABLES) == ["datasource", *FILTERS]
    assert VARIABLES["datasource"]["type"] == "datasource"
    assert VARIABLES["datasource"]["query"] == "prometheus"
    assert VARIABLES["datasource"]["current"]["value"] == "${DS_PROMETHEUS}"
    for index, name in enumerate(FILTERS):
        variable = VARIABLES[name]
        assert variable["type"] == "query"
        assert variable["datasource"] == DATASOURCE
        assert variable["multi"] is variable["includeAll"] is True
        assert variable["allValue"] == ".*"
        assert variable["definition"] == variable["query"]["query"]
        selector, label = label_values(variable)
        assert label == name
        assert re.findall(r'(\w+)=~"\$\1"', selector) == list(FILTERS[:index])


def test_panels() -> None:
    """Ids are unique, so are the ids of queries in a panel; all use the data source variable."""
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in GRAPHS:
        assert panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"] == DATASOURCE
        refs = [target["refId"] for target in panel["targets"]]
        assert refs
        assert len(set(refs)) == len(refs)
        for target in panel["targets"]:
            assert target["datasource"] == DATASOURCE


def test_positions() -> None:
    """No two panels overlap, none leaves the 24 columns, and each row has panels below it."""
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert 0 <= place["x"] < place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert cells
        assert not cells & taken
        taken |= cells
    panels = sorted(
        DASHBOARD["panels"], key=lambda panel: (panel["gridPos"]["y"], panel["gridPos"]["x"])
    )
    assert panels == DASHBOARD["panels"]
    types = [panel["type"] for panel in panels]
    assert ("row", "row") not in itertools.pairwise(types)
    assert types[-1] != "row"


@pytest.mark.parametrize("service", ["ec2", "rds", "applicationelb", "lambda", "s3"])
def test_services(service: str) -> None:
    """Each service has panels, and all panels between two rows are of one service."""
    rows: list[set[str]] = []
    for panel in DASHBOARD["panels"]:
        if panel["type"] == "row":
            rows.append(set())
        for target in panel.get("targets", ()):
            selectors = parse(with_values(target["expr"])).selectors
            rows[-1] |= {selector.metric.split("_")[1] for selector in selectors}
    assert rows.count({service}) == 1


@pytest.mark.parametrize("target", TARGETS)
def test_query_text(target: dict[str, Any]) -> None:
    """A query filters by all variables, treats nothing as a counter, and names its series."""
    parsed = parse(with_values(target["expr"]))
    for selector in parsed.selectors:
        assert {(name, "=~", ".*") for name in FILTERS} <= set(selector.matchers)
    for name in FILTERS:
        assert target["expr"].count(f'{name}=~"${name}"') == len(parsed.selectors)
    assert not parsed.functions & {"rate", "irate", "increase", "delta", "idelta", "deriv"}
    assert {"account", "region"} <= set(legend_labels(target))
    daily = any(selector.metric.startswith("aws_s3_") for selector in parsed.selectors)
    assert ("last_over_time" in parsed.functions and "[3d]" in target["expr"]) is daily


@pytest.mark.parametrize("target", TARGETS)
def test_query_finds_samples(target: dict[str, Any], sample_series: list[Series]) -> None:
    """Every metric and label of a query is one of the series that the samples become."""
    query = with_values(target["expr"])
    assert mistakes(query, sample_series, legend_labels(target)) == []


@pytest.mark.parametrize("name", FILTERS)
def test_variable_finds_samples(name: str, sample_series: list[Series]) -> None:
    """A variable looks its values up among series that the samples become."""
    selector, label = label_values(VARIABLES[name])
    assert mistakes(with_values(selector), sample_series, [label]) == []


@pytest.mark.parametrize(
    ("query", "mistake"),
    [
        ("aws_ec2_cpuutilisation_sum", "no series of"),
        ("aws_ec2_cpuutilization_sum / aws_ec2_cpuutilization_counts", "no series of"),
        ('aws_lambda_duration{quantile="0.95"}', "no series of"),
        ('aws_ec2_cpuutilization_sum{instance!="i"}', "unknown label"),
        ('aws_ec2_cpuutilization_sum{instance=""}', "unknown label"),
        ('aws_ec2_cpuutilization_sum{bucketname=~".*"}', "no label bucketname"),
        ("sum by (instanceid) (aws_ec2_cpuutilization_sum)", "no label instanceid"),
        ("sum by (region) (aws_ec2_cpuutilization_sum)", "legend account is not kept"),
        ("1 + 2", "reads nothing"),
    ],
)
def test_mistake_is_found(query: str, mistake: str) -> None:
    """The check finds a wrong name of a metric or a label, a wrong value, a lost label."""
    several = series_of(good_events(END_MS)["function-url-otlp-1.0"])
    assert any(found.startswith(mistake) for found in mistakes(query, several, ["account"]))


@pytest.mark.parametrize("query", ["a{", 'a{b="c" d="e"}', "sum by (a", "a{b+'c'}", "a ~ b"])
def test_broken_query(query: str) -> None:
    """What the check cannot read is an error, not a query without mistakes."""
    with pytest.raises(ValueError, match=r"expected|no PromQL|no matcher"):
        parse(query)
