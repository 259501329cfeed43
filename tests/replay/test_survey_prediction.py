"""What a survey of some hours predicts for a month."""

from pathlib import Path

import pytest

from replay.content import read_object
from replay.estimate import MetricUsage, coverage_of, usage_of
from replay.folder import Folder
from replay.updates import UpdateCounter
from tests.support.accounts import ACCOUNT, DAY, MIDNIGHT, store


def surveyed(folder: Path) -> dict[tuple[str, str], MetricUsage]:
    """Return what is predicted for each metric."""
    counter, objects = UpdateCounter(), Folder(folder)
    for found in objects.objects():
        for one in read_object(objects, found):
            counter.add(one.content or b"")
    usage = usage_of(counter, coverage_of(counter))
    return {(metric.namespace, metric.name): metric for metric in usage}


@pytest.mark.parametrize(
    ("begin", "minutes"),
    [(MIDNIGHT + 9 * 60 + 23, 6 * 60), (MIDNIGHT + 7, 200), (MIDNIGHT + 60, 3 * 60 + 37)],
    ids=["6 hours", "200 minutes", "217 minutes with S3's day"],
)
def test_prediction_of_an_account(tmp_path: Path, begin: int, minutes: int) -> None:
    """Some hours predict a month within 5 %, of the sum and of each metric of a fixed period."""
    store(tmp_path, begin, minutes)
    found = surveyed(tmp_path)
    expected = sum(metric.updates for metric in ACCOUNT)
    assert sum(m.updates for m in found.values()) == pytest.approx(expected, rel=0.05)
    for metric in ACCOUNT:
        usage = found.get((metric.namespace, metric.name))
        if metric.chance == 1 and (usage or metric.period < DAY):
            assert usage
            assert usage.updates == pytest.approx(metric.updates, rel=0.05)
            assert usage.series == metric.series


def test_prediction_from_two_outages(tmp_path: Path) -> None:
    """What was left by two outages of a day predicts the sum as well, without the hours between."""
    for begin, minutes in ((MIDNIGHT + 433, 145), (MIDNIGHT + 911, 190)):
        store(tmp_path, begin, minutes, metrics=ACCOUNT)
    updates = sum(metric.updates for metric in surveyed(tmp_path).values())
    assert updates == pytest.approx(sum(metric.updates for metric in ACCOUNT), rel=0.05)
