"""The tags of an account are read from GetResources, page after page."""

from collections.abc import Callable

import pytest

from tags.reading import AccountReading
from tags.settings import read_tag_settings
from testing.aws_environment import REGION
from testing.http_server import HttpServer, Reply, Request
from testing.tagging_api import OWN_ACCOUNT, AwsError, Call, Fleet, TaggingApi
from tests.support.clocks import WaitedTime
from tests.support.tag_reading import GET_RESOURCES, GROUPS, ROLE, instance, read_all, read_own


def fleet_of(count: int) -> Fleet:
    """Return a fleet of instances with one tag each."""
    return Fleet([(instance(number), {"Team": f"t{number % 7}"}) for number in range(count)])


@pytest.mark.slow
@pytest.mark.parametrize(("resources", "calls"), [(0, 1), (100, 1), (101, 2), (50_000, 500)])
def test_calls(aws: TaggingApi, resources: int, calls: int) -> None:
    """A hundred resources take a call, at most ten calls a second."""
    time = WaitedTime()
    aws.fleets = {OWN_ACCOUNT: fleet_of(resources)}
    reading = read_own(time.clock)
    assert len(reading.resources) == resources
    assert reading.errors == []
    assert aws.count(GET_RESOURCES) == calls
    # The Auto Scaling groups take one more, in a tenth of a second.
    assert time.now == pytest.approx(calls / 10)


@pytest.mark.parametrize(
    "size",
    [
        lambda _number, _asked: 7,
        lambda number, asked: asked if number % 2 else 0,
        lambda number, asked: 0 if number < 4 else asked,
        lambda number, _asked: number % 3,
    ],
    ids=["short", "every other one empty", "empty at first", "all sizes"],
)
def test_short_pages(aws: TaggingApi, size: Callable[[int, int], int]) -> None:
    """A page that is short, or empty, is not the last one as long as there is a token."""
    aws.fleets = {OWN_ACCOUNT: fleet_of(30)}
    aws.page_size = size
    assert [*read_own().resources] == [instance(number) for number in range(30)]


@pytest.mark.parametrize(("expirations", "complete"), [(1, True), (2, True), (3, False)])
def test_expired_tokens(aws: TaggingApi, expirations: int, complete: bool) -> None:
    """Reading begins anew when a token has expired, at most twice; no resource comes twice."""
    aws.fleets = {OWN_ACCOUNT: fleet_of(30)}
    aws.page_size = lambda _number, _asked: 10
    left = [*range(expirations)]

    def expire(call: Call) -> None:
        if "PaginationToken" in call.asked and left:
            left.pop()
            aws.expire_tokens()

    aws.before = expire
    reading = read_own()
    assert len(reading.resources) == (30 if complete else 10)
    assert (reading.errors == []) == complete
    assert aws.count(GET_RESOURCES) == 2 * expirations + 3 * complete


def test_expired_token_brings_newer_tags(aws: TaggingApi) -> None:
    """What is read again after an expired token takes the place of what was read before."""
    aws.fleets = {OWN_ACCOUNT: fleet_of(2)}
    aws.page_size = lambda _number, _asked: 1

    def expire(call: Call) -> None:
        if call.asked.get("PaginationToken") == "page-2":
            aws.fleets = {OWN_ACCOUNT: Fleet([(instance(0), {"Team": "new"})])}
            aws.expire_tokens()

    aws.before = expire
    assert read_own().resources[instance(0)].tags == {"Team": "new"}


def test_without_tags(aws: TaggingApi) -> None:
    """A resource that was tagged once, and has no tags, is no tagged resource."""
    aws.fleets = {OWN_ACCOUNT: Fleet([(instance(1), {}), (instance(2), {"Team": ""})])}
    assert read_own().resources == {instance(2): (instance(2), {"Team": ""})}


def test_damaged(aws: TaggingApi) -> None:
    """An item without an ARN is counted, and the others are read."""
    aws.fleets = {OWN_ACCOUNT: Fleet([("", {"Team": "a"}), (instance(2), {"Team": "b"})])}
    reading = read_own()
    assert (reading.damaged, [*reading.resources], reading.errors) == (1, [instance(2)], [])


def test_damaged_tag() -> None:
    """A tag without a key is left out, and one without a value has an empty one."""
    reading = AccountReading(OWN_ACCOUNT, REGION)
    reading.add(instance(1), [{"Value": "a"}, {"Key": "b"}], read_tag_settings({}))
    assert reading.resources[instance(1)].tags == {"b": ""}


class Stranger(HttpServer):
    """A server that is not AWS, such as a proxy that wants a password."""

    def respond(self, request: Request) -> Reply:
        """Reply with success, and a page that nobody has asked for."""
        return Reply(200, body=f"<html>{request.path}</html>".encode())


def test_answers_of_a_stranger(aws: TaggingApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers that are not AWS's are errors, and do not mean that there are no resources."""
    with Stranger() as stranger:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{stranger.port}")
        readings = read_all(TAG_ROLE_ARNS=ROLE)
    assert [[error.action for error in it.errors] for it in readings.values()] == [
        ["tag:GetResources", GROUPS],
        ["sts:AssumeRole"],
    ]
    assert aws.calls == []


TAGS = {"Team": "a", "team": "b", "aws:cloudformation:stack-name": "s", "Name": "ä 😀"}


@pytest.mark.parametrize(
    ("exported", "keys"),
    [
        ("", [*TAGS]),
        ("*", [*TAGS]),
        ("Team", ["Team"]),
        ("team, aws:cloudformation:stack-name", ["team", "aws:cloudformation:stack-name"]),
        ('["Name", "Other"]', ["Name"]),
        ("Other", []),
    ],
)
def test_exported_tags(aws: TaggingApi, exported: str, keys: list[str]) -> None:
    """Only the tags of EXPORTED_TAGS are read, exactly; a resource without any is left out."""
    aws.fleets = {OWN_ACCOUNT: Fleet([(instance(1), TAGS)])}
    read = read_own(EXPORTED_TAGS=exported).resources
    expected = {key: TAGS[key] for key in keys}
    assert {arn: it.tags for arn, it in read.items()} == ({instance(1): expected} if keys else {})


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        ({}, [1, 2, 3, 4]),
        ({"Team": []}, [1, 2, 3]),
        ({"Team": ["a"]}, [1]),
        ({"Team": ["a", "b"]}, [1, 2, 3]),
        ({"Team": ["a", "b"], "Env": []}, [1, 3]),
        ({"Team": ["b"], "Env": ["prod"]}, [3]),
        ({"Team": [""]}, []),
        ({"team": ["a"]}, []),
    ],
)
def test_filters(aws: TaggingApi, filters: dict[str, list[str]], numbers: list[int]) -> None:
    """TAG_FILTERS selects resources, and Auto Scaling groups alike; their other tags come too."""
    tags = [
        {"Team": "a", "Env": "test"},
        {"Team": "b"},
        {"Team": "b", "Env": "prod", "Name": "n"},
        {"Env": "prod"},
    ]
    aws.fleets = {
        OWN_ACCOUNT: Fleet(
            [(instance(number), it) for number, it in enumerate(tags, 1)],
            groups={f"g-{number}": it for number, it in enumerate(tags, 1)},
        )
    }
    read = read_own(TAG_FILTERS=filters).resources
    groups = [arn for arn in read if "autoScalingGroupName/" in arn]
    assert [arn for arn in read if arn not in groups] == [instance(number) for number in numbers]
    assert [arn.rpartition("/")[2] for arn in groups] == [f"g-{number}" for number in numbers]
    assert all(it.tags == tags[int(arn[-1]) - 1] for arn, it in read.items())


def test_time_is_over(aws: TaggingApi) -> None:
    """No call begins after the end of the time; what was read until then is kept."""
    aws.fleets = {OWN_ACCOUNT: fleet_of(1_000)}
    reading = read_own(until=0.35)
    assert len(reading.resources) == 400
    assert [str(error) for error in reading.errors] == [
        f"account {OWN_ACCOUNT}: {action}: the time for the sweep was over; TAG_FILTERS selects "
        "fewer resources"
        for action in ("tag:GetResources", "autoscaling:DescribeAutoScalingGroups")
    ]


def test_throttled_for_a_while(aws: TaggingApi, backoffs: list[float]) -> None:
    """A call that AWS throttles is repeated after a backoff, and nothing is missing."""
    aws.fleets = {OWN_ACCOUNT: fleet_of(250)}

    def throttle(call: Call) -> None:
        if call.action == GET_RESOURCES and aws.count(GET_RESOURCES) % 3:
            raise AwsError("ThrottledException")

    aws.before = throttle
    reading = read_own()
    assert (len(reading.resources), reading.errors) == (250, [])
    assert len(backoffs) == 6


@pytest.mark.parametrize(
    ("code", "calls", "said"),
    [
        ("ThrottledException", 5, "what else calls it in this account uses up the limit"),
        ("AccessDeniedException", 1, "the role that reads this account needs tag:GetResources"),
        ("InternalServiceException", 5, "InternalServiceException"),
        ("InvalidParameterException", 1, "InvalidParameterException"),
        ("UnrecognizedClientException", 1, "UnrecognizedClientException"),
    ],
)
def test_refused(aws: TaggingApi, backoffs: list[float], code: str, calls: int, said: str) -> None:
    """What AWS refuses is an error that says what was read and what to do; the rest is read."""
    aws.fleets = {OWN_ACCOUNT: Fleet([(instance(1), {"Team": "a"})], {"g": {"Team": "a"}})}

    def refuse(call: Call) -> None:
        if call.action == GET_RESOURCES:
            raise AwsError(code, 500 if code.startswith("Internal") else 400)

    aws.before = refuse
    reading = read_own()
    assert [arn.rpartition("/")[2] for arn in reading.resources] == ["g"]
    (error,) = reading.errors
    assert (error.account, error.action) == (OWN_ACCOUNT, "tag:GetResources")
    assert str(error).startswith(f"account {OWN_ACCOUNT}: tag:GetResources: {code}: ")
    assert said in str(error)
    assert code in str(error.__cause__)
    assert aws.count(GET_RESOURCES) == calls
    assert len(backoffs) == calls - 1
