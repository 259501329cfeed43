"""Runs the function under the fake Lambda services with the extension, and shows its logs.

python -m local.run_logs [--event PATH] [--destination NAME]

The function sends its metrics to an embedded receiver, the extension the function's logs to an
embedded log destination. The last line of the output is
`<lines> lines printed, <records> of them arrived`.
"""

import argparse
import contextlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testing.events.firehose import ACCESS_KEY
from testing.invocation import access_key_of
from testing.lambda_services.extension_process import ExtensionProcess
from testing.lambda_services.faults import FunctionInfo
from testing.lambda_services.function_process import FunctionProcess
from testing.lambda_services.invocation import Invocation
from testing.lambda_services.services import LambdaServices
from testing.log_destinations.datatap import DataTapDestination
from testing.log_destinations.destination import LogDestination
from testing.log_destinations.log_table import log_table, row_of
from testing.log_destinations.logzio import LogzioDestination
from testing.log_destinations.loki import LokiDestination
from testing.log_destinations.openobserve import OpenObserveDestination
from testing.ports import free_port
from testing.receiver import Receiver

_PROJECT = Path(__file__).parent.parent
_EXTENSION = _PROJECT / "extension" / "metric-stream-logs"
# A delivery that is taken, and one of which the log has more to tell.
_EVENTS = ("http-api-v2-otlp-1.0", "malformed-record")
# How the extension begins what it says at the level `debug`, and how it tells its account.
_DEBUG = "metric-stream-logs: debug: "
_BEFORE_ACCOUNT = " at shutdown: "
# So long that a busy machine does not look like a loss of lines.
_FLUSH_BUDGET_MS, _SHUTDOWN_SECONDS = 30_000, 60.0
_HANDLER = "handler.app.lambda_handler"
_DESTINATIONS: dict[str, type[LogDestination]] = {
    it.name: it
    for it in (LogzioDestination, LokiDestination, OpenObserveDestination, DataTapDestination)
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the run came to.

    Attributes:
        printed: Lines that the function printed.
        arrived: Records of the function that the destination acknowledged.
        complaints: What the destination, the extension and the function have to complain of.
    """

    printed: int
    arrived: int
    complaints: tuple[str, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: The command line without the program's name; None: the process's own.

    Returns:
        Exit status: 0 when every line arrived and nothing was wrong, 1 when not, 2 when nothing
        could be tried.
    """
    parser = argparse.ArgumentParser(
        prog="python -m local.run_logs",
        description="Invoke the function with sample events, and show the logs that arrive.",
    )
    parser.add_argument("--event", type=Path, help="a file with one event; default: two samples")
    parser.add_argument("--destination", choices=sorted(_DESTINATIONS), default="logzio")
    options = parser.parse_args(arguments)
    paths = [options.event] if options.event else [_sample(name) for name in _EVENTS]
    try:
        events = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}
    except (OSError, ValueError) as error:
        print(f"cannot read an event: {error}", file=sys.stderr)
        return 2
    with Receiver() as metrics, _DESTINATIONS[options.destination]() as logs:
        outcome = run(events, metrics, logs)
    for complaint in outcome.complaints:
        print(complaint)
    print(f"{outcome.printed} lines printed, {outcome.arrived} of them arrived")
    return 1 if outcome.complaints or outcome.arrived != outcome.printed else 0


def _sample(name: str) -> Path:
    """Give the path of a sample event."""
    return _PROJECT / "events" / f"{name}.json"


def run(events: Mapping[str, Any], metrics: Receiver, logs: LogDestination) -> Outcome:
    """Invoke the function with each event, end its environment, and show what arrived.

    Args:
        events: Lambda events by what to call them.
        metrics: Where the function sends to.
        logs: Where the extension sends to.

    Returns:
        What the run came to; what it prints is the rest.
    """
    about = FunctionInfo(name="metric-stream-lambda", handler=_HANDLER)
    settings = _function_settings(events, metrics)
    with contextlib.ExitStack() as stack:
        services = stack.enter_context(
            LambdaServices(function=about, shutdown_seconds=_SHUTDOWN_SECONDS)
        )
        extension = stack.enter_context(
            ExtensionProcess(
                services,
                _EXTENSION,
                _extension_settings(logs),
                python=(sys.executable, "-I", "-S"),
            )
        )
        extension.wait_ready()
        function = stack.enter_context(FunctionProcess(services, _HANDLER, settings))
        function.wait_ready()
        for name, event in events.items():
            _show(name, services.invoke_function(event))
        ended = extension.shutdown()
        said = extension.output.decode(errors="replace").splitlines()
        printed = len(function.lines)
    print(f"\n{log_table(logs.records)}\n")
    print(f"lines printed by the function: {printed}")
    account = [line.rpartition(_BEFORE_ACCOUNT)[2] for line in said if _BEFORE_ACCOUNT in line]
    print(f"records, as the extension counts: {', '.join(account) or 'unknown'}")
    complaints = [f"{logs.name}: {words}" for words in (*logs.violations, *logs.invalid)]
    complaints += [line for line in said if not line.startswith(_DEBUG)]
    if ended.exit_code != 0:
        complaints.append(f"the extension ended with {ended.exit_code}, killed: {ended.killed}")
    arrived = [row_of(record).type for record, _ in logs.acknowledged].count("function")
    return Outcome(printed, arrived, tuple(complaints))


def _show(name: str, invocation: Invocation) -> None:
    """Print what became of one event."""
    response = json.loads(invocation.response or b"null")
    status = response.get("statusCode") if isinstance(response, dict) else None
    words = f"HTTP {status}" if status else "answered"
    print(f"{name}: {'failed' if invocation.failed else words}, request {invocation.request_id}")
    print(f"  {1000 * invocation.added_seconds:.0f} ms added by the extension")


def _function_settings(events: Mapping[str, Any], metrics: Receiver) -> dict[str, str]:
    """Make the variables of the function; a captured event brings an access key of its own."""
    keys = [key for event in events.values() if (key := access_key_of(event))]
    return {
        "LOGZIO_METRICS_LISTENER": metrics.url,
        "LOGZIO_METRICS_TOKEN": "local-token",
        "FIREHOSE_ACCESS_KEY": keys[0] if keys else ACCESS_KEY,
        # An event that names a listener of its own must not reach it from here.
        "LISTENER_ALLOWED_HOSTS": "127.0.0.1",
        "POWERTOOLS_LOG_LEVEL": "INFO",
    }


def _extension_settings(logs: LogDestination) -> dict[str, str]:
    """Make the variables of the extension."""
    return {
        **logs.environment,
        "TELEMETRY_TYPES": "function,platform",
        "RECEIVER_PORT": str(free_port()),
        "FLUSH_BUDGET_MS": str(_FLUSH_BUDGET_MS),
        # At this level it tells its account when it ends.
        "EXTENSION_LOG_LEVEL": "debug",
    }


if __name__ == "__main__":
    sys.exit(main())
