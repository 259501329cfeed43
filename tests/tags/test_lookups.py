"""What GetResources does not have: Auto Scaling groups, and names that ARNs lack."""

import re

import pytest

from tags.arns import parse_arn
from tags.kinds import needs_name, placements_of, read_kinds
from tags.lookups import LOOKUPS
from testing.aws_environment import REGION
from testing.tagging_api import OWN_ACCOUNT, AwsError, Call, Fleet, TaggingApi
from tests.support.tag_reading import GET_RESOURCES, GROUPS, instance, read_own

REST_API = f"arn:aws:apigateway:{REGION}::/restapis/a1b2c3"
INSTANCE = f"arn:aws:dms:{REGION}:{OWN_ACCOUNT}:rep:ABC"
NAMESPACE = f"arn:aws:redshift-serverless:{REGION}:{OWN_ACCOUNT}:namespace/0-1"
WORKGROUP = f"arn:aws:redshift-serverless:{REGION}:{OWN_ACCOUNT}:workgroup/0-2"

ALWAYS = {GET_RESOURCES, GROUPS}

CASES = {
    REST_API: (
        "apigateway:GET /restapis",
        {"item": [{"id": "other", "name": "n"}, {"id": "a1b2c3", "name": "My API"}]},
        "My API",
    ),
    INSTANCE: (
        "dms:DescribeReplicationInstances",
        {
            "ReplicationInstances": [
                {"ReplicationInstanceArn": INSTANCE, "ReplicationInstanceIdentifier": "to-s3"}
            ]
        },
        "to-s3",
    ),
    NAMESPACE: (
        "redshift-serverless:ListNamespaces",
        {"namespaces": [{"namespaceArn": NAMESPACE, "namespaceName": "sales"}]},
        "sales",
    ),
    WORKGROUP: (
        "redshift-serverless:ListWorkgroups",
        {"workgroups": [{"workgroupArn": WORKGROUP, "workgroupName": "analysts"}]},
        "analysts",
    ),
}
"""By ARN: what is called, the reply, and the name."""


def tagged(*arns: str) -> Fleet:
    """Return a fleet of resources, with the replies to all lookups."""
    return Fleet(
        [(arn, {"Team": "a"}) for arn in arns],
        replies={call: reply for call, reply, _ in CASES.values()},
    )


@pytest.mark.parametrize("arn", CASES)
def test_name(aws: TaggingApi, arn: str) -> None:
    """The name that an ARN lacks is looked up, and CloudWatch's dimensions have it."""
    call, _, name = CASES[arn]
    aws.fleets = {OWN_ACCOUNT: tagged(arn, instance(1))}
    reading = read_own()
    assert (reading.names, reading.errors) == ({arn: name}, [])
    assert {it.action for it in aws.calls} == ALWAYS | {call}
    (placement,) = placements_of(parse_arn(arn), reading.names)
    assert placement.dimensions[0][1] == name


def test_nothing_is_looked_up_without_need(aws: TaggingApi) -> None:
    """Where no ARN lacks a name, nothing but GetResources and the groups is called."""
    stage = f"{REST_API}/stages/prod"
    aws.fleets = {OWN_ACCOUNT: tagged(instance(1), stage, f"{INSTANCE}".replace("rep", "task"))}
    assert read_own().errors == []
    assert {it.action for it in aws.calls} == ALWAYS


@pytest.mark.parametrize("arn", CASES)
def test_unknown_name(aws: TaggingApi, arn: str) -> None:
    """A resource that the lookup does not know has no name, which is no error."""
    aws.fleets = {OWN_ACCOUNT: tagged(re.sub(".$", "9", arn))}
    reading = read_own()
    assert (reading.names, reading.errors) == ({}, [])


@pytest.mark.parametrize("arn", CASES)
def test_denied(aws: TaggingApi, arn: str) -> None:
    """A lookup that is denied costs the names that it has, and nothing else."""
    aws.fleets = {OWN_ACCOUNT: tagged(*CASES)}

    def deny(call: Call) -> None:
        if call.action == CASES[arn][0]:
            raise AwsError("AccessDeniedException")

    aws.before = deny
    reading = read_own()
    assert reading.names == {it: name for it, (_, _, name) in CASES.items() if it != arn}
    assert [*reading.resources] == [*CASES]
    (error,) = reading.errors
    (lookup,) = (it for it in LOOKUPS if it.arns.fullmatch(arn))
    assert str(error).endswith(f"the role that reads this account needs {lookup.action}")


def test_every_kind_without_a_name_has_its_lookup() -> None:
    """The ARNs of all kinds that need a name are those that lookups read."""
    services = [it.service for it in read_kinds() if it.needs_name]
    assert sorted(services) == sorted(parse_arn(arn).service for arn in CASES)
    assert all(needs_name(parse_arn(arn)) for arn in CASES)


def test_groups(aws: TaggingApi) -> None:
    """The tags of all Auto Scaling groups are read, page after page."""
    groups = {f"g <{number}>": {"Team": f"&{number}"} for number in range(250)}
    aws.fleets = {OWN_ACCOUNT: Fleet(groups=groups | {"untagged": {}})}
    resources = read_own().resources
    assert {arn.rpartition("/")[2]: it.tags for arn, it in resources.items()} == groups
    assert aws.count(GROUPS) == 3
    assert all(placements_of(parse_arn(arn), {}) for arn in resources)


def test_groups_are_denied(aws: TaggingApi) -> None:
    """Where the groups cannot be read, the other resources are."""
    aws.fleets = {OWN_ACCOUNT: tagged(instance(1))}

    def deny(call: Call) -> None:
        if call.action == GROUPS:
            raise AwsError("AccessDenied")

    aws.before = deny
    reading = read_own()
    assert [*reading.resources] == [instance(1)]
    assert [error.action for error in reading.errors] == [GROUPS]
