"""The Lambda function that replays the stack's backup, invoked by hand.

    aws lambda invoke --function-name NAME --payload '{"dryRun": true}' answer.json

What an event may have, and the defaults::

    {"prefix": "failed/", "dryRun": false, "done": "move", "since": TIME, "until": TIME,
     "limit": N, "rate": SAMPLES_PER_SECOND, "p8sLogzioName": NAME, "namingProfile": NAME,
     "statistics": LIST, "externalLabels": JSON, "dimensionLabels": STYLE,
     "writeRelabelConfigs": RULES}

It ends before its timeout, and returns the result; if `more` is true, invoke it
again to go on.
"""

import dataclasses
import os
import re
import time
from collections.abc import Mapping
from typing import Any

from handler.settings import known_variables
from handler.telemetry import Telemetry
from replay.errors import UsageError
from replay.locations import open_location
from replay.options import MOVE, Options, parse_options, parse_string
from replay.run import Replay
from replay.sending import open_sender

# Work stops this long before Lambda would kill the function: an object may be read and
# converted, and its checkpoint written, between two looks at the clock.
_MARGIN_SECONDS = 20.0

_PREFIX = "failed/"

# The keys of an event beside `prefix`, by the attributes of Options; patience has none.
_KEYS = {
    field.name: re.sub("_(.)", lambda match: match[1].upper(), field.name)
    for field in dataclasses.fields(Options)
    if field.name != "patience"
}


def replay(event: Any, environ: Mapping[str, str], seconds_left: float) -> dict[str, Any]:
    """Replay the objects that an event asks for, or only count what they hold.

    Args:
        event: What to replay, and how.
        environ: The function's environment; BACKUP_BUCKET names the bucket.
        seconds_left: The time until Lambda ends the invocation.

    Returns:
        The result, as JSON.

    Raises:
        UsageError: The event asks for something that cannot be done.
        SettingsError: The settings are wrong.
        SecretError: The token cannot be fetched.
        StoreError: The bucket cannot be listed, or a checkpoint cannot be written.
    """
    end = time.monotonic() + seconds_left - _MARGIN_SECONDS
    known = {"prefix", *_KEYS.values()}
    if not isinstance(event, dict) or event.keys() - known:
        raise UsageError(f"the event must be an object with keys of {', '.join(sorted(known))}")
    given = {"done": MOVE, **event}
    options = parse_options({name: given[k] for name, k in _KEYS.items() if k in given}, _KEYS)
    prefix = parse_string("prefix", given.get("prefix", _PREFIX))
    sender = open_sender(environ, options)
    bucket = environ.get("BACKUP_BUCKET", "")
    if not bucket:
        raise UsageError("BACKUP_BUCKET must name the bucket")
    telemetry = Telemetry(known_variables(environ))
    stores = open_location(f"s3://{bucket}/{prefix}")

    def show(name: str, status: str) -> None:
        telemetry.info(f"{name}: {status}")

    one = Replay(stores, sender, options, show, end=end)
    one.run()
    return one.document()


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """Handle an invocation.

    Args:
        event: What to replay, and how.
        context: Lambda's context object.

    Returns:
        The result; Lambda reports an error to the caller.
    """
    return replay(event, os.environ, context.get_remaining_time_in_millis() / 1000)
