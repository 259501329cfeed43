"""Accepted samples as a table that a person can read in a terminal."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from tabulate import tabulate

from testing.exchange import Labels

Samples = Mapping[Labels, Sequence[tuple[int, float]]]
"""Labels of a series to its samples: timestamp in milliseconds, value."""

_COLUMNS = ("metric", "labels", "time (UTC)", "value")
_WIDTH = 140
_METRIC_WIDTH = 56
_LABELS_WIDTH_AT_LEAST = 30
_SERIES_PER_METRIC = 2
_METRICS = 200

# They tell the series of a metric apart when the dimensions are the same.
_FIRST_LABELS = ("quantile", "le")
# After the dimensions, the most telling first.
_LAST_LABELS = (
    "account",
    "region",
    "namespace",
    "metricname",
    "cloud_provider",
    "p8s_logzio_name",
)


def table(samples: Samples) -> str:
    """Show a few series of each metric, each with its newest sample.

    Args:
        samples: What was accepted.

    Returns:
        Lines of about 140 characters; a metric's further series, and the metrics after the
        first 200, are a number only.
    """
    rows = list(_rows(samples))
    metric_width = max((len(row[0]) for row in rows), default=0)
    other_widths = sum(max((len(row[i]) for row in rows), default=0) for i in (2, 3))
    gaps = 2 * (len(_COLUMNS) - 1)
    labels_width = max(_LABELS_WIDTH_AT_LEAST, _WIDTH - metric_width - other_widths - gaps)
    return tabulate(
        [(row[0], _shortened(row[1], labels_width), *row[2:]) for row in rows],
        headers=_COLUMNS,
        colalign=("left", "left", "left", "right"),
        disable_numparse=True,
        tablefmt="simple",
    )


def totals(samples: Samples, requests: int) -> str:
    """Count what was accepted.

    Args:
        samples: What was accepted.
        requests: How many requests brought it.

    Returns:
        One line.
    """
    metrics = {_name(labels) for labels in samples}
    return (
        f"{requests} requests, {len(metrics)} metrics, {len(samples)} series, "
        f"{count(samples)} samples"
    )


def count(samples: Samples) -> int:
    """Count the distinct samples: one that came twice, or with a new value, counts once."""
    return sum(len({timestamp for timestamp, _ in points}) for points in samples.values())


def _rows(samples: Samples) -> Iterator[tuple[str, str, str, str]]:
    """Yield the cells of each row, not shortened but for the metric."""
    in_order = sorted(samples, key=lambda labels: (_name(labels), labels))
    metrics = [(name, list(group)) for name, group in itertools.groupby(in_order, key=_name)]
    for name, series in metrics[:_METRICS]:
        metric = _shortened(name, _METRIC_WIDTH)
        for labels in series[:_SERIES_PER_METRIC]:
            timestamp, value = max(samples[labels], key=lambda sample: sample[0])
            yield metric, _telling(labels), _time(timestamp), format(value, ".8g")
            # A metric is named once.
            metric = ""
        if len(series) > _SERIES_PER_METRIC:
            yield "", f"+{len(series) - _SERIES_PER_METRIC} more", "", ""
    if len(metrics) > _METRICS:
        yield f"+{len(metrics) - _METRICS} more metrics", "", "", ""


def _name(labels: Labels) -> str:
    """Give the metric name of a series."""
    return dict(labels).get("__name__", "")


def _telling(labels: Labels) -> str:
    """Write labels, those first that tell most about a series; the metric name is elsewhere."""
    values = {name: value for name, value in labels if name != "__name__"}
    dimensions = [name for name in values if name not in _FIRST_LABELS + _LAST_LABELS]
    order = (*_FIRST_LABELS, *dimensions, *_LAST_LABELS)
    return " ".join(f"{name}={values[name]}" for name in order if name in values)


def _time(timestamp: int) -> str:
    """Write milliseconds since the epoch as a time of day in UTC."""
    return f"{datetime.fromtimestamp(timestamp / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def _shortened(text: str, width: int) -> str:
    """Cut a text that is too wide, and show that it was cut."""
    return text if len(text) <= width else f"{text[: width - 1]}…"
