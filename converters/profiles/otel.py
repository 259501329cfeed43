"""The names of OpenTelemetry's metrics as Prometheus reads them.

"Prometheus and OpenMetrics Compatibility", with invalid characters replaced, and without the
suffixes of units and types.
"""

import re

from converters.profiles.profile import Metric, NamingProfile
from converters.statistics import MAX, MIN, PERCENTILES, QUANTILE, Statistic

_NOT_IN_NAME = re.compile("[^a-zA-Z0-9_:]+")
_NOT_IN_LABEL = re.compile("[^a-zA-Z0-9_]+")


class Otel(NamingProfile):
    """`amazonaws_com_AWS_EC2_CPUUtilization_sum{InstanceId="i-1"}`."""

    statistics = ("Sum", "SampleCount", "Minimum", "Maximum", PERCENTILES)
    suffixes = {"Sum": "_sum", "SampleCount": "_count", "Average": "_average"}  # noqa: RUF012
    resource_names = {  # noqa: RUF012
        "cloud.account.id": "cloud_account_id",
        "cloud.region": "cloud_region",
        "cloud.provider": "cloud_provider",
    }
    not_of_cloudwatch = frozenset[str]()
    metric_label_names = frozenset({"Namespace", "MetricName"})

    def base_name(self, metric: Metric) -> str:
        """Return the name on the wire; each run of invalid characters becomes one underscore."""
        name = _NOT_IN_NAME.sub("_", metric.name)
        return name if name and not name[0].isdigit() else "_" + name

    def series_name(self, base: str, statistic: Statistic) -> str:
        """Return the name with the suffix; minimum, maximum and percentiles have none."""
        return base + self.suffixes.get(statistic.kind, "")

    def own_label(self, statistic: Statistic) -> tuple[str, str] | None:
        """Return `quantile`: minimum and maximum are the quantiles 0 and 1."""
        if statistic.kind == QUANTILE:
            return statistic
        return {MIN: (QUANTILE, "0"), MAX: (QUANTILE, "1")}.get(statistic)

    def metric_labels(self, metric: Metric) -> dict[str, str]:
        """Return CloudWatch's two names of the metric."""
        return {"Namespace": metric.namespace, "MetricName": metric.metric_name}

    def dimension_label(self, key: str) -> str:
        """Return the key with its case."""
        return _label(key)

    def resource_label(self, key: str) -> str:
        """Return the key with its case."""
        return _label(key)

    def tag_label(self, key: str) -> str:
        """Return the key with its case."""
        return _label(f"tag_{key}")


def _label(key: str) -> str:
    """Return a label name; as OpenTelemetry does it, what cannot begin one gets `key` before it."""
    name = _NOT_IN_LABEL.sub("_", key) or "_"
    if name[0].isdigit():
        return "key_" + name
    return "key" + name if name[0] == "_" else name
