"""The whole sweep: from the tagging API to the listener, and to the object of the last sweep."""

import math
from collections.abc import Iterator

import pytest

from testing.receiver import Receiver
from testing.tagging_api import OWN_ACCOUNT, Fleet, TaggingApi
from tests.support.buckets import TestBucket
from tests.support.sweeping import SweepingFunction, values_of
from tests.support.tag_reading import instance


@pytest.fixture
def listener() -> Iterator[Receiver]:
    """Run a listener that accepts everything."""
    with Receiver() as receiver:
        yield receiver


def test_one_sweep(aws: TaggingApi, listener: Receiver) -> None:
    """Each resource with tags and a kind has a sample, and the account adds up."""
    queue = f"arn:aws:sqs:eu-central-1:{OWN_ACCOUNT}:Jobs"
    other = f"arn:aws:nothing:eu-central-1:{OWN_ACCOUNT}:x"
    resources = [(instance(1), {"Team": "a"}), (queue, {"Team": "b"}), (other, {"Team": "c"})]
    aws.fleets = {OWN_ACCOUNT: Fleet([*resources, (instance(2), {})])}
    swept = SweepingFunction(listener.url).sweep()
    assert swept.errors == []
    assert values_of(listener) == {instance(1): [1.0], queue: [1.0]}
    assert swept.result["samples"] == swept.result["samples_sent"] == 2
    assert swept.result["resources_without_kind"] == {"nothing": 1}
    metrics = {name: swept.metric(name) for name in ("TagsSent", "TagResources", "TagErrors")}
    assert metrics == {"TagsSent": 2, "TagResources": 2, "TagErrors": 0}


def test_ended_series_are_marked(aws: TaggingApi, listener: Receiver, bucket: TestBucket) -> None:
    """A changed tag and a resource that is gone end a series, with one stale marker each."""
    function = SweepingFunction(listener.url, BACKUP_BUCKET=bucket.name)
    aws.fleets = {OWN_ACCOUNT: Fleet([(instance(n), {"Team": "a"}) for n in (1, 2, 3)])}
    function.sweep()
    aws.fleets = {OWN_ACCOUNT: Fleet([(instance(1), {"Team": "a"}), (instance(2), {"Team": "b"})])}
    second = function.sweep()
    assert second.result["stale_markers_sent"] == 2
    assert second.metric("TagsSent") == 2
    third = function.sweep()
    assert third.result["stale_markers_sent"] == 0
    values = values_of(listener, "tag_team")
    assert values["b"] == [1.0, 1.0]
    assert sum(map(math.isnan, values["a"])) == 2
    assert bucket.keys() == ["tags/sweep.jsonl.gz"]
    assert second.errors == third.errors == []
