"""Writes the Grafana dashboards to `dashboards/`, a folder for each naming profile.

python -m tools.dashboards.make
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from converters.profiles import PROFILES
from tools.dashboards.naming import Naming
from tools.dashboards.panels import TAG, Panel
from tools.dashboards.services import SERVICES, Service

FOLDER = Path(__file__).parents[2] / "dashboards"

_COLUMNS, _IN_LINE, _HEIGHT = 24, 3, 8
_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_NOTE = (
    "Each point is what CloudWatch measured in one period, usually a minute. It is no Prometheus"
    " counter, so rate() has no meaning. Over a wide time range a panel shows the mean, the lowest"
    " or the highest of the periods between two of its points."
)


def files() -> dict[Path, str]:
    """Return the content of each file."""
    return {
        FOLDER / profile / f"{stem}.json": _text(dashboard(profile, stem))
        for profile in PROFILES
        for stem in SERVICES
    }


def dashboard(profile: str, stem: str) -> dict[str, Any]:
    """Return the dashboard of a service as Grafana imports it."""
    service, naming = SERVICES[stem], Naming(profile)
    tag = f"metric-stream-{profile}"
    return {
        "uid": f"stream-{profile}-{stem}",
        "title": f"AWS {service.title} (metric stream, {profile})",
        "description": f"{_NOTE} {service.note}".strip(),
        "tags": ["aws", "cloudwatch", tag],
        "links": [{"type": "dashboards", "title": "AWS", "tags": [tag], "asDropdown": True}],
        "schemaVersion": 38,
        "graphTooltip": 1,
        "refresh": "1m",
        "time": {"from": service.time, "to": "now"},
        "templating": {"list": list(_variables(service, naming))},
        "panels": list(_panels(service, naming)),
    }


def _variables(service: Service, naming: Naming) -> Iterator[dict[str, Any]]:
    """Yield the variables; the values of each come from the series that those before it select."""
    # Without a value of its own it has that of Grafana's default data source.
    yield {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
    }
    first = service.panels[0]
    made = naming.series(service.namespace, first.metric)
    series = made.get(first.statistics[0], made["Sum"])
    dimension = first.scope.dimensions[0]
    joined = naming.joined(dimension)
    titles = {"account": "Account", "region": "Region", "resource": service.resource}
    matchers: list[str] = []
    for name, label in {**naming.filters, **joined}.items():
        yield _variable(name, titles.get(name, name), series.name, matchers, label)
        matchers.append(f'{label}=~"${name}"')
    key = naming.tag("Team")
    chosen = {"selected": True, "text": key, "value": key}
    yield {
        "name": "tag",
        "label": "Tag",
        "description": f"The key of a tag, such as {key} of the label tag_{key}. See docs/tags.md.",
        "type": "textbox",
        "query": key,
        "current": chosen,
        "options": [chosen],
    }
    info = naming.info(service.namespace, dimension)
    matchers = [f'{label}=~"${name}"' for name, label in joined.items()]
    matchers += [f'{label}="{value}"' for label, value in info.matchers.items()]
    yield _variable("tag_value", "Value of the tag", info.name, matchers, TAG)


def _variable(
    name: str, title: str, series: str, matchers: Sequence[str], label: str
) -> dict[str, Any]:
    """Return a variable whose values are those of a label."""
    selected = f"{{{', '.join(matchers)}}}" if matchers else ""
    return {
        "name": name,
        "label": title,
        "type": "query",
        "datasource": _DATASOURCE,
        "query": {
            "qryType": 1,
            "query": f"label_values({series}{selected}, {label})",
            "refId": name,
        },
        # A resource has the label; an external label or a tag may be missing.
        "allValue": ".+" if name == "resource" else ".*",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "includeAll": True,
        "multi": True,
        "refresh": 2,
        "sort": 1,
    }


def _panels(service: Service, naming: Naming) -> Iterator[dict[str, Any]]:
    """Yield the panels with their positions."""
    width = _COLUMNS // _IN_LINE
    for index, panel in enumerate(service.panels):
        line, column = divmod(index, _IN_LINE)
        yield {
            "id": index + 1,
            "type": "timeseries",
            "title": panel.title,
            "datasource": _DATASOURCE,
            "gridPos": {"x": column * width, "y": line * _HEIGHT, "w": width, "h": _HEIGHT},
            "interval": panel.scope.interval,
            "targets": list(_targets(panel, service.namespace, naming)),
            # Some metrics have a point every five minutes only.
            "fieldConfig": {
                "defaults": {"unit": panel.unit, "custom": {"spanNulls": 600_000}},
                "overrides": [],
            },
            "options": {"tooltip": {"mode": "multi", "sort": "desc"}},
        }


def _targets(panel: Panel, namespace: str, naming: Naming) -> Iterator[dict[str, Any]]:
    """Yield the queries of a panel."""
    for index, statistic in enumerate(panel.statistics):
        yield {
            "refId": chr(ord("A") + index),
            "expr": panel.expression(naming, namespace, statistic),
            "legendFormat": panel.legend(naming, statistic),
        }


def _text(content: dict[str, Any]) -> str:
    """Write JSON with a line for each member, and one for each variable and panel."""
    written = {name: json.dumps(value) for name, value in content.items()}
    written["templating"] = f'{{"list": {_lines(content["templating"]["list"])}}}'
    written["panels"] = _lines(content["panels"])
    return "{\n" + ",\n".join(f'"{name}": {text}' for name, text in written.items()) + "\n}\n"


def _lines(items: Sequence[Any]) -> str:
    return "[\n" + ",\n".join(json.dumps(it, separators=(",", ":")) for it in items) + "\n]"


def main() -> None:
    """Write the files, and remove those of another profile or service."""
    made = files()
    for path in set(FOLDER.glob("*/*.json")) - made.keys():
        path.unlink()
    for path, text in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
