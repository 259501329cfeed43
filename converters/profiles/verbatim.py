"""Names and labels that are made already, such as those of info series."""

from converters.profiles.profile import Metric, NamingProfile
from converters.statistics import Statistic


class Verbatim(NamingProfile):
    """`name{label="value"}` as the record has it; for gauges with valid names alone.

    It is not one of NAMING_PROFILE's.
    """

    metric_label_names = frozenset({"Namespace", "MetricName"})

    def base_name(self, metric: Metric) -> str:
        """Return the name on the wire."""
        return metric.name

    def series_name(self, base: str, statistic: Statistic) -> str:  # noqa: ARG002
        """Return the same name: a gauge has one series."""
        return base

    def metric_labels(self, metric: Metric) -> dict[str, str]:
        """Return the two labels that the reader of records takes for CloudWatch's identity."""
        return {"Namespace": metric.namespace, "MetricName": metric.metric_name}

    def dimension_label(self, key: str) -> str:
        """Return the key."""
        return key
