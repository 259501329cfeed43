"""The queries of docs/migrate.md find what the function has sent to a real Prometheus."""

import re
from collections.abc import Callable, Iterator

import pytest

from converters.relabel import parse_relabel_configs
from tests.tools.dashboards.stored import Stored
from tools.children import ROOT

PAGE = (ROOT / "docs" / "migrate.md").read_text(encoding="utf-8")
PROFILES = {
    "From the Go original": "logzio",
    "From YACE": "yace",
    "From cloudwatch_exporter": "cloudwatch_exporter",
}


def examples() -> Iterator[tuple[str, str]]:
    """Yield the profile and the text of each query on the page."""
    for section in re.split("^## ", PAGE, flags=re.MULTILINE):
        title = section.partition("\n")[0]
        for query in re.findall("^```promql\n(.+?)\n```$", section, re.MULTILINE | re.DOTALL):
            yield PROFILES[title], query


EXAMPLES = list(examples())


def test_each_section_has_examples() -> None:
    """The page has queries for everybody who comes from somewhere else."""
    assert {profile for profile, _ in EXAMPLES} == set(PROFILES.values())


def test_rule_of_the_page_copies_the_job() -> None:
    """The page's rule gives the series the label that Prometheus gives those of the exporter."""
    (rule,) = re.findall("`WRITE_RELABEL_CONFIGS=(.*)`", PAGE)
    labels = {"__name__": "aws_ec2_cpuutilization_average", "job": "aws_ec2"}
    assert parse_relabel_configs(rule).apply(labels) == {**labels, "exported_job": "aws_ec2"}


@pytest.mark.real_server
@pytest.mark.parametrize(("profile", "query"), EXAMPLES)
def test_example_returns_series(stored: Callable[[str], Stored], profile: str, query: str) -> None:
    """A query of the page returns series."""
    assert stored(profile).query(query)
