"""What a naming profile decides: the names and the labels of CloudWatch's series."""

import abc
from collections.abc import Mapping
from typing import ClassVar, NamedTuple

from converters.names import label_name
from converters.reasons import DropReason
from converters.statistics import QUANTILE, STATISTICS, Statistic, percent_text

_OF_CLOUDWATCH = "amazonaws.com/"


class Metric(NamedTuple):
    """A metric of CloudWatch.

    Attributes:
        name: Its name on the wire, such as `amazonaws.com/AWS/EC2/CPUUtilization`.
        namespace: The attribute `Namespace`; empty where there is none.
        metric_name: The attribute `MetricName`; likewise.
        dimensions: The keys of its dimensions, sorted; only where `names_by_dimensions`.
    """

    name: str
    namespace: str
    metric_name: str
    dimensions: tuple[str, ...] = ()

    def identity(self) -> tuple[str, str]:
        """Return CloudWatch's namespace and name of the metric; from the wire's if need be."""
        namespace, _, metric_name = self.name.removeprefix(_OF_CLOUDWATCH).rpartition("/")
        return self.namespace or namespace, self.metric_name or metric_name


class NamingProfile(abc.ABC):
    """How the series of CloudWatch's metrics are named; a subclass says what differs.

    Whatever it returns is a valid name. Metrics of other producers have the contract's names, and
    of the profile only what it says about resources.

    Args:
        dimension_labels: One of `dimension_styles`.

    Attributes:
        statistics: What is made unless the operator selects something else.
        keep_case: Whether values of labels stay as they are unless the operator decides.
        suffixes: What the names of statistics end with, by kind.
        names_by_dimensions: Whether `base_name` depends on the dimensions.
        resource_names: Labels of resource attributes that have a place of their own, by key.
        not_of_cloudwatch: Those of these labels that only metrics of other producers have.
        metric_label_names: What `metric_labels` may return.
        default_labels: Labels of every series that has none of that name.
        dimension_styles: The values of DIMENSION_LABELS that it knows.
        collision: The reason to count what loses where two metrics make one series.
        arn_label: The label of an info series with the ARN of the resource.
        info_value: The value of info series.
    """

    statistics: ClassVar[tuple[str, ...]] = STATISTICS
    keep_case: ClassVar[bool] = True
    suffixes: ClassVar[Mapping[str, str]] = {
        "Average": "_average",
        "Sum": "_sum",
        "Minimum": "_minimum",
        "Maximum": "_maximum",
        "SampleCount": "_sample_count",
    }
    resource_names: ClassVar[Mapping[str, str]] = {
        "cloud.account.id": "account_id",
        "cloud.region": "region",
        "cloud.provider": "cloud_provider",
    }
    names_by_dimensions: ClassVar[bool] = False
    not_of_cloudwatch: ClassVar[frozenset[str]] = frozenset({"cloud_provider"})
    metric_label_names: ClassVar[frozenset[str]] = frozenset()
    default_labels: ClassVar[Mapping[str, str]] = {}
    dimension_styles: ClassVar[tuple[str, ...]] = ("keep",)
    collision: ClassVar[str] = DropReason.NAME_COLLISION
    arn_label: ClassVar[str] = "arn"
    info_value: ClassVar[float] = 1.0

    def __init__(self, dimension_labels: str = "keep") -> None:
        self.dimension_labels = dimension_labels

    @abc.abstractmethod
    def base_name(self, metric: Metric) -> str:
        """Return what the names of a metric's series have in common; called once for each metric.

        Series of two metrics may only have one name if their bases are equal but for case and for
        what is neither a letter nor a digit.
        """

    def series_name(self, base: str, statistic: Statistic) -> str:
        """Return the name of a statistic's series.

        It is different for each statistic, or `own_label` is.
        """
        if statistic.kind == QUANTILE:
            return f"{base}_p{_name_of(percent_text(statistic.value))}"
        return base + self.suffixes[statistic.kind]

    def own_label(self, statistic: Statistic) -> tuple[str, str] | None:  # noqa: ARG002
        """Return the label that only this statistic's series has, `quantile`, or None."""
        return None

    def metric_labels(self, metric: Metric) -> dict[str, str]:  # noqa: ARG002
        """Return the labels that name the metric, beside `__name__`; an empty one is no label."""
        return {}

    def dimension_label(self, key: str) -> str:
        """Return the label of a dimension."""
        return label_name(key)

    def resource_label(self, key: str) -> str:
        """Return the label of a resource attribute that is not in `resource_names`."""
        return label_name(key)

    def info_name(self, namespace: str) -> str:  # noqa: ARG002
        """Return the name of the info series of resources with metrics in a namespace."""
        return "aws_resource_info"

    def tag_label(self, key: str) -> str:
        """Return the label of a tag in an info series."""
        return label_name(f"tag_{key}")


def _name_of(percent: str) -> str:
    # Of quantiles that CloudWatch does not have, infinity and negative ones.
    return percent.replace(".", "_").replace("-", "_").replace("+", "")
