"""The command `python -m replay`."""

from __future__ import annotations

import argparse
import contextlib
import signal
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from handler.errors import HandlerError
from handler.settings import known_variables
from replay.display import Bar, Lines, shown
from replay.errors import ReplayError, StoppedError, StoreError
from replay.job import Job, parse_count, parse_positive, parse_time, settings_of
from replay.objects import Selection
from replay.places import open_places
from replay.report import lines
from replay.run import MARK, MOVE, Bounds
from replay.shipping import REAL_TIME, Manner, Shipper

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ALL_SENT = 0
SOMETHING_LEFT = 1
NOTHING_TRIED = 2

_NAME_A_LISTENER = ("LOGZIO_METRICS_LISTENER", "LOGZIO_REGION")


@dataclass(frozen=True)
class Console:
    """
    Where the command writes to.

    Attributes:
        output: What it has come to.
        progress: How it goes on, and what is wrong; a bar where it is a terminal.
    """

    output: TextIO
    progress: TextIO


def main(arguments: Sequence[str], environ: Mapping[str, str], console: Console) -> int:
    """
    Run the command.

    Args:
        arguments: The command line without the program's name.
        environ: The function's settings, as environment variables.
        console: Where to write to.

    Returns:
        The exit status: 0 when all is sent (in a dry run: can be read), 1 when
        something is left, 2 when nothing could be tried.
    """
    options = _parser().parse_args(arguments)
    try:
        shipper = _shipper(options, environ)
        job = _job(options, shipper, console)
    except (ReplayError, HandlerError) as error:
        console.progress.write(f"{shown(str(error))}\n")
        return NOTHING_TRIED
    return _dry_run(job, console) if options.dry_run else _replay(job, shipper, console)


def _dry_run(job: Job, console: Console) -> int:
    try:
        document = job.survey()
    except StoreError as error:
        console.progress.write(f"{shown(str(error))}\n")
        return NOTHING_TRIED
    _tell(document, console)
    return SOMETHING_LEFT if document["unreadable"] else ALL_SENT


def _replay(job: Job, shipper: Shipper, console: Console) -> int:
    try:
        with _ended_by_signals(shipper.stopped):
            complete = job.replay()
    except (StoppedError, KeyboardInterrupt):
        console.progress.write("interrupted; the same command goes on from here\n")
        complete = False
    except (ReplayError, HandlerError) as error:
        console.progress.write(f"{shown(str(error))}\n")
        if not job.has_begun:
            return NOTHING_TRIED
        complete = False
    _tell(job.outcome(), console)
    return ALL_SENT if complete else SOMETHING_LEFT


def _tell(document: dict[str, Any], console: Console) -> None:
    for line in lines(document):
        console.output.write(f"{shown(line)}\n")
    console.output.flush()


def _shipper(options: argparse.Namespace, environ: Mapping[str, str]) -> Shipper:
    variables = known_variables(environ)
    if options.listener:
        variables["LOGZIO_METRICS_LISTENER"] = options.listener
    elif options.dry_run and not any(variables.get(name) for name in _NAME_A_LISTENER):
        # Nothing is sent, so nobody has to know yet where to.
        variables["LOGZIO_METRICS_LISTENER"] = "https://nowhere.invalid"
    rate = None if options.rate is None else parse_positive("--rate", options.rate)
    manner = Manner(
        p8s_logzio_name=options.p8s_logzio_name,
        samples_per_second=rate,
        patience_seconds=parse_positive("--patience", options.patience),
    )
    return Shipper(settings_of(variables), manner)


def _job(options: argparse.Namespace, shipper: Shipper, console: Console) -> Job:
    selection = Selection(
        since=parse_time(options.since) if options.since else None,
        until=parse_time(options.until) if options.until else None,
    )
    limit = None if options.limit is None else parse_count("--limit", options.limit)
    return Job(
        open_places(options.where, options.state),
        shipper,
        selection,
        Bounds(done=options.done, limit=limit),
        _watcher(console.progress),
    )


def _watcher(progress: TextIO) -> Bar | Lines:
    if progress.isatty():
        return Bar(progress, REAL_TIME.monotonic)
    return Lines(lambda line: progress.write(f"{shown(line)}\n"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m replay",
        description="Send the objects of Firehose's backup to the listener. The settings are the "
        "function's, read from the environment; see the README.",
    )
    add = parser.add_argument
    add("where", help="s3://BUCKET/PREFIX, or a folder or a file")
    add("--dry-run", action="store_true", help="say what would be sent, and send nothing")
    add("--since", metavar="TIME", help="only objects written at this time or later (ISO 8601)")
    add("--until", metavar="TIME", help="only objects written before this time")
    add("--limit", metavar="N", help="at most so many objects that have not been sent yet")
    add("--rate", metavar="N", help="at most so many samples a second, on average")
    add(
        "--done",
        choices=(MARK, MOVE),
        default=MARK,
        help="what is done with an object that is sent: noted as sent (the default), or also "
        "moved to replayed/",
    )
    add("--state", metavar="PLACE", default="", help="where notes are kept: a folder or s3://...")
    add("--listener", metavar="URL", help="a remote-write URL, instead of the settings' listener")
    add("--p8s-logzio-name", metavar="NAME", help="the label p8s_logzio_name")
    add(
        "--patience",
        metavar="SECONDS",
        default=60.0,
        help="how long to try until a batch of an object is left (60)",
    )
    return parser


@contextlib.contextmanager
def _ended_by_signals(stopped: threading.Event) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end a replay after the requests under way; a second one, at once."""
    numbers = (signal.SIGINT, signal.SIGTERM)

    def end(_number: int, _frame: Any) -> None:
        # Not by an exception: it would arrive anywhere, within a note or a request.
        stopped.set()
        for number in numbers:
            signal.signal(number, signal.default_int_handler)

    if threading.current_thread() is not threading.main_thread():
        # Signals are for the main thread, and so is their handling.
        yield
        return
    before = [signal.signal(number, end) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
