"""Writes the Grafana dashboard deploy/dashboards/aws.json from the rows in `rows.py`.

python -m tools.dashboards.make
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tools.dashboards.rows import ROWS, VARIABLES, Panel

FILE = Path(__file__).parents[2] / "deploy" / "dashboards" / "aws.json"

_COLUMNS, _WIDTH, _HEIGHT = 24, 8, 8
_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_NO_COUNTER = (
    "Each point is what CloudWatch measured in one period (a minute; a day for S3 storage). It is"
    " not a Prometheus counter, so `rate()` has no meaning here: an average is `_sum / _count`, a"
    " sum is that of one period. Over a wide time range a panel shows the mean, the lowest or the"
    " highest of the periods between two of its points."
)


def text() -> str:
    """Return the content of the file."""
    return json.dumps(dashboard(), indent=2) + "\n"


def dashboard() -> dict[str, Any]:
    """Return the dashboard as Grafana imports it."""
    return {
        "__inputs": [
            {
                "name": "DS_PROMETHEUS",
                "label": "Prometheus",
                "description": "Where the metrics are stored",
                "type": "datasource",
                "pluginId": "prometheus",
                "pluginName": "Prometheus",
            }
        ],
        "__requires": [
            {"type": "grafana", "id": "grafana", "name": "Grafana", "version": "10.0.0"},
            {"type": "datasource", "id": "prometheus", "name": "Prometheus", "version": "1.0.0"},
            {"type": "panel", "id": "text", "name": "Text", "version": ""},
            {"type": "panel", "id": "timeseries", "name": "Time series", "version": ""},
        ],
        "description": "EC2, RDS, ALB, Lambda and S3 from CloudWatch metric streams",
        "graphTooltip": 1,
        "id": None,
        "panels": list(_panels(ROWS)),
        "refresh": "1m",
        "schemaVersion": 38,
        "tags": ["aws", "cloudwatch"],
        "templating": {"list": list(_variables())},
        "time": {"from": "now-6h", "to": "now"},
        "title": "AWS (CloudWatch metric streams)",
        "uid": "aws-metric-streams",
        "version": 1,
    }


def _variables() -> Iterator[dict[str, Any]]:
    """Yield the variables; the values of each come from the series that those before it select."""
    yield {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        # Importing puts the chosen data source here; where a file is provisioned, Grafana finds
        # no data source of this name and takes the first of the list.
        "current": {"selected": False, "text": "${DS_PROMETHEUS}", "value": "${DS_PROMETHEUS}"},
    }
    matchers = ['cloud_provider="aws"']
    for name in VARIABLES:
        query = f"label_values({{{', '.join(matchers)}}}, {name})"
        matchers.append(f'{name}=~"${name}"')
        yield {
            "name": name,
            "label": {"account": "Account", "region": "Region"}.get(name, name),
            "type": "query",
            "datasource": _DATASOURCE,
            "definition": query,
            "query": {"qryType": 1, "query": query, "refId": f"{name}-values"},
            "allValue": ".*",
            "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
            "includeAll": True,
            "multi": True,
            "refresh": 2,
            "sort": 1,
        }


def _panels(rows: Mapping[str, Sequence[Panel]]) -> Iterator[dict[str, Any]]:
    """Yield a text, then for each row its heading and its panels, with their positions."""
    yield {
        "id": 1,
        "type": "text",
        "title": "",
        "gridPos": {"x": 0, "y": 0, "w": _COLUMNS, "h": 3},
        "options": {"mode": "markdown", "content": _NO_COUNTER},
    }
    number, top = 2, 3
    in_line = _COLUMNS // _WIDTH
    for title, panels in rows.items():
        yield {
            "id": number,
            "type": "row",
            "title": title,
            "gridPos": {"x": 0, "y": top, "w": _COLUMNS, "h": 1},
            "collapsed": False,
            "panels": [],
        }
        number, top = number + 1, top + 1
        for index, panel in enumerate(panels):
            line, column = divmod(index, in_line)
            place = {"x": column * _WIDTH, "y": top + line * _HEIGHT, "w": _WIDTH, "h": _HEIGHT}
            yield _time_series(panel, number + index, place)
        number += len(panels)
        top += -(-len(panels) // in_line) * _HEIGHT


def _time_series(panel: Panel, number: int, place: Mapping[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "datasource": _DATASOURCE,
        "gridPos": place,
        "interval": panel.scope.interval,
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": _DATASOURCE,
                "editorMode": "code",
                "expr": panel.expression(statistic),
                "interval": panel.scope.interval,
                "legendFormat": panel.legend(statistic),
                "instant": False,
                "range": True,
            }
            for index, statistic in enumerate(panel.statistics)
        ],
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "color": {"mode": "palette-classic"},
                "custom": {
                    "drawStyle": "line",
                    "lineWidth": 1,
                    "fillOpacity": 0,
                    "showPoints": "auto",
                    # Some metrics have a point every five minutes only.
                    "spanNulls": 600_000,
                },
            },
            "overrides": [],
        },
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
    }


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
