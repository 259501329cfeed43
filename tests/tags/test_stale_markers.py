"""A series that has ended gets one stale marker, and one that may go on gets none."""

import math

import pytest

from tags.last_sweep import series_in
from testing.http_server import Reply
from testing.object_store import ObjectStore
from testing.replies import accept
from testing.tagging_api import OWN_ACCOUNT, AwsError, Call, Fleet, TaggingApi
from tests.support.sweeping import (
    Listener,
    SweepingFunction,
    ended_in,
    fleet_of,
    numbers_in,
    values_of,
)
from tests.support.tag_reading import GROUPS, LINKED, ROLE, instance

_OBJECT = "/bucket/tags/sweep.jsonl.gz"
_API = "arn:aws:apigateway:eu-central-1::/restapis/a1"
_NAMES = {"item": [{"id": "a1", "name": "Orders"}]}


@pytest.mark.parametrize(
    ("action", "code"),
    [
        ("sts:AssumeRole", "AccessDenied"),
        ("tagging:GetResources", "AccessDeniedException"),
    ],
)
def test_account_that_cannot_be_read(
    action: str, code: str, aws: TaggingApi, listener: Listener, store: ObjectStore
) -> None:
    """Its series are not marked as ended before it can be read again; other accounts go on."""
    function = SweepingFunction(listener.url, BACKUP_BUCKET="bucket", TAG_ROLE_ARNS=ROLE)
    aws.fleets = {OWN_ACCOUNT: fleet_of(1, 2), LINKED: fleet_of(3, 4, account=LINKED)}
    assert numbers_in(function.sweep()) == (4, 4, 0)

    def deny(call: Call) -> None:
        if call.action == action and (call.account == LINKED or "RoleArn" in call.asked):
            raise AwsError(code)

    aws.before = deny
    aws.fleets = {OWN_ACCOUNT: fleet_of(1), LINKED: fleet_of(3, account=LINKED)}
    denied = function.sweep()
    assert denied.result["errors"] == 1
    assert LINKED in denied.errors[0]
    assert denied.result["accounts_incomplete"] == [LINKED]
    assert ended_in(listener) == {instance(2)}
    aws.before = lambda _call: None
    assert numbers_in(function.sweep()) == (2, 2, 0)
    assert ended_in(listener) == {instance(2), instance(4, LINKED)}
    assert list(store.objects) == [_OBJECT]


def test_lookup_that_is_denied(aws: TaggingApi, listener: Listener, store: ObjectStore) -> None:
    """It holds back the samples and markers of resources without a name, and no others."""
    function = SweepingFunction(listener.url, BACKUP_BUCKET="bucket")
    api, *instances = ((arn, {"Team": "a"}) for arn in (_API, instance(1), instance(2)))
    replies = {"apigateway:GET /restapis": _NAMES}
    aws.fleets = {OWN_ACCOUNT: Fleet([api, *instances], replies=replies)}
    assert numbers_in(function.sweep()) == (3, 3, 0)
    aws.fleets = {OWN_ACCOUNT: Fleet([api, instances[0]])}
    denied = function.sweep()
    assert numbers_in(denied) == (1, 1, 1)
    assert denied.result["resources_without_name"] == 1
    assert ended_in(listener) == {instance(2)}
    aws.fleets = {OWN_ACCOUNT: Fleet([instances[0]])}
    function.sweep()
    assert ended_in(listener) == {instance(2), _API}
    assert store.objects


def test_groups_that_are_denied(aws: TaggingApi, listener: Listener, store: ObjectStore) -> None:
    """They hold back the markers of Auto Scaling groups, and no others."""
    function = SweepingFunction(listener.url, BACKUP_BUCKET="bucket")
    aws.fleets = {OWN_ACCOUNT: Fleet(fleet_of(1, 2).resources, groups={"web": {"Team": "a"}})}
    function.sweep()

    def deny(call: Call) -> None:
        if call.action == GROUPS:
            raise AwsError("AccessDenied")

    aws.before = deny
    aws.fleets = {OWN_ACCOUNT: fleet_of(1)}
    function.sweep()
    assert ended_in(listener) == {instance(2)}
    aws.before = lambda _call: None
    function.sweep()
    assert len(ended_in(listener)) == 2
    assert store.objects


def test_account_that_is_never_read(
    aws: TaggingApi, listener: Listener, store: ObjectStore
) -> None:
    """What it had is forgotten after hours, so that the object does not grow for ever."""
    function = SweepingFunction(listener.url, BACKUP_BUCKET="bucket")

    def expire(call: Call) -> None:
        if "PaginationToken" in call.asked:
            raise AwsError("AccessDeniedException")

    aws.before, aws.page_size = expire, lambda _number, _asked: 1
    for number in range(8):
        aws.fleets = {OWN_ACCOUNT: fleet_of(number, 99)}
        function.sweep(later=3000)
    kept = [dict(series.labels)["arn"] for _, series in series_in(store.objects[_OBJECT])]
    assert sorted(kept) == [instance(number) for number in (4, 5, 6, 7)]
    assert not ended_in(listener)


def test_tag_that_relabelling_removes(
    aws: TaggingApi, listener: Listener, store: ObjectStore
) -> None:
    """A series that goes on for the listener has not ended, whatever its tags were before."""
    rules = '[{"regex": "tag_run", "action": "labeldrop"}]'
    function = SweepingFunction(listener.url, BACKUP_BUCKET="bucket", WRITE_RELABEL_CONFIGS=rules)
    for run in ("1", "2", "2"):
        aws.fleets = {OWN_ACCOUNT: Fleet([(instance(1), {"Run": run, "Team": "a"})])}
        assert function.sweep().result["stale_markers_sent"] == 0
    assert values_of(listener) == {instance(1): [1.0, 1.0, 1.0]}
    aws.fleets = {OWN_ACCOUNT: Fleet([(instance(1), {"Run": "3", "Team": "b"})])}
    assert function.sweep().result["stale_markers_sent"] == 1
    assert len(store.objects) == 1


def test_account_that_is_no_longer_read(
    aws: TaggingApi, listener: Listener, store: ObjectStore
) -> None:
    """Without its role in TAG_ROLE_ARNS the series of an account have ended."""
    aws.fleets = {OWN_ACCOUNT: fleet_of(1), LINKED: fleet_of(2, account=LINKED)}
    SweepingFunction(listener.url, BACKUP_BUCKET="bucket", TAG_ROLE_ARNS=ROLE).sweep()
    later = SweepingFunction(listener.url, BACKUP_BUCKET="bucket")
    later.now += 300
    later.sweep()
    assert ended_in(listener) == {instance(2, LINKED)}
    assert store.objects


def test_marker_that_is_not_delivered(
    aws: TaggingApi, listener: Listener, store: ObjectStore
) -> None:
    """The next sweep sends it."""
    function = SweepingFunction(listener.url, BACKUP_BUCKET="bucket")
    aws.fleets = {OWN_ACCOUNT: fleet_of(1, 2)}
    function.sweep()
    aws.fleets = {OWN_ACCOUNT: fleet_of(1)}

    def refuse_markers(received: object) -> Reply:
        values = [it.samples[0].value for it in received.request.timeseries]  # type: ignore[attr-defined]
        return Reply(503 if any(map(math.isnan, values)) else 204)

    listener.reply = refuse_markers
    assert numbers_in(function.sweep()) == (1, 1, 1)
    assert not ended_in(listener)
    listener.reply = accept
    assert numbers_in(function.sweep()) == (1, 1, 0)
    assert ended_in(listener) == {instance(2)}
    assert store.objects
