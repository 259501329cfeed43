"""Amazon Resource Names, in their parts.

`arn:partition:service:region:account:resource`: six fields, and colons may follow in the last. The
partition is `aws`, or `aws-cn` in China, `aws-us-gov` in GovCloud. Region and account are empty in
the ARNs of some services. Source: the AWS General Reference, "Amazon Resource Names (ARNs)".
"""

from typing import NamedTuple


class Arn(NamedTuple):
    """An ARN in its parts, as AWS writes them; `str()` is the ARN again.

    Attributes:
        partition: Such as `aws`.
        service: Such as `ec2`.
        region: Such as `us-east-1`; empty for global resources, and for buckets.
        account: 12 digits; empty for buckets, and for API Gateway.
        resource: What the service names itself, such as `instance/i-1`.
    """

    partition: str
    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return ":".join(("arn", *self))


def parse_arn(text: str) -> Arn:
    """Return the parts of an ARN.

    Raises:
        ValueError: The text is no ARN: a field is missing, or its partition, service or resource
            is empty.
    """
    fields = text.split(":", 5)
    if len(fields) != 6 or fields[0] != "arn":
        raise ValueError(f"not an ARN: {text!r}")
    arn = Arn(*fields[1:])
    if not (arn.partition and arn.service and arn.resource):
        raise ValueError(f"not an ARN: {text!r}")
    return arn
