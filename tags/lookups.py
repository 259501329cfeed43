"""What the tagging API does not have: Auto Scaling groups, and names that ARNs lack.

CloudWatch's metrics have the name of a REST API where its ARN has an id, for instance. A lookup is
made only in a sweep in which such an ARN occurs.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from tags.accounts import Account
from tags.errors import calling

PAGES = {"PageSize": 100}
"""What every call that is made here allows."""


class Lookup(NamedTuple):
    """A call that says what ARNs lack.

    Attributes:
        arns: Matches the ARNs that need it; its group is what the answer calls the resource.
        service: The service, as botocore names it.
        operation: The operation, likewise.
        action: The permission that it needs.
        pairs: JMESPath of what the answer calls each resource, and its name.
    """

    arns: re.Pattern[str]
    service: str
    operation: str
    action: str
    pairs: str


def _of(service: str, resource: str) -> re.Pattern[str]:
    return re.compile(f"arn:[^:]+:{service}:[^:]*:[^:]*:{resource}")


LOOKUPS = (
    Lookup(
        _of("apigateway", "/restapis/([^/]+)(?:/stages/[^/]+)?"),
        "apigateway",
        "get_rest_apis",
        "apigateway:GET",
        "items[].[id, name]",
    ),
    Lookup(
        re.compile("(arn:[^:]+:dms:[^:]*:[^:]*:(?:rep|task):.+)"),
        "dms",
        "describe_replication_instances",
        "dms:DescribeReplicationInstances",
        "ReplicationInstances[].[ReplicationInstanceArn, ReplicationInstanceIdentifier]",
    ),
    # A task has the ARN of its instance, and so its name.
    Lookup(
        re.compile("(arn:[^:]+:dms:[^:]*:[^:]*:task:.+)"),
        "dms",
        "describe_replication_tasks",
        "dms:DescribeReplicationTasks",
        "ReplicationTasks[].[ReplicationTaskArn, ReplicationInstanceArn]",
    ),
    Lookup(
        _of("ec2", "transit-gateway-attachment/(.+)"),
        "ec2",
        "describe_transit_gateway_attachments",
        "ec2:DescribeTransitGatewayAttachments",
        "TransitGatewayAttachments[].[TransitGatewayAttachmentId, TransitGatewayId]",
    ),
    Lookup(
        re.compile("(arn:[^:]+:storagegateway:[^:]*:[^:]*:gateway/[^/]+)"),
        "storagegateway",
        "list_gateways",
        "storagegateway:ListGateways",
        "Gateways[].[GatewayARN, GatewayName]",
    ),
)
"""Each line that needs a name in the table of kinds has its lookup here."""


def read_names(account: Account, lookup: Lookup) -> Iterator[tuple[str, str]]:
    """Yield what the answer of a lookup calls each resource, and its name.

    Raises:
        ReadingError: AWS does not answer.
    """
    with calling(account.number, lookup.action):
        pages = account.client(lookup.service).get_paginator(lookup.operation)
        for key, name in pages.paginate(PaginationConfig=PAGES).search(lookup.pairs):
            if key and name:
                yield key, name


def names_by_arn(arns: Iterable[str], found: Mapping[str, str]) -> Mapping[str, str]:
    """Return the names of the resources whose ARNs lack them.

    Args:
        arns: The ARNs of all resources.
        found: The names by what the answers call each resource; some are ARNs that have a name.
    """
    names = {}
    for arn in arns:
        matches = (match for it in LOOKUPS if (match := it.arns.fullmatch(arn)))
        name = next((found[match[1]] for match in matches if match[1] in found), "")
        name = found.get(name, "") if name.startswith("arn:") else name
        if name:
            names[arn] = name
    return names


def read_groups(account: Account) -> Iterator[tuple[str | None, list[dict[str, Any]]]]:
    """Yield ARN and tags of each Auto Scaling group.

    Raises:
        ReadingError: AWS does not answer.
    """
    with calling(account.number, "autoscaling:DescribeAutoScalingGroups"):
        pages = account.client("autoscaling").get_paginator("describe_auto_scaling_groups")
        for group in pages.paginate(PaginationConfig=PAGES).search("AutoScalingGroups[]"):
            yield group.get("AutoScalingGroupARN"), group.get("Tags", [])
