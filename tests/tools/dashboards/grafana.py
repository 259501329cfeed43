"""The Grafana dashboards in the tree, and what Grafana does with them, for their tests."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tools.dashboards import make

DASHBOARDS: dict[str, dict[str, Any]] = {
    str(path.relative_to(make.FOLDER).with_suffix("")): json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(make.FOLDER.glob("*/*.json"))
}
"""By `profile/service`."""


def variables(dashboard: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the variables whose values a query finds, by their names."""
    return {it["name"]: it for it in dashboard["templating"]["list"] if it["type"] == "query"}


def typed(dashboard: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables into which a user types, with the text that they have at first."""
    listed = dashboard["templating"]["list"]
    return {it["name"]: it["query"] for it in listed if it["type"] == "textbox"}


def queries(dashboard: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the title of each panel with each of its queries."""
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target


def hours_shown(dashboard: Mapping[str, Any]) -> int:
    """Return how many hours a dashboard shows at first."""
    found = re.fullmatch(r"now-(\d+)([hd])", dashboard["time"]["from"])
    assert found is not None
    return int(found[1]) * {"h": 1, "d": 24}[found[2]]


def legend_labels(target: Mapping[str, Any]) -> list[str]:
    """Return the labels that the names of a query's series are made of."""
    return re.findall(r"{{(\w+)}}", target["legendFormat"])


def label_values(query: str) -> tuple[str, str]:
    """Return the selector and the label of the query of a variable."""
    found = re.fullmatch(r"label_values\((.+), (\w+)\)", query)
    assert found is not None
    return found[1], found[2]


def with_values(
    query: str, dashboard: Mapping[str, Any], values: Mapping[str, Sequence[str]]
) -> str:
    """Replace Grafana's variables, where these values are chosen one by one, and else `All`."""
    texts = {name: of["allValue"] for name, of in variables(dashboard).items()}
    texts |= {name: _alternatives(of) for name, of in values.items()} | typed(dashboard)
    query = query.replace("$__interval", "1m")
    for name, text in texts.items():
        # Not as a template, in which a backslash would have a meaning.
        query = text.join(re.split(rf"\${name}\b", query))
    assert "$" not in query
    return query


def _alternatives(values: Sequence[str]) -> str:
    """Write several values as Grafana does: a regular expression within a PromQL string."""
    return "(" + "|".join(re.escape(value).replace("\\", "\\\\") for value in values) + ")"
