"""Invokes the function with sample events, and the tags function, and shows what arrives.

python -m tools.run [--event PATH] [--listener URL] [--all]

Without a listener an embedded receiver accepts what the functions send, and checks it against the
rules of remote write. With one it gets a single event, moved to the present, with the token of the
environment variable TOKEN. The last line of the output is about the events:
`HTTP <status>: <samples> samples in <series> series`, and `, <samples> superseded` where a listener
has samples already, or newer ones of their series, as in a second run within minutes.
"""

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from testing.events.firehose import ACCESS_KEY
from testing.events.fleet import END_MS, MINUTE_MS
from testing.events.restamping import restamped
from testing.events.samples import good_events
from testing.invocation import Function, InvocationResult, access_key_of
from testing.receiver import Receiver, accepted_samples
from testing.table import count, every_series, table, totals
from tools.children import ROOT
from tools.run_tags import show_tags

# The ingress and the format that a stack has by default.
DEFAULT_EVENT = ROOT / "events" / "http-api-v2-otlp-1.0.json"

_VIOLATIONS_SHOWN = 20


class UsageError(Exception):
    """The command line or the environment is wrong."""


@dataclass(frozen=True, slots=True)
class Total:
    """The result of all events.

    Attributes:
        status: The worst status.
        samples: Number of samples.
        series: Number of series.
        superseded: Number of samples that the listener refused since it has them, or newer ones.
        failed: Whether other samples were rejected, or the function broke a rule of remote write.
    """

    status: int
    samples: int
    series: int
    superseded: int = 0
    failed: bool = False


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: The command line without the program's name; None: the process's own.

    Returns:
        Exit status: 0 when everything was accepted, 1 when not, 2 for a usage error.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tools.run", description="Invoke the function with sample events."
    )
    parser.add_argument(
        "--event", type=Path, help="a file with one event; default: all samples, or one of them"
    )
    parser.add_argument("--listener", help="a remote-write URL; its token is read from TOKEN")
    parser.add_argument("--all", action="store_true", help="show every series that arrives")
    options = parser.parse_args(arguments)
    try:
        if options.listener:
            total = _send(options.event or DEFAULT_EVENT, options.listener)
        else:
            events = read_events(options.event, good_events(END_MS))
            total = _receive(events, options.all, with_tags=options.event is None)
    except UsageError as error:
        print(error, file=sys.stderr)
        return 2
    return show_total(total)


def end_at_interrupt() -> None:
    """Let Ctrl-C end this process at once, as it ends a program that is not written in Python."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def read_events(path: Path | None, samples: Iterable[str]) -> dict[str, Any]:
    """Read one event, or these samples where there is no path, by the stems of their names.

    Raises:
        UsageError: A file cannot be read.
    """
    paths = [path] if path else [ROOT / "events" / f"{name}.json" for name in samples]
    return {path.stem: read_event(path) for path in paths}


def read_event(path: Path) -> Any:
    """Read an event; raises `UsageError` where the file cannot be read, or is not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read an event: {error}") from error
    except ValueError as error:
        raise UsageError(f"cannot read an event: {path} is not JSON: {error}") from error


def _receive(events: Mapping[str, Any], show_all: bool, *, with_tags: bool) -> Total:
    """Invoke the function, or both, with an embedded receiver, and show what arrives there."""
    with Receiver() as receiver:
        settings = function_settings(events, receiver.url, "local-token")
        environ = _UNSET | settings | _LOOPBACK_ONLY
        function = Function(environ)
        statuses = []
        for name, event in events.items():
            before = len(receiver.requests)
            result = function.invoke(event, name)
            arrived = accepted_samples(receiver.requests[before:])
            counted = f"{count(arrived)} samples in {len(arrived)} series received"
            show_result(name, result, counted, without=_OWN_RECEIVER)
            statuses.append(result.status)
        total = show_arrived(receiver, max(statuses), show_all)
        if with_tags and not show_tags(receiver, environ, show_all):
            total = replace(total, failed=True)
        return total


def _send(path: Path, listener: str) -> Total:
    """Invoke the function with a real listener and one event, and show what it reports as sent.

    Most servers refuse samples of another day, so every data point is moved to the last hour.
    """
    token = os.environ.get("TOKEN", "")
    if not token and os.environ.get("REMOTE_WRITE_AUTH") != "none":
        raise UsageError("set the environment variable TOKEN to the token to send with")
    now_ms = int(time.time() * 1_000)
    event = restamped(read_event(path), now_ms - now_ms % MINUTE_MS, within_an_hour=True)
    settings = function_settings({path.stem: event}, listener, token or "none")
    result = Function(_UNSET | settings).invoke(event, path.stem)
    sent, rejected = result.metric("SamplesSent"), result.metric("SamplesRejected")
    superseded = result.metric("SamplesRejected", "superseded")
    # Nothing can be read back: beside rejected samples this is only the most that it can be.
    series = min(sent, result.logged("series"))
    counted = f"{sent} samples in {series} series sent, {rejected} samples rejected"
    show_result(path.stem, result, counted, secret=token)
    # A second run within minutes sends some samples that the listener does not take again. Where
    # it takes none at all, something else is wrong.
    failed = rejected > (superseded if sent else 0)
    return Total(result.status, sent, series, superseded, failed)


_OWN_RECEIVER = "LOGZIO_METRICS_LISTENER is an http:// URL"
# Variables of the shell that would change the run.
_UNSET: dict[str, str | None] = dict.fromkeys(
    ("LOGZIO_METRICS_TOKEN_ARN", "FIREHOSE_ACCESS_KEY_ARN", "POWERTOOLS_DEV")
)
_LOOPBACK_ONLY = {
    # An event may name a listener of its own, which must not be reached from here.
    "LISTENER_ALLOWED_HOSTS": "127.0.0.1",
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
}


def function_settings(events: Mapping[str, Any], listener: str, token: str) -> dict[str, str]:
    """Return the function's environment variables.

    Args:
        events: A captured event has an access key of its own; the samples share one.
        listener: Where to send.
        token: The token to send with.
    """
    keys = [key for event in events.values() if (key := access_key_of(event))]
    return {
        "AWS_REGION": "us-east-1",
        "LOGZIO_METRICS_LISTENER": listener,
        "LOGZIO_METRICS_TOKEN": token,
        "FIREHOSE_ACCESS_KEY": keys[0] if keys else ACCESS_KEY,
        "POWERTOOLS_LOG_LEVEL": "INFO",
    }


def show_result(
    name: str, result: InvocationResult, counted: str, *, secret: str = "", without: str = ""
) -> None:
    """Print the result of one event.

    Args:
        name: The event's name.
        result: The function's response and log.
        counted: The text for samples and series.
        secret: Replaced by `***`, since a response may quote it.
        without: A part of the warning that is not shown; empty: all are.
    """
    lines = [f"{name}: {result.summary}, {counted}", f"  {result.response}"]
    lines += [f"  {line}" for line in result.warnings if not without or without not in line]
    for line in lines:
        print(line.replace(secret, "***") if secret else line)


def show_arrived(receiver: Receiver, status: int, show_all: bool) -> Total:
    """Print what an embedded receiver has, and return it as a total.

    Args:
        receiver: The receiver.
        status: The worst status of the events.
        show_all: Print every series instead of a table of metrics.
    """
    samples = receiver.accepted_samples()
    print(f"\n{every_series(samples) if show_all else table(samples)}\n")
    print(totals(samples, len(receiver.requests)))
    _show_violations(receiver.violations)
    return Total(status, count(samples), len(samples), failed=bool(receiver.violations))


def show_total(total: Total) -> int:
    """Print the last line, and return the exit status."""
    line = f"HTTP {total.status}: {total.samples} samples in {total.series} series"
    print(f"{line}, {total.superseded} superseded" if total.superseded else line)
    return 0 if total.status == 200 and not total.failed else 1


def _show_violations(violations: Sequence[str]) -> None:
    """Print the first broken rules, and the number of the others."""
    for violation in violations[:_VIOLATIONS_SHOWN]:
        print(f"remote write: {violation}")
    if len(violations) > _VIOLATIONS_SHOWN:
        print(f"remote write: {len(violations) - _VIOLATIONS_SHOWN} more")


if __name__ == "__main__":
    end_at_interrupt()
    sys.exit(main())
