"""What is known of a resource on its way from its tags to its info series."""

from collections.abc import Mapping
from typing import NamedTuple

Dimensions = tuple[tuple[str, str], ...]
"""Names and values of CloudWatch's dimensions, as CloudWatch writes them."""


class TaggedResource(NamedTuple):
    """A resource with its tags.

    Attributes:
        arn: Its ARN, as the tagging API writes it.
        tags: The values of its tags by key, as AWS has them; never empty.
    """

    arn: str
    tags: Mapping[str, str]


class Placement(NamedTuple):
    """Where CloudWatch has metrics of a resource: some resources have several.

    Attributes:
        namespace: CloudWatch's namespace, such as `AWS/EC2`.
        dimensions: The dimensions that identify the resource in its metrics.
    """

    namespace: str
    dimensions: Dimensions


class MeteredResource(NamedTuple):
    """A tagged resource, and where CloudWatch has its metrics.

    Attributes:
        resource: The resource and its tags.
        account: The account that its metrics have, 12 digits.
        region: The region that its metrics have.
        namespace: CloudWatch's namespace.
        dimensions: The dimensions of its metrics.
    """

    resource: TaggedResource
    account: str
    region: str
    namespace: str
    dimensions: Dimensions
