"""The names of Logz.io's own function, which its dashboards depend on; the contract's section 4.

Metrics of other producers have these names in every profile.
"""

from converters.names import metric_name
from converters.profiles.profile import Metric, NamingProfile
from converters.reasons import DropReason
from converters.statistics import BOUND, PERCENTILES, QUANTILE, Statistic


class Logzio(NamingProfile):
    """`aws_ec2_cpuutilization_sum{instanceid="i-1"}`."""

    statistics = ("Sum", "SampleCount", "Minimum", "Maximum", PERCENTILES)
    keep_case = False
    suffixes = {  # noqa: RUF012
        "Sum": "_sum",
        "SampleCount": "_count",
        "Minimum": "_min",
        "Maximum": "_max",
        "Average": "_average",
        BOUND: "_bucket",
    }
    resource_names = {  # noqa: RUF012
        "cloud.account.id": "account",
        "cloud.region": "region",
        "cloud.provider": "cloud_provider",
    }
    not_of_cloudwatch = frozenset[str]()
    metric_label_names = frozenset({"namespace", "metricname"})
    collision = DropReason.CASE_COLLISION

    def base_name(self, metric: Metric) -> str:
        """Return the name on the wire: some suffixes are cleaned together with it."""
        return metric.name

    def series_name(self, base: str, statistic: Statistic) -> str:
        """Return the cleaned name with the suffix; a percentile has none."""
        return metric_name(base, self.suffixes.get(statistic.kind, ""))

    def own_label(self, statistic: Statistic) -> tuple[str, str] | None:
        """Return `quantile` of a percentile, and `le` of a bucket."""
        return statistic if statistic.kind in (QUANTILE, BOUND) else None

    def metric_labels(self, metric: Metric) -> dict[str, str]:
        """Return CloudWatch's two names of the metric."""
        return {"namespace": metric.namespace, "metricname": metric.metric_name}
