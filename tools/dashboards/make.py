"""Write the Grafana dashboard into this folder, or check that it is what this code makes.

python -m dashboards.make [--check]

The rows of the dashboard are in `rows.py`.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tools.dashboards.rows import ROWS, VARIABLES, Panel

FILE = Path(__file__).parents[2] / "deploy" / "dashboards" / "aws.json"

_COLUMNS, _WIDTH, _HEIGHT = 24, 8, 8
_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_NO_COUNTER = (
    "Each point is what CloudWatch measured in one period (a minute; a day for S3 storage) and no"
    " Prometheus counter, so `rate()` has no meaning here: an average is `_sum / _count`, a sum is"
    " that of one period, and over a wide time range a panel shows the mean, the lowest or the"
    " highest of the periods between two of its points."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the file.

    Args:
        arguments: The command line without the program's name; None for the process's own.

    Returns:
        The exit status: 1 when `--check` finds a difference.
    """
    parser = argparse.ArgumentParser(prog="python -m dashboards.make", description="The dashboard.")
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    options = parser.parse_args(arguments)
    if not options.check:
        FILE.write_text(text(), encoding="utf-8")
        return 0
    if FILE.is_file() and FILE.read_text(encoding="utf-8") == text():
        return 0
    sys.stderr.write(f"{FILE.name}: not what dashboards.make writes\n")
    return 1


def text() -> str:
    """Return what the file has to hold."""
    return json.dumps(dashboard(), indent=2) + "\n"


def dashboard() -> dict[str, Any]:
    """Make the dashboard as Grafana imports it."""
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
        "annotations": {"list": []},
        "description": "EC2, RDS, ALB, Lambda and S3 from CloudWatch metric streams",
        "editable": True,
        "fiscalYearStartMonth": 0,
        "graphTooltip": 1,
        "id": None,
        "links": [],
        "panels": list(_panels(ROWS)),
        "refresh": "1m",
        "schemaVersion": 38,
        "tags": ["aws", "cloudwatch"],
        "templating": {"list": list(_variables())},
        "time": {"from": "now-6h", "to": "now"},
        "timepicker": {},
        "timezone": "",
        "title": "AWS (CloudWatch metric streams)",
        "uid": "aws-metric-streams",
        "version": 1,
        "weekStart": "",
    }


def _variables() -> Iterator[dict[str, Any]]:
    """Make the variables; each one is asked for among what the ones before it select."""
    yield {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        # Importing puts the chosen data source here; where a file is provisioned, Grafana finds
        # no data source of this name and takes the first of the list.
        "current": {"selected": False, "text": "${DS_PROMETHEUS}", "value": "${DS_PROMETHEUS}"},
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "options": [],
        "refresh": 1,
        "regex": "",
        "skipUrlSync": False,
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
            "hide": 0,
            "includeAll": True,
            "multi": True,
            "options": [],
            "refresh": 2,
            "regex": "",
            "skipUrlSync": False,
            "sort": 1,
        }


def _panels(rows: Mapping[str, Sequence[Panel]]) -> Iterator[dict[str, Any]]:
    """Lay out a text above all, then of each row its heading and below it its panels."""
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
    sys.exit(main())
