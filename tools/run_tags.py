"""Sends the tags of the sample fleet with the tags function, and shows the info series."""

from collections.abc import Mapping

from testing.aws_environment import environment_for
from testing.events.fleet import LINKED_ACCOUNT
from testing.events.tags import tagged_fleets
from testing.invocation import Function, result_of
from testing.receiver import Receiver, accepted_samples
from testing.table import count, every_series, info_table
from testing.tagging_api import TaggingApi

# Variables of the shell that would change what is read.
_UNSET: dict[str, str | None] = dict.fromkeys(
    ("AWS_PROFILE", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "BACKUP_BUCKET")
)


def show_tags(receiver: Receiver, settings: Mapping[str, str | None], show_all: bool) -> bool:
    """Sweep once, with a stand-in of AWS, and print what arrives.

    Args:
        receiver: The receiver, which may have other samples already.
        settings: The environment variables of the receiving function.
        show_all: Print every series instead of a table of resources.

    Returns:
        Whether all went well.
    """
    before = len(receiver.requests)
    with TaggingApi(tagged_fleets()) as aws:
        of_tags: dict[str, str | None] = {
            **environment_for(aws.url),
            "TAG_ROLE_ARNS": f"arn:aws:iam::{LINKED_ACCOUNT}:role/tags",
            # A log of its own.
            "POWERTOOLS_SERVICE_NAME": "metric-stream-lambda-tags",
        }
        function = Function({**_UNSET, **settings, **of_tags}, "tags.app")
        report, log = function.call(None, "tags")
    samples = accepted_samples(receiver.requests[before:])
    print(
        f"\ntags: {report.get('resources', 0)} tagged resources, "
        f"{count(samples)} samples in {len(samples)} series received"
    )
    errors = [line for line in result_of(report, log).warnings if line.startswith("ERROR")]
    for line in errors:
        print(f"  {line}")
    if samples:
        print(f"\n{every_series(samples) if show_all else info_table(samples)}")
    print()
    return bool(samples) and report.get("errors") == 0
