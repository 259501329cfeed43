"""`--health-check`: are the settings right, and does each destination take a record?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extension.clocks import real_clocks
from extension.destinations import choose
from extension.destinations.destination import Meaning
from extension.errors import ExtensionError
from extension.http_client import HttpClient
from extension.records import FunctionIdentity, LogRecord
from extension.secrets import fetch_secret
from extension.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from extension.destinations.destination import Destination

# Nothing waits for this: long enough for any destination that would do in an invocation.
_SECONDS = 5.0


def health_check(environ: Mapping[str, str], say: Callable[[str], object]) -> int:
    """
    Send one test record to each destination; return 0 if all took it, otherwise 1.

    Args:
        environ: The settings.
        say: Prints a line: one for each destination, one for each setting that is wrong.
    """
    clocks = real_clocks()
    settings = read_settings(environ)
    identity = FunctionIdentity(
        environ.get("AWS_LAMBDA_FUNCTION_NAME", "health-check"),
        environ.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
        environ.get("AWS_REGION", ""),
        "",
    )
    chosen = choose(
        settings.destination_names,
        environ,
        identity,
        lambda reference: fetch_secret(reference, environ, now=clocks.wall),
        clocks.wall,
    )
    for text in (*settings.warnings, *chosen.problems):
        say(text)
    record = LogRecord(
        clocks.timestamp(), "function", "metric-stream-logs: health check", None, "INFO"
    )
    failures = [_failure(destination, record) for destination in chosen.destinations]
    for destination, failure in zip(chosen.destinations, failures):
        say(f"{destination.name}: {f'failed: {failure}' if failure else 'ok'}")
    return 1 if any(failures) or chosen.problems or not chosen.destinations else 0


def _failure(destination: Destination, record: LogRecord) -> str:
    """Send a record; return what went wrong, or nothing."""
    client = HttpClient()
    try:
        request = destination.request([destination.encode(record)])
        verdict = destination.interpret(client.send(request, _SECONDS), 1)
    except ExtensionError as error:
        return str(error)
    finally:
        client.close()
    if verdict.meaning is Meaning.SENT and not verdict.refused:
        return ""
    return verdict.detail or verdict.meaning.value
