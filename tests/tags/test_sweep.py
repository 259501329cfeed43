"""What fails costs no more than it has to: all else is sent."""

import pytest

from testing.http_server import Reply
from testing.object_store import ObjectStore
from testing.ports import free_port
from testing.replies import accept, always, refusing
from testing.tagging_api import OWN_ACCOUNT, Fleet, TaggingApi
from tests.support.sweeping import (
    TOKEN,
    Listener,
    SweepingFunction,
    ended_in,
    fleet_of,
    numbers_in,
)
from tests.support.tag_reading import LINKED, ROLE, instance

_OBJECT = "/bucket/tags/sweep.jsonl.gz"


@pytest.mark.parametrize("reply", [Reply(503), Reply(401), Reply(404), Reply(429)])
def test_listener_that_takes_nothing(
    reply: Reply, aws: TaggingApi, listener: Listener, store: ObjectStore
) -> None:
    """A line says so; when the listener is back, what has ended meanwhile is marked."""
    function = SweepingFunction(listener.url, BACKUP_BUCKET="bucket")
    aws.fleets = {OWN_ACCOUNT: fleet_of(1, 2)}
    function.sweep()
    listener.reply = always(reply)
    aws.fleets = {OWN_ACCOUNT: fleet_of(2, 3)}
    down = function.sweep()
    assert numbers_in(down) == (0, 2, 1)
    assert str(reply.status) in down.errors[0]
    aws.fleets = {OWN_ACCOUNT: fleet_of(2)}
    function.sweep()
    listener.reply = accept
    assert numbers_in(function.sweep()) == (1, 1, 0)
    # Instance 3 may have reached the listener.
    assert ended_in(listener) == {instance(1), instance(3)}
    assert list(store.objects) == [_OBJECT]


def test_listener_that_repeats_the_token(aws: TaggingApi, listener: Listener) -> None:
    """No line has it."""
    aws.fleets = {OWN_ACCOUNT: fleet_of(1)}
    listener.reply = always(Reply(404, body=f"no tenant has {TOKEN}".encode()))
    (error,) = SweepingFunction(listener.url).sweep().errors
    assert "no tenant has [redacted]" in error


def test_listener_that_is_not_there(aws: TaggingApi, store: ObjectStore) -> None:
    """The sweep ends in time, with nothing sent and everything remembered."""
    aws.fleets = {OWN_ACCOUNT: fleet_of(1)}
    function = SweepingFunction(f"http://127.0.0.1:{free_port()}/", BACKUP_BUCKET="bucket")
    begun = function.now
    assert numbers_in(function.sweep(later=0)) == (0, 1, 1)
    assert function.now - begun < 225
    assert list(store.objects) == [_OBJECT]


def test_no_further_account_where_nothing_is_taken(aws: TaggingApi, listener: Listener) -> None:
    """The tags of other accounts are not sent to a listener that is down."""
    aws.fleets = {OWN_ACCOUNT: fleet_of(1), LINKED: fleet_of(2, account=LINKED)}
    listener.reply = always(Reply(404))
    assert SweepingFunction(listener.url, TAG_ROLE_ARNS=ROLE).sweep().result["accounts"] == 1
    assert len(listener.requests) == 1


def test_refused_samples(aws: TaggingApi, listener: Listener) -> None:
    """What the listener refuses for good is found by isolation, and logged with its words."""
    aws.fleets = {OWN_ACCOUNT: fleet_of(*range(20))}
    words = "max series per user limit exceeded: too many samples"
    listener.reply = refusing(lambda labels, _: labels["instanceid"] == "i-7", words=words)
    swept = SweepingFunction(listener.url).sweep()
    assert numbers_in(swept) == (19, 20, 1)
    assert swept.result["samples_rejected"] == 1
    (line,) = (line for line in swept.lines if "listener_words" in line)
    assert words in line["listener_words"]
    assert 'instanceid="i-7"' in line["example"]


def test_many_labels(aws: TaggingApi, listener: Listener) -> None:
    """A line warns once of series with more labels than many listeners take."""
    tags = {f"tag-{number}": "x" for number in range(40)}
    aws.fleets = {OWN_ACCOUNT: Fleet([(instance(1), tags)])}
    function = SweepingFunction(listener.url)
    warned = [
        [it["metric"] for it in function.sweep().lines if "than 30 labels" in str(it)]
        for _ in range(2)
    ]
    assert warned == [["aws_resource_info"], []]


def test_resource_that_two_accounts_have(aws: TaggingApi, listener: Listener) -> None:
    """A series that was sent already is not sent again."""
    aws.fleets = {OWN_ACCOUNT: fleet_of(1, 2), LINKED: fleet_of(2, 3)}
    assert numbers_in(SweepingFunction(listener.url, TAG_ROLE_ARNS=ROLE).sweep()) == (3, 4, 0)


def test_bucket_that_refuses(aws: TaggingApi, listener: Listener, store: ObjectStore) -> None:
    """Without the bucket everything is sent; both errors name a permission."""
    aws.fleets = {OWN_ACCOUNT: fleet_of(1)}
    store.refused = "AccessDenied"
    swept = SweepingFunction(listener.url, BACKUP_BUCKET="bucket").sweep()
    assert numbers_in(swept) == (1, 1, 2)
    assert all(
        word in line for word, line in zip(("GetObject", "PutObject"), swept.errors, strict=True)
    )


def test_damaged_object(aws: TaggingApi, listener: Listener, store: ObjectStore) -> None:
    """It costs the markers of one sweep, and is replaced."""
    function = SweepingFunction(listener.url, BACKUP_BUCKET="bucket")
    store.objects[_OBJECT] = b"damaged"
    aws.fleets = {OWN_ACCOUNT: fleet_of(1, 2)}
    assert numbers_in(function.sweep()) == (2, 2, 1)
    aws.fleets = {OWN_ACCOUNT: fleet_of(1)}
    assert numbers_in(function.sweep()) == (1, 1, 0)
    assert ended_in(listener) == {instance(2)}


def test_end_of_the_time(aws: TaggingApi, listener: Listener, store: ObjectStore) -> None:
    """A sweep without time left sends nothing more, and forgets nothing."""
    function = SweepingFunction(listener.url, BACKUP_BUCKET="bucket")
    aws.fleets = {OWN_ACCOUNT: fleet_of(1, 2)}
    function.sweep()
    aws.fleets = {OWN_ACCOUNT: fleet_of(1)}
    late = function.sweep(seconds=10)
    assert late.metric("TagsSent") == 0
    assert "time for the sweep was over" in late.errors[0]
    function.sweep()
    assert ended_in(listener) == {instance(2)}
    assert store.objects


def test_more_resources_than_the_time_is_enough_for(aws: TaggingApi, listener: Listener) -> None:
    """Reading ends early enough to send what was read."""
    aws.fleets = {OWN_ACCOUNT: fleet_of(*range(50))}
    aws.page_size = lambda _number, _asked: 1
    # 2.5 seconds of work, of which 1.75 are for reading, with ten calls a second.
    swept = SweepingFunction(listener.url).sweep(seconds=17.5)
    assert numbers_in(swept) == (18, 18, 2)


def test_memory_that_is_too_small(aws: TaggingApi, listener: Listener, store: ObjectStore) -> None:
    """What cannot be converted is an error that says what to do; its markers are not forgotten."""
    tags = {f"tag-{number}": "x" * 200 for number in range(50)}
    fleet = {OWN_ACCOUNT: Fleet([(instance(number), tags) for number in range(30)])}
    aws.fleets = fleet
    function = SweepingFunction(listener.url, BACKUP_BUCKET="bucket")
    assert numbers_in(function.sweep()) == (30, 30, 0)
    small = SweepingFunction(
        listener.url, BACKUP_BUCKET="bucket", AWS_LAMBDA_FUNCTION_MEMORY_SIZE="1"
    )
    swept = small.sweep()
    assert numbers_in(swept) == (0, 30, 1)
    assert "give the function more memory" in swept.errors[0]
    aws.fleets = {OWN_ACCOUNT: Fleet()}
    assert numbers_in(small.sweep()) == (0, 0, 1)
    assert function.sweep().result["stale_markers_sent"] == 30
    assert store.objects


def test_empty_account(listener: Listener, aws: TaggingApi, store: ObjectStore) -> None:
    """An account without tags is no error, and makes no request; the metric shows that."""
    swept = SweepingFunction(listener.url, BACKUP_BUCKET="bucket").sweep()
    assert numbers_in(swept) == (0, 0, 0)
    assert not listener.requests
    assert aws.calls
    assert store.objects
