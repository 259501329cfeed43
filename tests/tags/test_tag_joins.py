"""The joins of docs/tags.md find the tags of each resource, on real servers."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
import yaml

from testing.servers import Prometheus, installed
from tests.support.tag_history import NEVER_TAGGED, STRIPPED, TEAMS, History
from tests.support.victoria_metrics import VictoriaMetrics
from tools.children import ROOT

pytestmark = pytest.mark.real_server

PAGE = (ROOT / "docs" / "tags.md").read_text(encoding="utf-8")
PROFILES = ("logzio", "yace", "cloudwatch_exporter", "otel")
BLOCKS = re.findall("^```(promql|yaml)\n(.+?)\n```$", PAGE, re.MULTILINE | re.DOTALL)
*JOINS, WITH_OTHERS, BY_RULE, OF_ECS = (text for kind, text in BLOCKS if kind == "promql")
JOIN_OF = dict(zip(PROFILES, JOINS, strict=True))
(RULES,) = (text for _, text in BLOCKS if text.startswith("groups:"))

# 4:59 and 5:30 after a sweep; between them the look-back of Prometheus ends.
TIMES_MS = (299_000, 330_000)

SERVERS = ("prometheus", "victoria_metrics")

Histories = Callable[[str], History]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Histories]:
    """Return a function from the name of a server to what is stored there."""
    with ExitStack() as stack:
        made: dict[str, History] = {}

        def of(name: str) -> History:
            if name not in made:
                folder = tmp_path_factory.mktemp(name)
                server = (
                    Prometheus(folder, window="3d")
                    if name == "prometheus"
                    else VictoriaMetrics(folder)
                )
                made[name] = History(stack.enter_context(server))
            return made[name]

        yield of


@pytest.mark.parametrize("markers", [True, False])
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("server", SERVERS)
def test_join(history: Histories, server: str, profile: str, markers: bool) -> None:
    """A join finds the tags of the last sweep, and of what has none any more the last ones.

    It does so late after a sweep, after changes, and without the stale markers of a sweep.
    """
    for time_ms in TIMES_MS:
        found = history(server).teams(JOIN_OF[profile], profile, time_ms, markers=markers)
        assert found == {**TEAMS, **STRIPPED}


@pytest.mark.parametrize("profile", PROFILES)
def test_bare_join_has_gaps(history: Histories, profile: str) -> None:
    """Without a range, a join finds the tags of the last sweep for five minutes only."""
    left, info = parts_of(JOIN_OF[profile])
    early, late = (
        history("prometheus").teams(f"{left} {info}", profile, time_ms, markers=True)
        for time_ms in TIMES_MS
    )
    assert (early, late) == (TEAMS, {})


@pytest.mark.parametrize("markers", [True, False])
def test_join_with_a_range_alone_fails(history: Histories, markers: bool) -> None:
    """With a range alone there are two series of a resource with a changed tag, also if marked."""
    left, info = parts_of(JOIN_OF["logzio"])
    join = f"{left} last_over_time({info}[15m])"
    with pytest.raises(requests.HTTPError) as refused:
        history("prometheus").query(join, "logzio", TIMES_MS[0], markers=markers)
    assert "many-to-many matching not allowed" in refused.value.response.text


@pytest.mark.parametrize("server", SERVERS)
def test_join_with_other_resources(history: Histories, server: str) -> None:
    """With `or`, resources without tags are in the result too, and no resource is twice."""
    for time_ms in TIMES_MS:
        found = history(server).teams(WITH_OTHERS, "logzio", time_ms, markers=True)
        assert found == {**TEAMS, **STRIPPED, **NEVER_TAGGED}


@pytest.mark.parametrize("server", SERVERS)
def test_join_by_rule(history: Histories, server: str) -> None:
    """The query that uses the rule adds up the instances of each team."""
    (rule,) = yaml.safe_load(RULES)["groups"][0]["rules"]
    query = BY_RULE.replace(rule["record"], f"({rule['expr']})")
    assert query != BY_RULE
    result = history(server).query(query, "logzio", TIMES_MS[1], markers=False)
    teams = [team for _, team in sorted({**TEAMS, **STRIPPED}.items())]
    sums = {one["metric"].get("tag_team", ""): float(one["value"][1]) for one in result}
    assert sums == {team: 50.0 * teams.count(team) for team in teams}


@pytest.mark.parametrize("ended", ["stale", "_"])
def test_rule(tmp_path: Path, ended: str) -> None:
    """The rule has one series of a resource, also where its tag has changed, late after a sweep."""
    labels = 'account="1", arn="a", instanceid="i-1", namespace="aws/ec2", region="r", tag_team='
    series = {
        f'aws_resource_info{{{labels}"red"}}': f"1 _x4 1 _x4 {ended}",
        f'aws_resource_info{{{labels}"blue"}}': "_x10 1",
    }
    check(tmp_path, series, "aws_ec2:tags", [f'aws_ec2:tags{{{labels}"blue"}}'])


def test_join_of_two_dimensions(tmp_path: Path) -> None:
    """An ECS cluster and its services have their own tags each, with one query."""
    team_of = {
        'clustername="c"': "blue",
        'clustername="c", servicename="one"': "red",
        'clustername="c", servicename="two"': "green",
    }
    series = {}
    for number, (labels, team) in enumerate(team_of.items()):
        where = f'account="1", region="r", namespace="aws/ecs", {labels}'
        series[f"aws_ecs_cpuutilization_max{{{where}}}"] = "1x20"
        series[f'aws_resource_info{{{where}, arn="{number}", tag_team="{team}"}}'] = "_x10 1"
    joined = [
        f'{{account="1", region="r", namespace="aws/ecs", {labels}, tag_team="{team}"}}'
        for labels, team in team_of.items()
    ]
    check(tmp_path, series, OF_ECS, joined)


def check(folder: Path, series: Mapping[str, str], query: str, result: Sequence[str]) -> None:
    """Check with promtool that a query finds these series, late after a sweep."""
    (folder / "rules.yml").write_text(RULES, encoding="utf-8")
    test = {
        "interval": "1m",
        "input_series": [{"series": it, "values": values} for it, values in series.items()],
        "promql_expr_test": [
            {
                "expr": query,
                "eval_time": time,
                "exp_samples": [{"labels": it, "value": 1} for it in result],
            }
            for time in ("14m59s", "15m30s")
        ],
    }
    content = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [test]}
    # JSON is YAML.
    (folder / "test.yml").write_text(json.dumps(content), encoding="utf-8")
    command = [installed("promtool"), "test", "rules", "test.yml"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def parts_of(join: str) -> tuple[str, str]:
    """Return what a join begins with, and its selector of info series."""
    found = re.search(r"(.+group_left \(\w+\)).+timestamp\(\s*(.+)\)\[", join, re.DOTALL)
    assert found is not None
    return found[1], found[2]
