"""The tags of the fleet behind the sample events, from `tags.csv`."""

import csv
from pathlib import Path

from testing.events.fleet import MONITORING_ACCOUNT
from testing.tagging_api import Fleet

_TAGS = Path(__file__).with_name("tags.csv")


def tagged_fleets() -> dict[str, Fleet]:
    """Return what the tagging API knows of each account; a bucket's ARN has none."""
    lines = _TAGS.read_text(encoding="utf-8").splitlines()
    resources: dict[str, list[tuple[str, dict[str, str]]]] = {}
    for row in csv.DictReader(line for line in lines if not line.startswith("#")):
        account = row["arn"].split(":")[4] or MONITORING_ACCOUNT
        pairs = [pair.partition("=") for pair in row["tags"].split(";") if pair]
        tags = {key: value for key, _, value in pairs}
        resources.setdefault(account, []).append((row["arn"], tags))
    return {account: Fleet(several) for account, several in resources.items()}
