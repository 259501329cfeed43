"""Where CloudWatch has the metrics of a resource: from its ARN, by a table of kinds.

The table is kinds.tsv, a line for each kind of resource and namespace. Its columns:

- arn: service and resource of the ARN, such as `ecs:service/{cluster}/{service}`. A `{part}` is one
  character or more, but no slash and no colon; a `{part...}` may have slashes. Partition, region
  and account may be any.
- namespace: CloudWatch's namespace.
- dimensions: those that identify the resource in its metrics, as `Name={part}`, with a comma and a
  space between two. Beside parts, a value may have `{arn}`, which is the whole ARN, `{account}`,
  `{region}`, and `{looked up}`: what the service calls a resource whose ARN has only an id.
- home: for global resources, the region of partition `aws` that has their metrics.
- arn source: the page of AWS's Service Authorization Reference that has the ARN, without `.html`,
  below https://docs.aws.amazon.com/service-authorization/latest/reference/
- metrics source: the service's page that has the dimensions, below https://docs.aws.amazon.com/

Where an ARN does not say which of several namespaces has the metrics, all of them have a line: a
database of DocumentDB or Neptune has the ARN of an RDS one, and any load balancer has the same
target groups. Dimensions are no more than a join needs, so a volume of FSx has no FileSystemId:
otherwise a join by FileSystemId would find the file system and its volumes.
"""

import csv
import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tags.arns import Arn
from tags.resource import Dimensions, Placement

TABLE = Path(__file__).with_name("kinds.tsv")

LOOKED_UP = "looked up"
"""What stands in the dimensions for a name that the ARN does not have."""

GLOBAL_REGIONS = {
    "aws-cn": "cn-northwest-1",
    "aws-eusc": "eusc-de-east-1",
    "aws-iso": "us-iso-east-1",
    "aws-iso-b": "us-isob-east-1",
    "aws-iso-e": "eu-isoe-west-1",
    "aws-iso-f": "us-isof-south-1",
    "aws-us-gov": "us-gov-west-1",
}
"""The region of each partition but `aws` that serves its global services: `implicitGlobalRegion` in
the partitions of AWS's SDKs. In `aws` it depends on the service, so the table has it."""


class Kind(NamedTuple):
    """A line of the table.

    Attributes:
        service: The service in the ARN.
        resource: What matches the resource in the ARN, with a group for each part.
        namespace: CloudWatch's namespace.
        dimensions: Names, and values with parts in braces.
        home: The region of partition `aws` that has the metrics of a global resource, or empty.
    """

    service: str
    resource: re.Pattern[str]
    namespace: str
    dimensions: Dimensions
    home: str

    @property
    def needs_name(self) -> bool:
        """Whether a dimension has a name that the ARN does not have."""
        return any(f"{{{LOOKED_UP}}}" in value for _, value in self.dimensions)


def placements_of(arn: Arn, names: Mapping[str, str]) -> tuple[Placement, ...]:
    """Return where CloudWatch has the metrics of a resource.

    Args:
        arn: The resource.
        names: By ARN, the names that ARNs do not have: those of the ARNs that `needs_name` selects.

    Returns:
        One for each kind of the resource; none of a kind whose name is not among the names.
    """
    placements = []
    for kind, parts in _matches(arn):
        values = parts | {
            "arn": str(arn),
            "account": arn.account,
            "region": arn.region,
            LOOKED_UP: names.get(str(arn), ""),
        }
        dimensions = tuple((name, value.format_map(values)) for name, value in kind.dimensions)
        # CloudWatch has no dimension with an empty value.
        if all(value for _, value in dimensions):
            placements.append(Placement(kind.namespace, dimensions))
    return tuple(placements)


def needs_name(arn: Arn) -> bool:
    """Return whether an ARN lacks a name that the dimensions of its metrics have."""
    return any(kind.needs_name for kind, _ in _matches(arn))


def home_region(arn: Arn) -> str | None:
    """Return the region that has the metrics of a global resource, or None for a regional one."""
    for kind, _ in _matches(arn):
        if kind.home:
            return GLOBAL_REGIONS.get(arn.partition, kind.home)
    return None


def _matches(arn: Arn) -> Iterator[tuple[Kind, dict[str, str]]]:
    for kind in _kinds_by_service().get(arn.service, ()):
        if found := kind.resource.fullmatch(arn.resource):
            yield kind, found.groupdict()


@functools.cache
def _kinds_by_service() -> Mapping[str, Sequence[Kind]]:
    kinds: dict[str, list[Kind]] = {}
    for kind in read_kinds():
        kinds.setdefault(kind.service, []).append(kind)
    return kinds


def read_kinds() -> list[Kind]:
    """Return the lines of the table, in its order."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return [_kind(line) for line in csv.DictReader(file, delimiter="\t")]


def _kind(line: Mapping[str, str]) -> Kind:
    service, _, resource = line["arn"].partition(":")
    dimensions = tuple(
        (name, value)
        for name, _, value in (pair.partition("=") for pair in line["dimensions"].split(", "))
    )
    return Kind(service, _pattern(resource), line["namespace"], dimensions, line["home"])


def _pattern(resource: str) -> re.Pattern[str]:
    # Odd pieces are names of parts.
    pieces = re.split(r"\{(\w+(?:\.\.\.)?)\}", resource)
    for index, piece in enumerate(pieces):
        if index % 2 == 0:
            pieces[index] = re.escape(piece)
        elif piece.endswith("..."):
            pieces[index] = f"(?P<{piece[:-3]}>[^:]+)"
        else:
            pieces[index] = f"(?P<{piece}>[^/:]+)"
    return re.compile("".join(pieces))
