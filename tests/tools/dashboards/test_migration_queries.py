"""The queries of docs/migrate.md find what the function has sent to a real Prometheus."""

import re
from collections.abc import Callable, Iterator

import pytest

from tests.tools.dashboards.stored import Stored
from tools.children import ROOT

pytestmark = pytest.mark.real_server

PROFILES = {
    "From the Go original": "logzio",
    "From YACE": "yace",
    "From cloudwatch_exporter": "cloudwatch_exporter",
}


def examples() -> Iterator[tuple[str, str]]:
    """Yield the profile and the text of each query on the page."""
    page = (ROOT / "docs" / "migrate.md").read_text(encoding="utf-8")
    for section in re.split("^## ", page, flags=re.MULTILINE):
        title = section.partition("\n")[0]
        for query in re.findall("^```promql\n(.+?)\n```$", section, re.MULTILINE | re.DOTALL):
            yield PROFILES[title], query


EXAMPLES = list(examples())


def test_each_section_has_examples() -> None:
    """The page has queries for everybody who comes from somewhere else."""
    assert {profile for profile, _ in EXAMPLES} == set(PROFILES.values())


@pytest.mark.parametrize(("profile", "query"), EXAMPLES)
def test_example_returns_series(stored: Callable[[str], Stored], profile: str, query: str) -> None:
    """A query of the page returns series."""
    assert stored(profile).query(query)
