"""Invokes the function with sample events, and shows what arrives.

python -m tools.run [--event PATH] [--listener URL]

Without a listener an embedded receiver accepts what the function sends, and checks it against the
rules of remote write. With one the token is read from the environment variable TOKEN. The last
line of the output is `HTTP <status>: <samples> samples in <series> series`.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testing.events.firehose import ACCESS_KEY
from testing.events.fleet import END_MS
from testing.events.samples import good_events
from testing.invocation import Function, InvocationResult, access_key_of
from testing.receiver import Receiver, accepted_samples
from testing.table import count, table, totals
from tools.children import ROOT

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
        broken_rules: Whether the function broke a rule of remote write.
    """

    status: int
    samples: int
    series: int
    broken_rules: bool = False


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
    parser.add_argument("--event", type=Path, help="a file with one event; default: all samples")
    parser.add_argument("--listener", help="a remote-write URL; its token is read from TOKEN")
    options = parser.parse_args(arguments)
    try:
        events = read_events(options.event, good_events(END_MS))
        total = _send(events, options.listener) if options.listener else _receive(events)
    except UsageError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"HTTP {total.status}: {total.samples} samples in {total.series} series")
    return 0 if total.status == 200 and not total.broken_rules else 1


def read_events(path: Path | None, samples: Iterable[str]) -> dict[str, Any]:
    """Read one event, or these samples where there is no path, by the stems of their names.

    Raises:
        UsageError: A file cannot be read.
    """
    paths = [path] if path else [ROOT / "events" / f"{name}.json" for name in samples]
    try:
        return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read an event: {error}") from error


def _receive(events: Mapping[str, Any]) -> Total:
    """Invoke the function with an embedded receiver, and show what arrives there."""
    with Receiver() as receiver:
        settings = function_settings(events, receiver.url, "local-token")
        function = Function(_UNSET | settings | _LOOPBACK_ONLY)
        statuses = []
        for name, event in events.items():
            before = len(receiver.requests)
            result = function.invoke(event, name)
            arrived = accepted_samples(receiver.requests[before:])
            _show(name, result, f"{count(arrived)} samples in {len(arrived)} series received")
            statuses.append(result.status)
        samples = receiver.accepted_samples()
        print(f"\n{table(samples)}\n")
        print(totals(samples, len(receiver.requests)))
        _show_violations(receiver.violations)
        return Total(max(statuses), count(samples), len(samples), bool(receiver.violations))


def _send(events: Mapping[str, Any], listener: str) -> Total:
    """Invoke the function with a real listener, and show what it reports as sent.

    Nothing can be read back from there, so samples that several events have in common are counted
    for each of them.
    """
    token = os.environ.get("TOKEN", "")
    if not token and os.environ.get("REMOTE_WRITE_AUTH") != "none":
        raise UsageError("set the environment variable TOKEN to the token to send with")
    function = Function(_UNSET | function_settings(events, listener, token or "none"))
    statuses, samples, series = [], 0, 0
    for name, event in events.items():
        result = function.invoke(event, name)
        sent, sent_series = result.metric("SamplesSent"), result.logged("series")
        _show(name, result, f"{sent} samples in {sent_series} series sent", secret=token)
        statuses.append(result.status)
        samples += sent
        series += sent_series
    return Total(max(statuses), samples, series)


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


def _show(name: str, result: InvocationResult, counted: str, secret: str = "") -> None:
    """Print the result of one event.

    Args:
        name: The event's name.
        result: The function's response and log.
        counted: The text for samples and series.
        secret: Replaced by `***`, since a response may quote it.
    """
    lines = [f"{name}: {result.summary}, {counted}", f"  {result.response}"]
    lines += [f"  {warning}" for warning in result.warnings]
    for line in lines:
        print(line.replace(secret, "***") if secret else line)


def _show_violations(violations: Sequence[str]) -> None:
    """Print the first broken rules, and the number of the others."""
    for violation in violations[:_VIOLATIONS_SHOWN]:
        print(f"remote write: {violation}")
    if len(violations) > _VIOLATIONS_SHOWN:
        print(f"remote write: {len(violations) - _VIOLATIONS_SHOWN} more")


if __name__ == "__main__":
    sys.exit(main())
