"""The Grafana dashboard in the tree, for its tests."""

import json
import re
from typing import Any

import pytest

from tools.dashboards import make

DASHBOARD: dict[str, Any] = json.loads(make.FILE.read_text(encoding="utf-8"))
VARIABLES: dict[str, dict[str, Any]] = {
    variable["name"]: variable for variable in DASHBOARD["templating"]["list"]
}
FILTERS = ("p8s_logzio_name", "account", "region")
GRAPHS = [panel for panel in DASHBOARD["panels"] if panel["type"] not in ("row", "text")]
TARGETS = [
    pytest.param(target, id=f"{panel['title']}-{target['refId']}")
    for panel in GRAPHS
    for target in panel["targets"]
]


def with_values(query: str) -> str:
    """Replace Grafana's variables: anything, and a minute."""
    query = query.replace("$__interval", "1m")
    for name in FILTERS:
        query = re.sub(rf"\${name}\b", ".*", query)
    assert "$" not in query
    return query


def legend_labels(target: dict[str, Any]) -> list[str]:
    """Return the labels that the names of a query's series are made of."""
    return re.findall(r"{{(\w+)}}", target["legendFormat"])


def label_values(variable: dict[str, Any]) -> tuple[str, str]:
    """Return the selector and the label that a variable's values are looked up with."""
    found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
    assert found is not None
    return found[1], found[2]
