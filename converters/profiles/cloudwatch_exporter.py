"""The names of prometheus/cloudwatch_exporter, at commit 8b110cf."""

import re

from converters.profiles.profile import Metric, NamingProfile

_WORD = re.compile("(?<=[a-z0-9])(?=[A-Z])")
# Whatever is not valid becomes an underscore, and several of them become one.
_NOT_IN_NAME = re.compile("[^a-zA-Z0-9:]+")
_NOT_IN_LABEL = re.compile("[^a-zA-Z0-9]+")

_TABLE_INDEX = "GlobalSecondaryIndexName"
# Metrics that a table of DynamoDB and each of its indexes have.
_OF_INDEXES = frozenset(
    (
        *("ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits"),
        *("ProvisionedReadCapacityUnits", "ProvisionedWriteCapacityUnits"),
        *("ReadThrottleEvents", "WriteThrottleEvents"),
    )
)


class CloudwatchExporter(NamingProfile):
    """`aws_ec2_cpuutilization_average{instance_id="i-1",job="aws_ec2"}`."""

    names_by_dimensions = True
    metric_label_names = frozenset({"job"})

    def base_name(self, metric: Metric) -> str:
        """Return namespace and name; of an index of DynamoDB another one than of its table."""
        namespace, name = metric.identity()
        base = _valid(_NOT_IN_NAME.sub("_", f"{namespace.lower()}_{_snake_case(name)}"))
        of_index = namespace == "AWS/DynamoDB" and name in _OF_INDEXES
        return base + "_index" if of_index and _TABLE_INDEX in metric.dimensions else base

    def metric_labels(self, metric: Metric) -> dict[str, str]:
        """Return `job`, which is the namespace."""
        return {"job": _NOT_IN_NAME.sub("_", metric.identity()[0].lower())}

    def dimension_label(self, key: str) -> str:
        """Return the key in snake case."""
        return _valid(_NOT_IN_LABEL.sub("_", _snake_case(key)))

    def tag_label(self, key: str) -> str:
        """Return the key with its case: the exporter does not separate its words."""
        return "tag_" + _NOT_IN_LABEL.sub("_", key)


def _snake_case(text: str) -> str:
    return _WORD.sub("_", text).lower()


def _valid(name: str) -> str:
    return name if name and not name[0].isdigit() else "_" + name
