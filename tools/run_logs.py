"""Runs the function under the fake Lambda services with the extension, and shows its logs.

python -m tools.run_logs [--event PATH] [--destination NAME]

The function sends its metrics to an embedded receiver, and the extension the function's logs to an
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

from testing.lambda_services.extension_process import ExtensionProcess
from testing.lambda_services.faults import FunctionInfo
from testing.lambda_services.function_process import FunctionProcess
from testing.lambda_services.invocation import Invocation
from testing.lambda_services.services import LambdaServices
from testing.log_destinations import DESTINATIONS
from testing.log_destinations.destination import LogDestination
from testing.log_destinations.log_table import log_table, row_of
from testing.ports import free_port
from testing.receiver import Receiver
from tools.children import ROOT
from tools.run import UsageError, function_settings, read_events

_EXTENSION = ROOT / "extension" / "metric-stream-logs"
# A delivery that is accepted, and one that causes more log lines.
_EVENTS = ("http-api-v2-otlp-1.0", "malformed-record")
# The prefix of the extension's lines at the level `debug`, and of its counts at the end.
_DEBUG = "metric-stream-logs: debug: "
_BEFORE_COUNTS = " at shutdown: "
# Generous, so that a busy machine loses no lines.
_FLUSH_BUDGET_MS, _SHUTDOWN_SECONDS = 30_000, 60.0
_HANDLER = "handler.app.lambda_handler"


@dataclass(frozen=True, slots=True)
class RunResult:
    """The result of the run.

    Attributes:
        printed: Number of lines that the function printed.
        arrived: Number of its records that the destination acknowledged.
        problems: What the destination and the extension reported.
    """

    printed: int
    arrived: int
    problems: tuple[str, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: The command line without the program's name; None: the process's own.

    Returns:
        Exit status: 0 when every line arrived without a problem, 1 when not, 2 for a usage error.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tools.run_logs",
        description="Invoke the function with sample events, and show the logs that arrive.",
    )
    parser.add_argument("--event", type=Path, help="a file with one event; default: two samples")
    parser.add_argument("--destination", choices=sorted(DESTINATIONS), default="logzio")
    options = parser.parse_args(arguments)
    try:
        events = read_events(options.event, _EVENTS)
    except UsageError as error:
        print(error, file=sys.stderr)
        return 2
    with Receiver() as metrics, DESTINATIONS[options.destination]() as logs:
        result = run(events, metrics, logs)
    for problem in result.problems:
        print(problem)
    print(f"{result.printed} lines printed, {result.arrived} of them arrived")
    return 1 if result.problems or result.arrived != result.printed else 0


def run(events: Mapping[str, Any], metrics: Receiver, logs: LogDestination) -> RunResult:
    """Invoke the function with each event, end its environment, and print what arrived.

    Args:
        events: Lambda events by name.
        metrics: Where the function sends.
        logs: Where the extension sends.
    """
    info = FunctionInfo(name="metric-stream-lambda", handler=_HANDLER)
    # An event may name a listener of its own, which must not be reached from here.
    loopback_only = {"LISTENER_ALLOWED_HOSTS": "127.0.0.1"}
    settings = function_settings(events, metrics.url, "local-token") | loopback_only
    with contextlib.ExitStack() as stack:
        services = stack.enter_context(
            LambdaServices(function=info, shutdown_seconds=_SHUTDOWN_SECONDS)
        )
        extension = stack.enter_context(
            ExtensionProcess(
                services,
                _EXTENSION,
                _extension_settings(logs),
                python=(sys.executable, "-I", "-S", _EXTENSION.parent / "__main__.py"),
            )
        )
        extension.wait_ready()
        function = stack.enter_context(FunctionProcess(services, _HANDLER, settings))
        function.wait_ready()
        for name, event in events.items():
            _show(name, services.invoke_function(event))
        ended = extension.shutdown()
        output = extension.output.decode(errors="replace").splitlines()
        printed = len(function.lines)
    print(f"\n{log_table(logs.records)}\n")
    print(f"lines printed by the function: {printed}")
    counts = [line.rpartition(_BEFORE_COUNTS)[2] for line in output if _BEFORE_COUNTS in line]
    print(f"records, as the extension counts: {', '.join(counts) or 'unknown'}")
    problems = [f"{logs.name}: {words}" for words in (*logs.violations, *logs.invalid)]
    problems += [line for line in output if not line.startswith(_DEBUG)]
    if ended.exit_code != 0:
        problems.append(f"the extension ended with {ended.exit_code}, killed: {ended.killed}")
    arrived = [row_of(record).type for record, _ in logs.acknowledged].count("function")
    return RunResult(printed, arrived, tuple(problems))


def _show(name: str, invocation: Invocation) -> None:
    """Print the result of one event."""
    response = json.loads(invocation.response or b"null")
    status = response.get("statusCode") if isinstance(response, dict) else None
    result = f"HTTP {status}" if status else "answered"
    print(f"{name}: {'failed' if invocation.failed else result}, request {invocation.request_id}")
    print(f"  {1000 * invocation.added_seconds:.0f} ms added by the extension")


def _extension_settings(logs: LogDestination) -> dict[str, str]:
    """Return the extension's variables."""
    return {
        **logs.environment,
        "TELEMETRY_TYPES": "function,platform",
        "RECEIVER_PORT": str(free_port()),
        "FLUSH_BUDGET_MS": str(_FLUSH_BUDGET_MS),
        # At this level it reports its counts when it ends.
        "EXTENSION_LOG_LEVEL": "debug",
    }


if __name__ == "__main__":
    sys.exit(main())
