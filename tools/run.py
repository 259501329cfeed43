"""Invokes the function with sample events, and shows what arrives.

python -m local.run [--event PATH] [--listener URL]

Without a listener an embedded receiver takes what the function sends, and
holds it to the rules of remote write. With one the token to send with is read
from the environment variable TOKEN. The last line of the output is
`HTTP <status>: <samples> samples in <series> series`.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testing.events.firehose import ACCESS_KEY
from testing.events.fleet import END_MS
from testing.events.samples import good_events
from testing.invocation import Function, Outcome, access_key_of
from testing.receiver import Receiver, accepted_samples
from testing.table import count, table, totals

_EVENTS = Path(__file__).parent.parent / "events"
_VIOLATIONS_SHOWN = 20


class UsageError(Exception):
    """The command line or the environment asks for something that cannot be done."""


@dataclass(frozen=True, slots=True)
class Total:
    """What all events came to.

    Attributes:
        status: The worst status.
        samples: Number of samples.
        series: Number of series.
        broken_rules: Whether something broke a rule of remote write.
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
        Exit status: 0 when everything was accepted, 1 when not, 2 when nothing could be tried.
    """
    parser = argparse.ArgumentParser(
        prog="python -m local.run", description="Invoke the function with sample events."
    )
    parser.add_argument("--event", type=Path, help="a file with one event; default: all samples")
    parser.add_argument("--listener", help="a remote-write URL; its token is read from TOKEN")
    options = parser.parse_args(arguments)
    try:
        events = _events(options.event)
        total = _send(events, options.listener) if options.listener else _receive(events)
    except UsageError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"HTTP {total.status}: {total.samples} samples in {total.series} series")
    return 0 if total.status == 200 and not total.broken_rules else 1


def _events(path: Path | None) -> dict[str, Any]:
    """Read one event, or all samples that are answered with 200.

    Returns:
        Events by the stem of their file's name.
    """
    names = [] if path else list(good_events(END_MS))
    paths = [path] if path else [_EVENTS / f"{name}.json" for name in names]
    try:
        return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read an event: {error}") from error


def _receive(events: Mapping[str, Any]) -> Total:
    """Invoke the function with an embedded receiver behind it, and show what arrives."""
    with Receiver() as receiver:
        function = Function(_settings(events, receiver.url, "local-token") | _LOOPBACK_ONLY)
        statuses = []
        for name, event in events.items():
            before = len(receiver.requests)
            outcome = function.invoke(event, name)
            arrived = accepted_samples(receiver.requests[before:])
            _show(name, outcome, f"{count(arrived)} samples in {len(arrived)} series received")
            statuses.append(outcome.status)
        samples = receiver.accepted_samples()
        print()
        print(table(samples))
        print()
        print(totals(samples, len(receiver.requests)))
        _show_violations(receiver.violations)
        return Total(max(statuses), count(samples), len(samples), bool(receiver.violations))


def _send(events: Mapping[str, Any], listener: str) -> Total:
    """Invoke the function with a real endpoint behind it, and show what it says it sent.

    Nothing can be read back from there, so what several events have in common
    is counted for each of them.
    """
    token = os.environ.get("TOKEN", "")
    if not token and os.environ.get("REMOTE_WRITE_AUTH") != "none":
        raise UsageError("set the environment variable TOKEN to the token to send with")
    function = Function(_settings(events, listener, token or "none"))
    statuses, samples, series = [], 0, 0
    for name, event in events.items():
        outcome = function.invoke(event, name)
        sent, sent_series = outcome.metric("SamplesSent"), outcome.logged("series")
        _show(name, outcome, f"{sent} samples in {sent_series} series sent", secret=token)
        statuses.append(outcome.status)
        samples += sent
        series += sent_series
    return Total(max(statuses), samples, series)


_LOOPBACK_ONLY: dict[str, str | None] = {
    # An event that names a listener of its own must not reach it from here.
    "LISTENER_ALLOWED_HOSTS": "127.0.0.1",
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
}


def _settings(events: Mapping[str, Any], listener: str, token: str) -> dict[str, str | None]:
    """Make the function's settings.

    Args:
        events: A captured event brings a key of its own; the samples share one.
        listener: Where to send.
        token: What to send with.

    Returns:
        Environment variables; None: not set.
    """
    keys = [key for event in events.values() if (key := access_key_of(event))]
    return {
        "AWS_REGION": "us-east-1",
        "LOGZIO_METRICS_LISTENER": listener,
        "LOGZIO_METRICS_TOKEN": token,
        "LOGZIO_METRICS_TOKEN_ARN": None,
        "FIREHOSE_ACCESS_KEY": keys[0] if keys else ACCESS_KEY,
        "FIREHOSE_ACCESS_KEY_ARN": None,
        "POWERTOOLS_LOG_LEVEL": "INFO",
        "POWERTOOLS_DEV": None,
    }


def _show(name: str, outcome: Outcome, counted: str, secret: str = "") -> None:
    """Print what became of one event.

    Args:
        name: The event's name.
        outcome: What the function answered.
        counted: Samples and series, in words.
        secret: What must not be printed, even when an answer quotes it.
    """
    lines = [f"{name}: {outcome.summary}, {counted}", f"  {outcome.answer}"]
    lines += [f"  {warning}" for warning in outcome.warnings]
    for line in lines:
        print(line.replace(secret, "***") if secret else line)


def _show_violations(violations: Sequence[str]) -> None:
    """Print the broken rules, the first of them in words."""
    for violation in violations[:_VIOLATIONS_SHOWN]:
        print(f"remote write: {violation}")
    if len(violations) > _VIOLATIONS_SHOWN:
        print(f"remote write: {len(violations) - _VIOLATIONS_SHOWN} more")


if __name__ == "__main__":
    sys.exit(main())
