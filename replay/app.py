"""
The Lambda function that replays the stack's backup, invoked by hand.

    aws lambda invoke --function-name NAME --payload '{"dryRun": true}' answer.json

What an event may say, and what is assumed where it does not::

    {"prefix": "failed/", "dryRun": false, "done": "move", "since": TIME, "until": TIME,
     "limit": N, "rate": SAMPLES_PER_SECOND, "p8sLogzioName": NAME}

It ends before its timeout, and answers with the account; `more` says that it
has to be invoked again to go on.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

from handler.telemetry import Telemetry
from replay.display import Lines
from replay.errors import UsageError
from replay.job import Job, parse_count, parse_positive, parse_time, settings_of
from replay.objects import Selection
from replay.places import open_places
from replay.run import MARK, MOVE, Bounds
from replay.shipping import REAL_TIME, Manner, Shipper

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Work stops this long before Lambda would kill the function: an object has to be
# read, converted and noted between two looks at the clock.
_MARGIN_SECONDS = 20.0

_T = TypeVar("_T")

_PREFIX = "failed/"
_KEYS = {"prefix", "dryRun", "done", "since", "until", "limit", "rate", "p8sLogzioName"}


def replay(event: Any, environ: Mapping[str, str], seconds_left: float) -> dict[str, Any]:
    """
    Replay, or look at, the objects that an event asks for.

    Args:
        event: What is asked for.
        environ: The function's environment; BACKUP_BUCKET names the bucket.
        seconds_left: The time until Lambda ends the invocation.

    Returns:
        The account, as JSON.

    Raises:
        UsageError: The event asks for something that cannot be done.
        SettingsError: The settings are wrong.
        SecretError: The token cannot be fetched.
        StoreError: The bucket cannot be listed, or no note can be kept.
    """
    end = REAL_TIME.monotonic() + seconds_left - _MARGIN_SECONDS
    if not isinstance(event, dict) or event.keys() - _KEYS:
        raise UsageError(f"the event must be an object with keys of {', '.join(sorted(_KEYS))}")
    telemetry = Telemetry(environ)
    manner = Manner(
        p8s_logzio_name=_optional(event, "p8sLogzioName", lambda _, text: _text(text)),
        samples_per_second=_optional(event, "rate", parse_positive),
    )
    shipper = Shipper(settings_of(environ), manner)
    done, dry_run = event.get("done", MOVE), event.get("dryRun", False)
    if not isinstance(dry_run, bool):
        raise UsageError(f"dryRun must be true or false, not {dry_run!r}")
    if done not in (MARK, MOVE):
        raise UsageError(f"done must be {MARK} or {MOVE}, not {done!r}")
    bucket = environ.get("BACKUP_BUCKET", "")
    if not bucket:
        raise UsageError("BACKUP_BUCKET must name the bucket")
    job = Job(
        open_places(f"s3://{bucket}/{_text(event.get('prefix', _PREFIX))}"),
        shipper,
        Selection(
            since=_optional(event, "since", lambda _, text: parse_time(_text(text))),
            until=_optional(event, "until", lambda _, text: parse_time(_text(text))),
        ),
        Bounds(done=done, limit=_optional(event, "limit", parse_count), end=end),
        Lines(telemetry.info),
    )
    if dry_run:
        return job.survey()
    job.replay()
    return job.outcome()


def _optional(event: Mapping[str, Any], name: str, parse: Callable[[str, Any], _T]) -> _T | None:
    return parse(name, event[name]) if name in event else None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{value!r} is no text")
    return value


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """
    Answer an invocation.

    Args:
        event: What is asked for.
        context: Lambda's context object.

    Returns:
        The account; an error is Lambda's to tell the caller.
    """
    return replay(event, os.environ, context.get_remaining_time_in_millis() / 1000)
