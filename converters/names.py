"""Metric names, label names and numbers in labels, as the `logzio` profile writes them.

Existing Logz.io dashboards depend on these names, down to the underscore.
"""

import math
import re
from decimal import Decimal

# "metric names must match [a-zA-Z_:]([a-zA-Z0-9_:])*, label names
# [a-zA-Z_]([a-zA-Z0-9_])*" - remote write 1.0, "Labels"
_INVALID_IN_METRIC = re.compile(r"[^a-z0-9_:]+")
_INVALID_IN_LABEL = re.compile(r"[^a-z0-9_]")
_DIGITS = "0123456789"

_CLEANED_WITH_THE_NAME = ("_min", "_max")


def metric_name(name: str, suffix: str = "") -> str:
    """Return the metric name of a statistic; without a suffix the name that they have in common.

    `amazonaws.com/AWS/EC2/CPUUtilization` becomes `aws_ec2_cpuutilization`. As in Logz.io's own
    function, `_min` and `_max` are cleaned with the name, and other suffixes come after that:
    `EBSByteBalance%` has `..._ebsbytebalance__min`, but `..._ebsbytebalance_sum`.
    """
    if suffix in _CLEANED_WITH_THE_NAME:
        name, suffix = name + suffix, ""
    flat = name.replace("/", "_").lower().replace("amazonaws.com_", "")
    # A mark that cannot occur distinguishes a replaced run from a genuine
    # underscore, so that runs at the start and the end can leave nothing behind.
    base = _INVALID_IN_METRIC.sub("\0", flat).strip("\0").replace("\0", "_")
    if not base or base[0] in _DIGITS:
        base = "_" + base
    return base + suffix


def label_name(key: str) -> str:
    """Return the label name for an attribute key: `Instance.Id` becomes `instance_id`.

    A leading digit gets `key_` before it, a leading underscore `key`.
    """
    name = _INVALID_IN_LABEL.sub("_", key.lower()) or "_"
    if name[0] in _DIGITS:
        return "key_" + name
    if name[0] == "_":
        return "key" + name
    return name


def decimal_text(number: float) -> str:
    """Return the shortest decimal that reads back as the same double: `0.99`, `1`, `+Inf`.

    This is how Prometheus writes the values of `quantile` and `le`.
    """
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "+Inf" if number > 0 else "-Inf"
    text = format(Decimal(repr(number)), "f")
    return text.removesuffix(".0")
