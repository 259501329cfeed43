"""Reading asks AWS's services as moto knows them too, so that not the stand-in alone decides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tags.lookups import PAGES
from testing.aws_environment import REGION, environment_for
from testing.tagging_api import OWN_ACCOUNT
from tests.support.tag_reading import LINKED, ROLE, read_all

# It imports moto.
pytestmark = pytest.mark.slow

TAGS = [{"Key": "Team", "Value": "a"}, {"Key": "Env", "Value": "prod"}]

# The account that moto has, whatever the function's ARN says.
_MOTO = "123456789012"


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Run moto; give what makes clients of it."""
    import boto3  # noqa: PLC0415 - takes a second

    from tests.support.secret_stores import serving_moto  # noqa: PLC0415 - likewise

    with serving_moto(lambda application: application) as url:
        for name, value in environment_for(url).items():
            monkeypatch.setenv(name, value)
        yield boto3.session.Session()


def test_moto(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Resources on several pages, groups, names and a linked account come as they were made."""
    monkeypatch.setitem(PAGES, "PageSize", 1)
    for number in (1, 2):
        session.client("sns").create_topic(Name=f"t-{number}", Tags=TAGS)
    session.client("sns").create_topic(Name="other-team", Tags=[{"Key": "Team", "Value": "b"}])
    session.client("dms").create_replication_instance(
        ReplicationInstanceIdentifier="to-s3", ReplicationInstanceClass="dms.t3.micro", Tags=TAGS
    )
    for name in ("g-1", "g-2"):
        _create_group(session, name)
    reading, linked = read_all(TAG_ROLE_ARNS=ROLE, TAG_FILTERS={"Team": ["a"]}).values()
    assert (reading.account, reading.errors) == (OWN_ACCOUNT, [])
    instance = f"arn:aws:dms:{REGION}:{_MOTO}:rep:to-s3"
    topics = {f"arn:aws:sns:{REGION}:{_MOTO}:t-{number}" for number in (1, 2)}
    assert {it for it in reading.resources if ":autoscaling:" not in it} == {*topics, instance}
    groups = [it for it in reading.resources if ":autoscaling:" in it]
    assert {it.rpartition("/")[2] for it in groups} == {"g-1", "g-2"}
    assert reading.names == {instance: "to-s3"}
    assert all(it.tags == {"Team": "a", "Env": "prod"} for it in reading.resources.values())
    assert (linked.account, linked.errors, linked.resources) == (LINKED, [], {})


def _create_group(session: Any, name: str) -> None:
    client = session.client("autoscaling")
    client.create_launch_configuration(
        LaunchConfigurationName=name, ImageId="ami-1", InstanceType="t3.micro"
    )
    about = {"PropagateAtLaunch": False, "ResourceId": name, "ResourceType": "auto-scaling-group"}
    client.create_auto_scaling_group(
        AutoScalingGroupName=name,
        LaunchConfigurationName=name,
        MinSize=0,
        MaxSize=1,
        AvailabilityZones=[f"{REGION}a"],
        Tags=[{**tag, **about} for tag in TAGS],
    )
