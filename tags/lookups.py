"""What the tagging API does not have: Auto Scaling groups, and names that ARNs lack.

CloudWatch's metrics have the name of a REST API where its ARN has an id, for instance. A lookup is
made only in a sweep in which such an ARN occurs.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from tags.accounts import Account
from tags.errors import calling

PAGES = {"PageSize": 100}
"""What every call that is made here allows."""


class Lookup(NamedTuple):
    """A call that says the names of resources whose ARNs have an id.

    Attributes:
        arns: Matches the ARNs that lack a name; its group is what the answer calls the resource.
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


LOOKUPS = (
    Lookup(
        re.compile("arn:[^:]+:apigateway:[^:]*::/restapis/([^/]+)"),
        "apigateway",
        "get_rest_apis",
        "apigateway:GET",
        "items[].[id, name]",
    ),
    Lookup(
        re.compile("(arn:[^:]+:dms:[^:]*:[^:]*:rep:.+)"),
        "dms",
        "describe_replication_instances",
        "dms:DescribeReplicationInstances",
        "ReplicationInstances[].[ReplicationInstanceArn, ReplicationInstanceIdentifier]",
    ),
    Lookup(
        re.compile("(arn:[^:]+:redshift-serverless:[^:]*:[^:]*:namespace/.+)"),
        "redshift-serverless",
        "list_namespaces",
        "redshift-serverless:ListNamespaces",
        "namespaces[].[namespaceArn, namespaceName]",
    ),
    Lookup(
        re.compile("(arn:[^:]+:redshift-serverless:[^:]*:[^:]*:workgroup/.+)"),
        "redshift-serverless",
        "list_workgroups",
        "redshift-serverless:ListWorkgroups",
        "workgroups[].[workgroupArn, workgroupName]",
    ),
)
"""One for each line of the table of kinds that needs a name; see `tags.kinds.needs_name`."""


def read_names(account: Account, lookup: Lookup, arns: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield ARN and name of each resource whose ARN lacks it; ask nothing if there is none.

    Args:
        account: The account.
        lookup: What to ask.
        arns: The ARNs of all resources.

    Raises:
        ReadingError: AWS does not answer.
    """
    lacking = {match[1]: arn for arn in arns if (match := lookup.arns.fullmatch(arn))}
    if not lacking:
        return
    with calling(account.number, lookup.action):
        pages = account.client(lookup.service).get_paginator(lookup.operation)
        for key, name in pages.paginate(PaginationConfig=PAGES).search(lookup.pairs):
            if key in lacking and name:
                yield lacking[key], name


def read_groups(account: Account) -> Iterator[tuple[str | None, list[dict[str, Any]]]]:
    """Yield ARN and tags of each Auto Scaling group.

    Raises:
        ReadingError: AWS does not answer.
    """
    with calling(account.number, "autoscaling:DescribeAutoScalingGroups"):
        pages = account.client("autoscaling").get_paginator("describe_auto_scaling_groups")
        for group in pages.paginate(PaginationConfig=PAGES).search("AutoScalingGroups[]"):
            yield group.get("AutoScalingGroupARN"), group.get("Tags", [])
