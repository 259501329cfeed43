"""What a CloudWatch data point must become, by its numbers and not by its bytes.

Written from the contract alone (README, "What arrives"), for points as `testing.events.large`
makes them; it shares nothing with the converters that it judges.
"""

import re
from collections.abc import Iterator

from testing.events.fleet import Point
from testing.rules import Labels
from testing.servers import sorted_labels
from tools.chaos.plan import ENVIRONMENT

Sample = tuple[Labels, int, float]
"""Labels, sorted by name; milliseconds since the epoch; value."""

_RESERVED = frozenset(
    {
        *("__name__", "quantile", "le", "namespace", "metricname"),
        *("account", "region", "cloud_provider", "p8s_logzio_name"),
    }
)


def expected_samples(point: Point) -> Iterator[Sample]:
    """Yield every sample of a data point, all at the end of its period."""
    labels = _labels(point)
    name = re.sub("[^a-z0-9_:]+", "_", f"{point.namespace}/{point.metric_name}".lower())
    statistics = {
        "_sum": point.sum,
        "_count": float(point.count),
        "_min": point.minimum,
        "_max": point.maximum,
    }
    for suffix, value in statistics.items():
        yield sorted_labels(labels | {"__name__": name + suffix}), point.end_ms, value
    for quantile, value in point.percentiles:
        own = {"__name__": name, "quantile": str(quantile)}
        yield sorted_labels(labels | own), point.end_ms, value


def _labels(point: Point) -> dict[str, str]:
    """Return the labels that all series of a point have."""
    labels = {
        "namespace": point.namespace.lower(),
        "metricname": point.metric_name.lower(),
        "account": point.account,
        "region": point.region,
        "cloud_provider": "aws",
        "p8s_logzio_name": ENVIRONMENT,
    }
    for key, value in point.dimensions:
        name = re.sub("[^a-z0-9_]", "_", key.lower())
        labels[f"dimension_{name}" if name in _RESERVED else name] = value.lower()
    return labels
