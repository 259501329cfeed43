"""What the alarms of a stack watch."""

from typing import Any

from tests.support.stack import Stack

NAMESPACE = "MetricStreamLambda"
"""The namespace of the function's own metrics."""

Watched = tuple[str, str, dict[str, str]]
"""Namespace, metric, dimensions."""


def metrics_of(alarm: dict[str, Any]) -> list[Watched]:
    """Give what an alarm watches."""
    queries = alarm.get("Metrics", [{"MetricStat": {"Metric": alarm}}])
    metrics = [query["MetricStat"]["Metric"] for query in queries if "MetricStat" in query]
    return [
        (
            metric["Namespace"],
            metric["MetricName"],
            {d["Name"]: d["Value"] for d in metric.get("Dimensions", [])},
        )
        for metric in metrics
    ]


def alarms_of(stack: Stack) -> dict[str, Any]:
    """Give the properties of every alarm, by name."""
    return stack.of_type("AWS::CloudWatch::Alarm")


def metric_of(alarm: dict[str, Any]) -> Watched:
    """Give what an alarm on one metric watches."""
    (watched,) = metrics_of(alarm)
    return watched
