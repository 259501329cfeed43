"""Reads the tags of accounts from a stand-in, with a clock that waits for nothing."""

import json
from typing import Any

from handler.clock import Clock
from tags.accounts import accounts
from tags.reading import AccountReading, read_accounts
from tags.settings import read_tag_settings
from testing.aws_environment import REGION
from testing.tagging_api import OWN_ACCOUNT
from tests.support.clocks import WaitedTime

FUNCTION_ARN = f"arn:aws:lambda:{REGION}:{OWN_ACCOUNT}:function:tags"

GET_RESOURCES = "tagging:GetResources"
GROUPS = "autoscaling:DescribeAutoScalingGroups"

LINKED = "444455556666"
ROLE = f"arn:aws:iam::{LINKED}:role/tags"


def instance(number: int, account: str = OWN_ACCOUNT) -> str:
    """Return the ARN of an EC2 instance."""
    return f"arn:aws:ec2:{REGION}:{account}:instance/i-{number}"


def read_all(
    clock: Clock | None = None, until: float = 1e9, **settings: Any
) -> dict[str, AccountReading]:
    """Return what is read of each account, the function's own first.

    Args:
        clock: The clock; None: one that waits for nothing.
        until: When reading ends.
        settings: The settings of the tags function; what is no text is JSON.
    """
    environ = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in settings.items()
    }
    parsed = read_tag_settings(environ)
    found = accounts(FUNCTION_ARN, parsed, clock or WaitedTime().clock, until)
    readings = {reading.account: reading for reading in read_accounts(found, parsed)}
    return {account.number: readings[account.number] for account in found}


def read_own(clock: Clock | None = None, until: float = 1e9, **settings: Any) -> AccountReading:
    """Return what is read of the function's own account."""
    return read_all(clock, until, **settings)[OWN_ACCOUNT]
