"""What fails costs no more than it has to: all else is sent, and nothing is forgotten."""

import math

import pytest

from tags.last_sweep import series_in
from testing.http_server import Reply
from testing.object_store import ObjectStore
from testing.ports import free_port
from testing.replies import accept, always, refusing
from testing.tagging_api import OWN_ACCOUNT, AwsError, Call, Fleet, TaggingApi
from tests.support.sweeping import Listener, SweepingFunction, Swept, values_of
from tests.support.tag_reading import GROUPS, LINKED, ROLE, instance

_OBJECT = "/bucket/tags/sweep.jsonl.gz"
_API = "arn:aws:apigateway:eu-central-1::/restapis/a1"
_NAMES = {"item": [{"id": "a1", "name": "Orders"}]}


def _fleet(*numbers: int, account: str = OWN_ACCOUNT) -> Fleet:
    return Fleet([(instance(number, account), {"Team": "a"}) for number in numbers])


def _marked(listener: Listener) -> set[str]:
    """Return the ARNs whose series have ended."""
    return {arn for arn, values in values_of(listener).items() if any(map(math.isnan, values))}


def _numbers(swept: Swept) -> tuple[float | None, ...]:
    samples = swept.result
    made = samples["samples"]
    counted = (samples[f"samples_{it}"] for it in ("sent", "rejected", "undelivered"))
    assert made == sum(counted) + sum(samples["samples_dropped"].values())
    return swept.metric("TagsSent"), swept.metric("TagResources"), swept.metric("TagErrors")


@pytest.mark.parametrize("reply", [Reply(503), Reply(401), Reply(404), Reply(429)])
def test_listener_that_takes_nothing(
    reply: Reply, aws: TaggingApi, listener: Listener, store: ObjectStore
) -> None:
    """A line says so; when the listener is back, what has ended meanwhile is marked."""
    function = SweepingFunction(listener.url, BACKUP_BUCKET="bucket")
    aws.fleets = {OWN_ACCOUNT: _fleet(1, 2)}
    function.sweep()
    listener.reply = always(reply)
    aws.fleets = {OWN_ACCOUNT: _fleet(2, 3)}
    down = function.sweep()
    assert _numbers(down) == (0, 2, 1)
    assert str(reply.status) in down.errors[0]
    aws.fleets = {OWN_ACCOUNT: _fleet(2)}
    function.sweep()
    listener.reply = accept
    assert _numbers(function.sweep()) == (1, 1, 0)
    # Instance 3 may have reached the listener.
    assert _marked(listener) == {instance(1), instance(3)}
    assert list(store.objects) == [_OBJECT]


def test_listener_that_is_not_there(aws: TaggingApi, store: ObjectStore) -> None:
    """The sweep ends in time, with nothing sent and everything remembered."""
    aws.fleets = {OWN_ACCOUNT: _fleet(1)}
    function = SweepingFunction(f"http://127.0.0.1:{free_port()}/", BACKUP_BUCKET="bucket")
    begun = function.now
    assert _numbers(function.sweep(later=0)) == (0, 1, 1)
    assert function.now - begun < 225
    assert list(store.objects) == [_OBJECT]


def test_no_further_account_where_nothing_is_taken(aws: TaggingApi, listener: Listener) -> None:
    """The tags of other accounts are not sent to a listener that is down."""
    aws.fleets = {OWN_ACCOUNT: _fleet(1), LINKED: _fleet(2, account=LINKED)}
    listener.reply = always(Reply(404))
    assert SweepingFunction(listener.url, TAG_ROLE_ARNS=ROLE).sweep().result["accounts"] == 1
    assert len(listener.requests) == 1


def test_refused_samples(aws: TaggingApi, listener: Listener) -> None:
    """What the listener refuses for good is found by isolation, and logged with its words."""
    aws.fleets = {OWN_ACCOUNT: _fleet(*range(20))}
    words = "max series per user limit exceeded: too many samples"
    listener.reply = refusing(lambda labels, _: labels["instanceid"] == "i-7", words=words)
    swept = SweepingFunction(listener.url).sweep()
    assert _numbers(swept) == (19, 20, 1)
    assert swept.result["samples_rejected"] == 1
    (line,) = (line for line in swept.lines if "listener_words" in line)
    assert words in line["listener_words"]
    assert 'instanceid="i-7"' in line["example"]


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
    aws.fleets = {OWN_ACCOUNT: _fleet(1, 2), LINKED: _fleet(3, 4, account=LINKED)}
    assert _numbers(function.sweep()) == (4, 4, 0)

    def deny(call: Call) -> None:
        if call.action == action and (call.account == LINKED or "RoleArn" in call.asked):
            raise AwsError(code)

    aws.before = deny
    aws.fleets = {OWN_ACCOUNT: _fleet(1), LINKED: _fleet(3, account=LINKED)}
    denied = function.sweep()
    assert denied.result["errors"] == 1
    assert LINKED in denied.errors[0]
    assert denied.result["accounts_incomplete"] == [LINKED]
    assert _marked(listener) == {instance(2)}
    aws.before = lambda _call: None
    assert _numbers(function.sweep()) == (2, 2, 0)
    assert _marked(listener) == {instance(2), instance(4, LINKED)}
    assert list(store.objects) == [_OBJECT]


def test_lookup_that_is_denied(aws: TaggingApi, listener: Listener, store: ObjectStore) -> None:
    """It holds back the samples and markers of resources without a name, and no others."""
    function = SweepingFunction(listener.url, BACKUP_BUCKET="bucket")
    api, *instances = ((arn, {"Team": "a"}) for arn in (_API, instance(1), instance(2)))
    replies = {"apigateway:GET /restapis": _NAMES}
    aws.fleets = {OWN_ACCOUNT: Fleet([api, *instances], replies=replies)}
    assert _numbers(function.sweep()) == (3, 3, 0)
    aws.fleets = {OWN_ACCOUNT: Fleet([api, instances[0]])}
    denied = function.sweep()
    assert _numbers(denied) == (1, 1, 1)
    assert denied.result["resources_without_name"] == 1
    assert _marked(listener) == {instance(2)}
    aws.fleets = {OWN_ACCOUNT: Fleet([instances[0]])}
    function.sweep()
    assert _marked(listener) == {instance(2), _API}
    assert store.objects


def test_groups_that_are_denied(aws: TaggingApi, listener: Listener, store: ObjectStore) -> None:
    """They hold back the markers of Auto Scaling groups, and no others."""
    function = SweepingFunction(listener.url, BACKUP_BUCKET="bucket")
    aws.fleets = {OWN_ACCOUNT: Fleet(_fleet(1, 2).resources, groups={"web": {"Team": "a"}})}
    function.sweep()

    def deny(call: Call) -> None:
        if call.action == GROUPS:
            raise AwsError("AccessDenied")

    aws.before = deny
    aws.fleets = {OWN_ACCOUNT: _fleet(1)}
    function.sweep()
    assert _marked(listener) == {instance(2)}
    aws.before = lambda _call: None
    function.sweep()
    assert len(_marked(listener)) == 2
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
        aws.fleets = {OWN_ACCOUNT: _fleet(number, 99)}
        function.sweep(later=3000)
    kept = [dict(series.labels)["arn"] for _, series in series_in(store.objects[_OBJECT])]
    assert sorted(kept) == [instance(number) for number in (4, 5, 6, 7)]
    assert not _marked(listener)


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


def test_account_that_is_no_longer_read(
    aws: TaggingApi, listener: Listener, store: ObjectStore
) -> None:
    """Without its role in TAG_ROLE_ARNS the series of an account have ended."""
    aws.fleets = {OWN_ACCOUNT: _fleet(1), LINKED: _fleet(2, account=LINKED)}
    SweepingFunction(listener.url, BACKUP_BUCKET="bucket", TAG_ROLE_ARNS=ROLE).sweep()
    later = SweepingFunction(listener.url, BACKUP_BUCKET="bucket")
    later.now += 300
    later.sweep()
    assert _marked(listener) == {instance(2, LINKED)}
    assert store.objects


def test_resource_that_two_accounts_have(aws: TaggingApi, listener: Listener) -> None:
    """A series that was sent already is not sent again."""
    aws.fleets = {OWN_ACCOUNT: _fleet(1, 2), LINKED: _fleet(2, 3)}
    assert _numbers(SweepingFunction(listener.url, TAG_ROLE_ARNS=ROLE).sweep()) == (3, 4, 0)


def test_bucket_that_refuses(aws: TaggingApi, listener: Listener, store: ObjectStore) -> None:
    """Without the bucket everything is sent; both errors name a permission."""
    aws.fleets = {OWN_ACCOUNT: _fleet(1)}
    store.refused = "AccessDenied"
    swept = SweepingFunction(listener.url, BACKUP_BUCKET="bucket").sweep()
    assert _numbers(swept) == (1, 1, 2)
    assert all(
        word in line for word, line in zip(("GetObject", "PutObject"), swept.errors, strict=True)
    )


def test_damaged_object(aws: TaggingApi, listener: Listener, store: ObjectStore) -> None:
    """It costs the markers of one sweep, and is replaced."""
    function = SweepingFunction(listener.url, BACKUP_BUCKET="bucket")
    store.objects[_OBJECT] = b"damaged"
    aws.fleets = {OWN_ACCOUNT: _fleet(1, 2)}
    assert _numbers(function.sweep()) == (2, 2, 1)
    aws.fleets = {OWN_ACCOUNT: _fleet(1)}
    assert _numbers(function.sweep()) == (1, 1, 0)
    assert _marked(listener) == {instance(2)}


def test_marker_that_is_not_delivered(
    aws: TaggingApi, listener: Listener, store: ObjectStore
) -> None:
    """The next sweep sends it."""
    function = SweepingFunction(listener.url, BACKUP_BUCKET="bucket")
    aws.fleets = {OWN_ACCOUNT: _fleet(1, 2)}
    function.sweep()
    aws.fleets = {OWN_ACCOUNT: _fleet(1)}

    def refuse_markers(received: object) -> Reply:
        values = [it.samples[0].value for it in received.request.timeseries]  # type: ignore[attr-defined]
        return Reply(503 if any(map(math.isnan, values)) else 204)

    listener.reply = refuse_markers
    assert _numbers(function.sweep()) == (1, 1, 1)
    assert not _marked(listener)
    listener.reply = accept
    assert _numbers(function.sweep()) == (1, 1, 0)
    assert _marked(listener) == {instance(2)}
    assert store.objects


def test_end_of_the_time(aws: TaggingApi, listener: Listener, store: ObjectStore) -> None:
    """A sweep without time left sends nothing more, and forgets nothing."""
    function = SweepingFunction(listener.url, BACKUP_BUCKET="bucket")
    aws.fleets = {OWN_ACCOUNT: _fleet(1, 2)}
    function.sweep()
    aws.fleets = {OWN_ACCOUNT: _fleet(1)}
    late = function.sweep(seconds=10)
    assert late.metric("TagsSent") == 0
    assert "time for the sweep was over" in late.errors[0]
    function.sweep()
    assert _marked(listener) == {instance(2)}
    assert store.objects


def test_memory_that_is_too_small(aws: TaggingApi, listener: Listener) -> None:
    """What cannot be converted is an error that says what to do."""
    tags = {f"tag-{number}": "x" * 200 for number in range(50)}
    aws.fleets = {OWN_ACCOUNT: Fleet([(instance(number), tags) for number in range(30)])}
    swept = SweepingFunction(listener.url, AWS_LAMBDA_FUNCTION_MEMORY_SIZE="1").sweep()
    assert _numbers(swept) == (0, 30, 1)
    assert "give the function more memory" in swept.errors[0]


def test_empty_account(listener: Listener, aws: TaggingApi, store: ObjectStore) -> None:
    """An account without tags is no error, and makes no request; the metric shows that."""
    swept = SweepingFunction(listener.url, BACKUP_BUCKET="bucket").sweep()
    assert _numbers(swept) == (0, 0, 0)
    assert not listener.requests
    assert aws.calls
    assert store.objects
