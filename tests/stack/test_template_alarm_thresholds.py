"""When the stack's alarms fire: on silence and on loss, and not on what is normal."""

import pytest

from tests.support.alarms import NAMESPACE, alarms_of, metric_of, metrics_of
from tests.support.stack import INGRESSES, Stack, parameters

SILENCE = {"NoDeliveriesAlarm", "NoStreamUpdatesAlarm"}
"""The alarms that missing data of the stream fires; NoTags is that of the tags."""


@pytest.mark.parametrize("ingress", INGRESSES)
def test_silence_is_an_alarm(ingress: str) -> None:
    """Missing data fires the three alarms that are about it, and no other one."""
    alarms = alarms_of(Stack(Ingress=ingress, CreateTags="true"))
    missing = {name: alarm["TreatMissingData"] for name, alarm in alarms.items()}
    silence = SILENCE | {"NoTagsAlarm"}
    assert {name for name, treated in missing.items() if treated == "breaching"} == silence
    assert {missing[name] for name in missing.keys() - silence} == {"notBreaching"}
    for name in silence:
        alarm = alarms[name]
        assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
        assert alarm["Statistic"] == "Sum"


def test_longest_buffer_is_no_alarm() -> None:
    """Where Firehose delivers once in 15 minutes, a period may be empty, and records are older."""
    longest = parameters()["BufferIntervalSeconds"]["MaxValue"]
    for name in SILENCE:
        alarm = Stack().properties(name)
        assert alarm["Period"] >= longest
        assert alarm["EvaluationPeriods"] == 2
    for ingress, name in (
        ("HttpApi", "DeliveryFreshnessAlarm"),
        ("Transformation", "BackupFreshnessAlarm"),
    ):
        alarm = Stack(Ingress=ingress, BufferIntervalSeconds="900").properties(name)
        assert alarm["Metrics"][0]["Expression"] == "oldest - 900"
        assert alarm["Threshold"] == 900


@pytest.mark.parametrize(
    ("name", "metric", "harmless"),
    [
        # The listener has them, or newer ones; or they may be S3's daily metrics.
        ("SamplesRejectedAlarm", "SamplesRejected", ["superseded", "too_old"]),
        # The listener gets one of the two; the operator's own rules drop the other points.
        ("PointsDroppedAlarm", "PointsDropped", ["duplicate", "relabel"]),
    ],
)
def test_what_is_normal_is_no_alarm(name: str, metric: str, harmless: list[str]) -> None:
    """Of everything that is counted, reasons are taken off that may have no data."""
    alarm = Stack().properties(name)
    total, *queries = alarm["Metrics"]
    less = "".join(f" - FILL({reason}, 0)" for reason in harmless)
    assert total["Expression"] == queries[0]["Id"] + less
    assert [query["Id"] for query in queries[1:]] == harmless
    assert [query["ReturnData"] for query in alarm["Metrics"]] == [True] + [False] * len(queries)
    assert {(q["MetricStat"]["Stat"], q["MetricStat"]["Period"]) for q in queries} == {("Sum", 300)}
    dimensions = {"FunctionName": "MetricStreamFunction"}
    assert metrics_of(alarm) == [
        (NAMESPACE, metric, dimensions),
        *((NAMESPACE, metric, {**dimensions, "Reason": reason}) for reason in harmless),
    ]
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 0)


def test_samples_that_are_always_too_old_are_an_alarm() -> None:
    """S3's metrics are late for some hours a day; anything that lasts is another cause."""
    alarm = Stack().properties("SamplesTooOldAlarm")
    assert metric_of(alarm)[1:] == (
        "SamplesRejected",
        {"FunctionName": "MetricStreamFunction", "Reason": "too_old"},
    )
    assert alarm["Period"] * alarm["EvaluationPeriods"] == 6 * 3600
    assert "DatapointsToAlarm" not in alarm, "all of them"


def test_duration_alarm_goes_by_the_budget() -> None:
    """The alarm about the duration compares it with the budget that is set."""
    alarm = Stack(DeliveryBudgetSeconds="20").properties("FunctionDurationAlarm")
    assert alarm["Metrics"][0]["Expression"] == "longest / (20 * 1000)"
    assert alarm["Threshold"] == 0.9
