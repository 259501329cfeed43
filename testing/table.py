"""Accepted samples as a table for a terminal."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime

from tabulate import tabulate

from testing.rules import Labels, Samples

_WIDTH, _METRIC_WIDTH = 140, 56
# A time, a value of up to 14 characters, and the gaps.
_OTHER_WIDTHS = 19 + 14 + 6
_SERIES_PER_METRIC = 2

# They distinguish the series of a metric with the same dimensions.
_FIRST_LABELS = ("quantile", "le")
# After the dimensions: what most series have in common.
_LAST_LABELS = (
    "account",
    "region",
    "namespace",
    "metricname",
    "cloud_provider",
    "p8s_logzio_name",
)


def table(samples: Samples) -> str:
    """Show two series of each metric, each with its newest sample.

    Returns:
        Lines of at most 140 characters; of further series only the number is shown.
    """
    rows = list(_rows(samples))
    width = _WIDTH - _OTHER_WIDTHS - max((len(metric) for metric, *_ in rows), default=0)
    return tabulate(
        [(metric, shortened(labels, width), *rest) for metric, labels, *rest in rows],
        headers=("metric", "labels", "time (UTC)", "value"),
        colalign=("left", "left", "left", "right"),
        disable_numparse=True,
        tablefmt="simple",
    )


def totals(samples: Samples, requests: int) -> str:
    """Count what was accepted in a number of requests, in one line."""
    metrics = {_name(labels) for labels in samples}
    return (
        f"{requests} requests, {len(metrics)} metrics, {len(samples)} series, "
        f"{count(samples)} samples"
    )


def count(samples: Samples) -> int:
    """Count the distinct samples: one that came twice, or with a new value, counts once."""
    return sum(len({timestamp for timestamp, _ in points}) for points in samples.values())


def _rows(samples: Samples) -> Iterator[tuple[str, str, str, str]]:
    """Yield the cells of each row."""
    in_order = sorted(samples, key=lambda labels: (_name(labels), labels))
    for name, group in itertools.groupby(in_order, key=_name):
        series = list(group)
        metric = shortened(name, _METRIC_WIDTH)
        for labels in series[:_SERIES_PER_METRIC]:
            timestamp, value = max(samples[labels], key=lambda sample: sample[0])
            time = f"{datetime.fromtimestamp(timestamp / 1000, UTC):%Y-%m-%d %H:%M:%S}"
            yield metric, _text(labels), time, format(value, ".8g")
            # The name is shown once for each metric.
            metric = ""
        if len(series) > _SERIES_PER_METRIC:
            yield "", f"+{len(series) - _SERIES_PER_METRIC} more", "", ""


def _name(labels: Labels) -> str:
    """Return the metric name of a series."""
    return dict(labels).get("__name__", "")


def _text(labels: Labels) -> str:
    """Write labels without the metric name, the most specific ones first."""
    values = {name: value for name, value in labels if name != "__name__"}
    dimensions = [name for name in values if name not in _FIRST_LABELS + _LAST_LABELS]
    order = (*_FIRST_LABELS, *dimensions, *_LAST_LABELS)
    return " ".join(f"{name}={values[name]}" for name in order if name in values)


def shortened(text: str, width: int) -> str:
    """Cut a text that is too wide, and show that it was cut."""
    return text if len(text) <= width else f"{text[: width - 1]}…"
