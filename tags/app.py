"""The Lambda function that exports tags, invoked by a schedule.

`TagsFunction._sweep` is the whole flow: accounts -> tagged resources -> where their metrics are ->
info series -> listener; then markers for the series that have ended since the last sweep.
"""

import functools
import os
from collections.abc import Mapping
from typing import Any

from handler.access import read_settings_redacted, unchecked_secrets
from handler.client import Client
from handler.clock import Clock
from handler.errors import HandlerError
from handler.redaction import Redactor
from handler.settings import known_variables
from handler.telemetry import Telemetry, traceback_of
from tags.accounts import accounts
from tags.last_sweep import open_store
from tags.reading import read_accounts
from tags.sending import SeriesSender
from tags.settings import read_tag_settings
from tags.sweep import Sweep

# Work stops this long before Lambda would kill the function: what is sent has to be remembered.
_MARGIN_SECONDS = 15.0

# What reading may take of the time: 240 seconds are enough for some 150,000 resources.
_SHARE_OF_READING = 0.7


class TagsFunction:
    """The function with everything that it keeps from one sweep to the next.

    Args:
        environ: The environment variables.
        clock: Time and chance.
        client: Makes the requests to the listener; None for one over the network.

    Raises:
        SettingsError: One message with every problem found, and without secrets.
    """

    def __init__(
        self, environ: Mapping[str, str], clock: Clock, client: Client | None = None
    ) -> None:
        self._clock = clock
        self._telemetry = Telemetry(known_variables(environ))
        settings = read_settings_redacted(environ)
        self._tag_settings = read_tag_settings(environ)
        self._sender = SeriesSender(settings, clock, self._telemetry, client)
        self._telemetry.redact_with(self._sender.redact)
        bucket = environ.get("BACKUP_BUCKET")
        self._store = open_store(bucket, settings.function_name or "sweep") if bucket else None
        self._warnings = list(settings.warnings)

    def __call__(self, context: Any) -> dict[str, Any]:
        """Sweep once, in the time that the invocation has left; return the numbers.

        Raises:
            HandlerError: There is no token, or it cannot be fetched.
        """
        self._telemetry.add_keys(lambda_request_id=context.aws_request_id)
        while self._warnings:
            self._telemetry.warning(self._warnings.pop(0))
        begun = self._clock.monotonic()
        seconds = context.get_remaining_time_in_millis() / 1000 - _MARGIN_SECONDS
        time_ms = int(self._clock.wall() * 1000)
        sweep = Sweep(self._sender, self._telemetry, time_ms, begun + seconds)
        self._sweep(sweep, context.invoked_function_arn, begun + seconds * _SHARE_OF_READING)
        return sweep.report((self._clock.monotonic() - begun) * 1000)

    def _sweep(self, sweep: Sweep, function_arn: str, until: float) -> None:
        """Send what there is, mark what has ended, and remember it for the next sweep."""
        last: bytes | None = None
        if self._store is not None:
            with sweep.noting_error():
                last = self._store.read()
        found = accounts(function_arn, self._tag_settings, self._clock, until)
        for reading in read_accounts(found, self._tag_settings):
            sweep.send(reading)
            if sweep.stopped:
                break
        if last is not None:
            with sweep.noting_error():
                sweep.end_series(last)
        if self._store is not None:
            with sweep.noting_error():
                self._store.write(sweep.series.content())


_CLOCK = Clock()


@functools.lru_cache(maxsize=1)
def _function(variables: tuple[tuple[str, str], ...]) -> TagsFunction:
    return TagsFunction(dict(variables), _CLOCK)


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:  # noqa: ARG001
    """Sweep once. No exception leaves the function: each error is a log line, and counted.

    Args:
        event: Whatever the schedule sends; it is not read.
        context: Lambda's context object.

    Returns:
        The numbers of the sweep, or why there was none.
    """
    environ = dict(os.environ)
    try:
        return _function(tuple(environ.items()))(context)
    except HandlerError as error:
        return _failed(environ, str(error))
    except Exception as error:  # noqa: BLE001 - the next sweep may succeed
        # The text may repeat anything, a secret too.
        return _failed(environ, "unforeseen error", traceback=traceback_of(error, with_text=False))


def _failed(environ: Mapping[str, str], message: str, **values: str) -> dict[str, Any]:
    """Log and count why a sweep has ended."""
    telemetry = Telemetry(known_variables(environ))
    # A message about the settings may repeat a token in the wrong variable.
    message = Redactor(unchecked_secrets(environ))(message)
    telemetry.error(message, **values)
    telemetry.write_metrics({"TagErrors": 1})
    return {"error": message}
