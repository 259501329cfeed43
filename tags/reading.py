"""The tagged resources of an account, and what their ARNs do not say.

GetResources has nearly all: Resource Groups Tagging API Reference, "GetResources". What it does not
have comes from `tags.lookups`.
"""

import contextlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field

from botocore.exceptions import ClientError

from handler.secrets import error_code
from tags.accounts import Account
from tags.errors import ReadingError, calling
from tags.lookups import LOOKUPS, PAGES, read_groups, read_names
from tags.resource import TaggedResource
from tags.settings import Filters, TagSettings

Tags = Iterable[Mapping[str, str]]
"""Tags as AWS's answers have them, each with `Key` and `Value`."""

# "A PaginationToken is valid for a maximum of 15 minutes." - GetResources
_EXPIRED = "PaginationTokenExpiredException"
_MOST_BEGINNINGS = 3

_ACCOUNTS_AT_ONCE = 4


@dataclass
class AccountReading:
    """What was read of an account.

    Attributes:
        account: The account, 12 digits.
        region: The region that was read.
        resources: By ARN, the resources that have exported tags.
        names: By ARN, the names that ARNs do not have; see `tags.lookups`.
        damaged: How many items had no ARN.
        errors: What could not be read. If there is any, resources may be missing.
    """

    account: str
    region: str
    resources: dict[str, TaggedResource] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    damaged: int = 0
    errors: list[ReadingError] = field(default_factory=list)

    def add(self, arn: str | None, tags: Tags, settings: TagSettings) -> None:
        """Add an item of an answer, if it has tags that TAG_FILTERS and EXPORTED_TAGS want."""
        if not arn:
            self.damaged += 1
            return
        # Thousands of resources have the same keys and values: each text is kept once.
        texts = {
            sys.intern(tag["Key"]): sys.intern(tag.get("Value") or "")
            for tag in tags
            if "Key" in tag
        }
        exported = {key: value for key, value in texts.items() if settings.exports(key)}
        if exported and settings.selects(texts):
            self.resources[arn] = TaggedResource(arn, exported)

    @contextlib.contextmanager
    def noting_error(self) -> Iterator[None]:
        """Note that something cannot be read, and go on."""
        try:
            yield
        except ReadingError as error:
            self.errors.append(error)


def read_accounts(accounts: Iterable[Account], settings: TagSettings) -> Iterator[AccountReading]:
    """Read accounts, several at once, and yield each as soon as it is read.

    So one that does not answer delays no other. Errors are in what is yielded.
    """
    pool = ThreadPoolExecutor(_ACCOUNTS_AT_ONCE)
    try:
        # No name for the list, which would keep all accounts in memory.
        for read in as_completed([pool.submit(read_account, it, settings) for it in accounts]):
            yield read.result()
    finally:
        # Where nothing can be sent, the accounts that are left are not read.
        pool.shutdown(cancel_futures=True)


def read_account(account: Account, settings: TagSettings) -> AccountReading:
    """Read the tagged resources of an account, and the names that their ARNs lack.

    Args:
        account: The account.
        settings: Which resources and tags are wanted.

    Returns:
        What could be read, and the errors of what could not.
    """
    reading = AccountReading(account.number, account.region)
    with reading.noting_error():
        account.assume_role()
    if reading.errors:
        return reading
    with reading.noting_error():
        for arn, tags in read_tagged(account, settings.filters):
            reading.add(arn, tags, settings)
    with reading.noting_error():
        for arn, tags in read_groups(account):
            reading.add(arn, tags, settings)
    for lookup in LOOKUPS:
        with reading.noting_error():
            reading.names.update(read_names(account, lookup, reading.resources))
    return reading


def read_tagged(account: Account, filters: Filters) -> Iterator[tuple[str | None, Tags]]:
    """Yield ARN and tags of each resource that has tags, or had some once.

    Pages may be short or empty. When a token has expired, reading begins anew, and the resources
    come again.

    Args:
        account: The account.
        filters: The tags that resources must have.

    Raises:
        ReadingError: AWS does not answer, or tokens expire again and again.
    """
    wanted = [{"Key": key, "Values": list(values)} for key, values in filters.items()]
    with calling(account.number, "tag:GetResources"):
        pages = account.client("resourcegroupstaggingapi").get_paginator("get_resources")
        for beginning in range(1, _MOST_BEGINNINGS + 1):
            try:
                for page in pages.paginate(TagFilters=wanted, PaginationConfig=PAGES):
                    for item in page["ResourceTagMappingList"]:
                        yield item.get("ResourceARN"), item.get("Tags", [])
                return
            except ClientError as error:
                if error_code(error) != _EXPIRED or beginning == _MOST_BEGINNINGS:
                    raise
