"""Draws a dashboard from what a real Prometheus answers to its queries, as Grafana would look.

python -m tools.dashboards.plot yace/ec2 docs/images/ec2.png

The function fills the Prometheus with hours of the data points of `testing/events/dashboards.py`.
The same arguments always draw the same values.
"""

import argparse
import re
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import dates, ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from testing.events.fleet import END_MS, HOUR_MS, MINUTE_MS
from testing.events.samples import dashboard_event
from testing.invocation import Function, access_key_of
from testing.servers import Prometheus
from tools.dashboards import make
from tools.dashboards.panels import TAG

_HOURS = 6
# In the afternoon.
_END_MS = END_MS + 15 * HOUR_MS
_STEP_SECONDS = 60
_PANELS, _COLUMNS = 9, 3
_WIDTH, _HEIGHT, _DPI = 14, 2.7, 84
_COLORS_SAVED = 128
_COLORS = ("#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#b877d9", "#5794f2", "#ffa6b0")
_STYLE = {
    "figure.facecolor": "#111217",
    "axes.facecolor": "#181b1f",
    "axes.edgecolor": "#181b1f",
    "axes.grid": True,
    "grid.color": "#2c2f36",
    "grid.linewidth": 0.7,
    "text.color": "#ccccdc",
    "xtick.color": "#a0a3ad",
    "ytick.color": "#a0a3ad",
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "font.size": 8.5,
    "axes.titlesize": 10,
    "axes.prop_cycle": mpl.cycler(color=_COLORS),
    "lines.linewidth": 1.1,
}
_UNITS = {
    "percent": ((1, "%"),),
    "s": ((1e-3, " ms"), (1, " s")),
    "ms": ((1, " ms"), (1e3, " s")),
    "iops": ((1, " io/s"),),
    "short": ((1, ""), (1e3, " K"), (1e6, " Mil")),
    "bytes": ((1, " B"), (2**10, " KiB"), (2**20, " MiB"), (2**30, " GiB")),
    "Bps": ((1, " B/s"), (1e3, " kB/s"), (1e6, " MB/s")),
}
"""What Grafana calls a unit: divisors of the value, and the words for it."""


_Point = tuple[float, float]


def main() -> None:
    """Draw the dashboard of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.dashboards.plot")
    parser.add_argument("dashboard", help="profile/service")
    parser.add_argument("image", type=Path)
    options = parser.parse_args()
    profile, _, service = options.dashboard.partition("/")
    dashboard = make.dashboard(profile, service)
    with tempfile.TemporaryDirectory() as folder, Prometheus(Path(folder), window="3d") as server:
        _fill(server, profile)
        _draw(dashboard, server, options.image)


def _fill(server: Prometheus, profile: str) -> None:
    """Send a delivery for each minute."""
    for number in range(-_HOURS * 60, 1):
        event = dashboard_event(_END_MS + number * MINUTE_MS)
        function = Function(
            {
                "LOGZIO_METRICS_LISTENER": server.write_url,
                "LOGZIO_METRICS_TOKEN": "token",
                "FIREHOSE_ACCESS_KEY": access_key_of(event),
                "NAMING_PROFILE": profile,
            }
        )
        assert function.invoke(event, str(number)).status == 200


def _draw(dashboard: Mapping[str, Any], server: Prometheus, image: Path) -> None:
    panels = dashboard["panels"][:_PANELS]
    lines = -(-len(panels) // _COLUMNS)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, _HEIGHT * lines + 0.5))
        axes = figure.subplots(lines, _COLUMNS, squeeze=False)
        figure.suptitle(dashboard["title"], x=0.01, ha="left", size=14, weight="bold")
        for panel, place in zip(panels, axes.flat, strict=False):
            _draw_panel(place, panel, server)
        for place in axes.flat[len(panels) :]:
            place.set_visible(False)
        figure.tight_layout(pad=1.2, h_pad=1.6, rect=(0, 0, 1, 0.98))
        figure.savefig(image, dpi=_DPI)
    # A third of the size, and no difference to the eye.
    Image.open(image).convert("RGB").quantize(_COLORS_SAVED).save(image, optimize=True)


def _draw_panel(place: Axes, panel: Mapping[str, Any], server: Prometheus) -> None:
    lines = [
        (_legend(target["legendFormat"], labels), points)
        for target in panel["targets"]
        for labels, points in _answers(server, target["expr"])
    ]
    unit = panel["fieldConfig"]["defaults"]["unit"]
    greatest = max(value for _, points in lines for _, value in points)
    divisor, word = next(it for it in reversed(_UNITS[unit]) if greatest >= it[0] or it[0] <= 1)
    for legend, points in lines:
        times = [datetime.fromtimestamp(seconds, UTC) for seconds, _ in points]
        place.plot(times, [value / divisor for _, value in points], label=legend)
    place.set_title(panel["title"], loc="left", color="#ccccdc")
    place.yaxis.set_major_formatter(lambda value, _: f"{value:g}{word}")
    place.yaxis.set_major_locator(ticker.MaxNLocator(5))
    place.xaxis.set_major_formatter(dates.DateFormatter("%H:%M"))
    place.margins(x=0)
    place.legend(
        loc="upper left",
        bbox_to_anchor=(-0.02, -0.1),
        frameon=False,
        fontsize=7,
        labelspacing=0.2,
        handlelength=1.2,
    )


def _legend(form: str, labels: Mapping[str, str]) -> str:
    return re.sub(r"{{(\w+)}}", lambda found: labels[found[1]], form)


def _answers(server: Prometheus, query: str) -> Iterator[tuple[dict[str, str], list[_Point]]]:
    """Yield labels and points of each series, for all values of the dashboard's variables."""
    query = query.replace("$__interval", "1m").replace(TAG, "tag_team")
    query = re.sub(r'=~"\$resource"', '=~".+"', query)
    answer = server.call(
        "/api/v1/query_range",
        query=re.sub(r'=~"\$\w+"', '=~".*"', query),
        start=str((_END_MS - _HOURS * HOUR_MS) // 1000),
        end=str(_END_MS // 1000),
        step=str(_STEP_SECONDS),
    )
    for series in answer.json()["data"]["result"]:
        yield series["metric"], [(at, float(value)) for at, value in series["values"]]


if __name__ == "__main__":
    main()
