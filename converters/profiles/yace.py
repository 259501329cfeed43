"""The names of YACE, prometheus-community/yet-another-cloudwatch-exporter, at commit 1a0ddb1e."""

import re

from converters.profiles.profile import Metric, NamingProfile

# "upper-case letter behind a lower-case one or a digit" gets an underscore before it.
_WORD = re.compile("(?<=[a-z0-9])(?=[A-Z])")
_SEPARATORS = str.maketrans(
    dict.fromkeys(" ,\t/\\.-:=@<>(\N{LEFT DOUBLE QUOTATION MARK})", "_") | {"%": "_percent"}
)
# YACE leaves these to Prometheus, which does not take them.
_INVALID = re.compile("[^a-zA-Z0-9_]")


class Yace(NamingProfile):
    """`aws_ec2_cpuutilization_average{dimension_InstanceId="i-1"}`."""

    metric_label_names = frozenset({"name"})
    arn_label = "name"
    # Its queries add it to a metric.
    info_value = 0.0
    # The dashboards of its mixin filter by `job=~".+"`; Prometheus adds the label when it scrapes.
    default_labels = {"job": "yace"}  # noqa: RUF012
    # Its option `labelsSnakeCase`.
    dimension_styles = ("keep", "snake_case")

    def base_name(self, metric: Metric) -> str:
        """Return namespace and name, without the parts of the namespace that the name repeats."""
        namespace, name = metric.identity()
        # Lower-cased before it is cleaned, so that words are not separated.
        prefix = namespace.removeprefix("/").lower().translate(_SEPARATORS)
        cleaned = _snake_case(name)
        skip = 0
        for part in prefix.split("_"):
            # Not `skip +=`: the rule is not cumulative.
            if cleaned.startswith(part, skip):
                skip = len(part)
        if not prefix.startswith("aws"):
            prefix = "aws_" + prefix
        return _INVALID.sub("_", f"{prefix}_{cleaned[skip:].removeprefix('_')}")

    def metric_labels(self, metric: Metric) -> dict[str, str]:  # noqa: ARG002
        """Return `name`, the ARN of the resource, which a metric stream does not contain."""
        return {"name": "global"}

    def dimension_label(self, key: str) -> str:
        """Return the key behind `dimension_`."""
        return "dimension_" + self._cleaned(key)

    def info_name(self, namespace: str) -> str:
        """Return the name of a metric `info` of the namespace: `aws_ec2_info`."""
        return self.base_name(Metric("", namespace, "info"))

    def tag_label(self, key: str) -> str:
        """Return the key behind `tag_`."""
        return "tag_" + self._cleaned(key)

    def _cleaned(self, key: str) -> str:
        snake = self.dimension_labels == "snake_case"
        return _INVALID.sub("_", _snake_case(key) if snake else key.translate(_SEPARATORS))


def _snake_case(text: str) -> str:
    return _WORD.sub("_", text).translate(_SEPARATORS).lower()
