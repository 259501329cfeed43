"""Accepted samples for a terminal."""

import itertools
from collections import Counter
from collections.abc import Iterator

from tabulate import tabulate

from testing.converting import series_text
from testing.rules import Labels, Samples

_WIDTH, _METRIC_WIDTH = 100, 48
# The number of series, below a heading of 8, a value of up to 14 characters, and the gaps.
_OTHER_WIDTHS = 8 + 14 + 6

_SERIES_WIDTH = 6 + 4
"""The number of series below its heading, and the gaps."""

# They distinguish the series of a metric with the same dimensions.
_FIRST_LABELS = ("quantile", "le")
# After the dimensions: what most series have in common.
_LAST_LABELS = (
    *("account", "account_id", "cloud_account_id"),
    *("region", "cloud_region"),
    *("job", "namespace", "Namespace"),
    *("metricname", "MetricName"),
    "cloud_provider",
    "p8s_logzio_name",
)


def table(samples: Samples) -> str:
    """Show one series of each metric with its newest value.

    Returns:
        Lines of at most 100 characters, one for each metric; of the others the number is shown.
    """
    rows = list(_rows(samples))
    width = _WIDTH - _OTHER_WIDTHS - max((len(metric) for metric, *_ in rows), default=0)
    return tabulate(
        [
            (metric, number, shortened(labels, width), *rest)
            for metric, number, labels, *rest in rows
        ],
        headers=("metric", "series", "labels of the first", "value"),
        colalign=("left", "right", "left", "right"),
        disable_numparse=True,
        tablefmt="simple",
    )


def info_table(samples: Samples) -> str:
    """Show the tags of each resource that has an info series.

    Returns:
        Lines of at most 100 characters, one for each resource.
    """
    rows = Counter(map(_resource_and_tags, _in_order(samples)))
    width = _WIDTH - _SERIES_WIDTH - max((len(tags) for _, tags in rows), default=0)
    return tabulate(
        [(shortened(resource, width), number, tags) for (resource, tags), number in rows.items()],
        headers=("info series of", "series", "tags"),
        colalign=("left", "right", "left"),
        disable_numparse=True,
        tablefmt="simple",
    )


def every_series(samples: Samples) -> str:
    """Write every series on a line of its own, with its newest value, as Prometheus does."""
    return "\n".join(
        f"{series_text(labels)} {_newest(samples, labels)}" for labels in _in_order(samples)
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


def _in_order(samples: Samples) -> list[Labels]:
    return sorted(samples, key=lambda labels: (_name(labels), labels))


def _rows(samples: Samples) -> Iterator[tuple[str, int, str, str]]:
    """Yield the cells of each row."""
    for name, group in itertools.groupby(_in_order(samples), key=_name):
        first, *others = group
        metric = shortened(name, _METRIC_WIDTH)
        yield metric, 1 + len(others), _text(first), _newest(samples, first)


def _resource_and_tags(labels: Labels) -> tuple[str, str]:
    """Write the labels of a resource's dimensions, and those of its tags."""
    tags = [(name, value) for name, value in labels if name.startswith("tag_")]
    of_resource = [
        (name, value)
        for name, value in labels
        if not value.startswith("arn:") and name not in (*_LAST_LABELS, *dict(tags))
    ]
    return _text(tuple(of_resource)), _text(tuple(tags))


def _newest(samples: Samples, labels: Labels) -> str:
    """Write the newest value of a series."""
    _, value = max(samples[labels], key=lambda sample: sample[0])
    return format(value, ".8g")


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
