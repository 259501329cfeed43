"""What the roles of the stack may do."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from tags.lookups import LOOKUPS
from tests.support.stack import Stack, listed

READ_SECRET = "secretsmanager:GetSecretValue"
DESCRIBE = {"ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"}
READ_TAGS = {
    *("tag:GetResources", "autoscaling:DescribeAutoScalingGroups"),
    *({lookup.action for lookup in LOOKUPS} - {"apigateway:GET"}),
}
"""What AWS does not limit to a resource: of Lambda's network, and of the tags function."""


def policies(stack: Stack) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give each role's name with each statement of its policies."""
    for name, role in stack.of_type("AWS::IAM::Role").items():
        assert not role.get("ManagedPolicyArns"), "a managed policy grants more than is needed"
        for policy in role.get("Policies", []):
            yield from ((name, s) for s in policy["PolicyDocument"]["Statement"])
    for policy in stack.of_type("AWS::IAM::Policy").values():
        for role in policy["Roles"]:
            yield from ((role, s) for s in policy["PolicyDocument"]["Statement"])


def actions(stack: Stack) -> dict[str, set[str]]:
    """Give what each role may do."""
    found: dict[str, set[str]] = {}
    for role, statement in policies(stack):
        found.setdefault(role, set()).update(listed(statement["Action"]))
    return found


def may(stack: Stack, role: str, action: str, resource: str) -> bool:
    """Whether a role may do something to a resource, conditions aside."""
    return any(
        fnmatchcase(resource, one)
        for name, statement in policies(stack)
        if name == role and action in listed(statement["Action"])
        for one in listed(statement["Resource"])
    )
