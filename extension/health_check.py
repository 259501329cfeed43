"""`--health-check`: checks the settings, and whether each destination accepts a record."""

from collections.abc import Callable, Mapping
from contextlib import closing

from extension.clocks import Clocks
from extension.destinations import choose
from extension.destinations.destination import Destination
from extension.destinations.responses import Meaning
from extension.errors import ExtensionError
from extension.http_client import HttpClient
from extension.records import LogRecord
from extension.settings import Settings


def health_check(environ: Mapping[str, str], say: Callable[[str], object]) -> int:
    """Send one test record to each destination; return 0 if all accepted it, otherwise 1.

    Args:
        environ: The settings.
        say: Prints a line: one for each destination, one for each setting that is wrong.
    """
    settings = Settings(environ)
    named = {"AWS_LAMBDA_FUNCTION_NAME": "health-check", **environ}
    chosen = choose(settings.destination_names, named, account="")
    for text in (*settings.warnings, *chosen.warnings, *chosen.unusable):
        say(text)
    text = "metric-stream-logs: health check"
    record = LogRecord(Clocks().timestamp(), "function", text, None, "INFO")
    succeeded = bool(chosen.destinations) and not chosen.unusable
    for destination in chosen.destinations:
        failure = _failure(destination, record, settings.request_timeout_ms / 1000)
        say(f"{destination.name}: {f'failed: {failure}' if failure else 'ok'}")
        succeeded = succeeded and not failure
    return 0 if succeeded else 1


def _failure(destination: Destination, record: LogRecord, seconds: float) -> str:
    """Send a record within some seconds; return what went wrong, or nothing."""
    try:
        request = destination.request([destination.encode(record)])
        with closing(HttpClient()) as client:
            result = destination.interpret(client.send(request, seconds), 1)
    except ExtensionError as error:
        return str(error)
    if result.meaning is Meaning.SENT and not result.refused:
        return ""
    return result.detail or result.meaning.value
