"""The Grafana dashboard can be imported, and its queries read what the function delivers."""

import json
import re
from typing import Any

import pytest

from tests.tools.dashboards.grafana import DASHBOARD, FILTERS, TARGETS, VARIABLES, legend_labels
from tools.dashboards import make


def test_file_is_what_the_code_makes() -> None:
    """The file in the tree is the one that `make dashboard` writes."""
    assert make.FILE.read_text(encoding="utf-8") == make.text()


def test_placeholders() -> None:
    """Every variable in the file is one of the dashboard's, its input or Grafana's own."""
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(DASHBOARD)))
    # `$__all` is the value of a variable for which all is chosen.
    assert used == {"DS_PROMETHEUS", "datasource", *FILTERS, "__interval", "__all"}
    assert list(VARIABLES) == ["datasource", *FILTERS]


@pytest.mark.parametrize("target", TARGETS)
def test_query_text(target: dict[str, Any]) -> None:
    """A query filters by all variables, treats nothing as a counter, and names its series."""
    query = target["expr"]
    selectors = re.findall(r"\baws_(\w+?)_\w+\{([^}]*)\}", query)
    assert selectors
    for _, matchers in selectors:
        assert all(f'{name}=~"${name}"' in matchers for name in FILTERS)
    assert not re.search(r"\b(rate|irate|increase|delta|idelta|deriv)\b", query)
    assert {"account", "region"} <= set(legend_labels(target))
    # One point a day, one to two days late.
    assert ("last_over_time" in query and "[3d]" in query) is (selectors[0][0] == "s3")
