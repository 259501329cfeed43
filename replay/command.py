"""The command `python -m replay`."""

import argparse
import contextlib
import dataclasses
import functools
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, TextIO

from tqdm import tqdm

from handler import otlp_settings
from handler.errors import HandlerError
from handler.settings import known_variables
from replay.errors import ReplayError, StoppedError, UsageError
from replay.locations import open_location
from replay.options import MARK, MOVE, NAMING, Options, parse_options, parse_price
from replay.report import lines
from replay.run import Replay
from replay.sending import BatchSender, open_sender
from replay.survey import PRICE_PER_THOUSAND, Survey

ALL_SENT = 0
SOMETHING_LEFT = 1
NOTHING_TRIED = 2

_OPTIONS_OF_A_SURVEY = {"dry_run", "since", "until"}

_LISTENER_VARIABLES = ("LOGZIO_METRICS_LISTENER", "LOGZIO_REGION", otlp_settings.ENDPOINT)

_OPTIONS = {
    field.name: f"--{field.name.replace('_', '-')}" for field in dataclasses.fields(Options)
}


def main(
    arguments: Sequence[str], environ: Mapping[str, str], output: TextIO, progress: TextIO
) -> int:
    """Run the command.

    Args:
        arguments: The command line without the program's name.
        environ: The function's settings, as environment variables.
        output: Takes the result.
        progress: Takes the progress, and errors; a bar if it is a terminal.

    Returns:
        The exit status: 0 when all is sent (in a dry run and a survey: can be read), 1
        when something is left, 2 when nothing could be tried.
    """
    given = vars(_parser().parse_intermixed_args(arguments))
    try:
        values = {name: given[name] for name in _OPTIONS if given[name] is not None}
        # A script passes an empty text for no time.
        values = {n: v for n, v in values.items() if v or n not in ("since", "until")}
        options = parse_options(values, _OPTIONS)
        if given["survey"]:
            return _survey(given, values.keys(), options, output, progress)
        if len(given["location"]) > 1:
            raise UsageError("a replay takes one location")
        if given["price"] is not None:
            raise UsageError("--price needs --survey: without it objects would be sent")
        sender = open_sender(_variables(environ, given["listener"], options), options)
        stores = open_location(given["location"][0], given["state"])
    except (ReplayError, HandlerError) as error:
        progress.write(f"{_printable(str(error))}\n")
        return NOTHING_TRIED
    show, bar = _shown_on(progress)
    replay = Replay(stores, sender, options, show, track=bar)
    status = _run(replay, sender, options, progress)
    if status != NOTHING_TRIED:
        _write(lines(replay.document()), output)
    return status


def _survey(
    given: Mapping[str, Any],
    options_given: AbstractSet[str],
    options: Options,
    output: TextIO,
    progress: TextIO,
) -> int:
    """Show what the metrics of all locations cost; send nothing, write nothing."""
    if given["state"] or given["listener"] or options_given - _OPTIONS_OF_A_SURVEY:
        raise UsageError("--survey sends nothing: it takes --price, --since and --until alone")
    price = parse_price("--price", given["price"] or PRICE_PER_THOUSAND)
    stores = [open_location(location)[0] for location in given["location"]]
    show, bar = _shown_on(progress)
    survey = Survey(show)
    try:
        for store in stores:
            survey.add(store, bar([found for found in store.objects() if options.selects(found)]))
    except KeyboardInterrupt:
        tqdm.write("interrupted", file=progress)
        return SOMETHING_LEFT
    _write(survey.lines(price), output)
    return SOMETHING_LEFT if survey.unreadable or not survey.objects else ALL_SENT


def _shown_on(progress: TextIO) -> tuple[Callable[[str, str], None], Callable[..., Any]]:
    """Return what shows a name with its status, and a bar if it is a terminal."""
    terminal = progress.isatty()

    def show(name: str, status: str) -> None:
        # Beside a bar, only what needs attention.
        if not terminal or status.startswith("left"):
            tqdm.write(_printable(f"{name}: {status}"), file=progress)

    return show, functools.partial(tqdm, unit=" objects", file=progress, disable=not terminal)


def _write(shown: Iterable[str], output: TextIO) -> None:
    output.writelines(f"{_printable(line)}\n" for line in shown)
    output.flush()


def _run(replay: Replay, sender: BatchSender, options: Options, progress: TextIO) -> int:
    try:
        with _stopped_by_signals(sender.stopped):
            result = replay.run()
        # A dry run with a limit has not looked at all objects, and nothing is wrong with that.
        complete = not result.left if options.dry_run else result.complete
    except (StoppedError, KeyboardInterrupt):
        tqdm.write("interrupted; the same command goes on from here", file=progress)
        complete = False
    except (ReplayError, HandlerError) as error:
        tqdm.write(_printable(str(error)), file=progress)
        if not replay.has_begun:
            return NOTHING_TRIED
        complete = False
    return ALL_SENT if complete else SOMETHING_LEFT


def _variables(
    environ: Mapping[str, str], listener: str | None, options: Options
) -> Mapping[str, str]:
    variables = known_variables(environ)
    if listener:
        variables = {n: v for n, v in variables.items() if n not in otlp_settings.VARIABLES}
        variables["LOGZIO_METRICS_LISTENER"] = listener
    elif options.dry_run and not any(variables.get(name) for name in _LISTENER_VARIABLES):
        # Nothing is sent, so a dry run needs no listener.
        variables["LOGZIO_METRICS_LISTENER"] = "https://nowhere.invalid"
    return variables


def _printable(text: str) -> str:
    """Return a text with its control characters written out.

    The names of objects and the messages of a listener might control the terminal.
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m replay",
        description="Send the objects of Firehose's backup to the listener, or show what their "
        "metrics cost. The settings are the function's, read from the environment; see "
        "docs/replay.md.",
    )
    add = parser.add_argument
    add("location", nargs="+", help="s3://BUCKET/PREFIX, or a folder or a file")
    add(
        "--survey",
        action="store_true",
        help="send nothing; show what each metric costs, and a filter that halves the bill. Takes "
        "several locations, with backup objects or captured deliveries",
    )
    add(
        "--price",
        metavar="USD",
        help=f"what 1,000 metric updates cost ({PRICE_PER_THOUSAND} in us-east-1, November 2026)",
    )
    add("--dry-run", action="store_true", help="show what would be sent, and send nothing")
    add("--since", metavar="TIME", help="only objects written at this time or later (ISO 8601)")
    add("--until", metavar="TIME", help="only objects written before this time")
    add("--limit", metavar="N", help="at most N objects that have not been sent yet")
    add("--rate", metavar="N", help="at most N samples a second on average")
    add(
        "--done",
        choices=(MARK, MOVE),
        help="what to do with an object that is sent: only record that (mark, the default), or "
        "also move it to replayed/",
    )
    add(
        "--state", metavar="PLACE", default="", help="where to keep checkpoints: folder or s3://..."
    )
    add("--listener", metavar="URL", help="a remote-write URL, instead of the settings' listener")
    add("--p8s-logzio-name", metavar="NAME", help="the label p8s_logzio_name")
    for name in NAMING:
        add(_OPTIONS[name], metavar="TEXT", help=f"instead of the setting {name.upper()}")
    add("--patience", metavar="SECONDS", help="how long to try a batch before it is left (60)")
    return parser


@contextlib.contextmanager
def _stopped_by_signals(stopped: threading.Event) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end a replay after the requests under way; a second one, at once."""
    numbers = (signal.SIGINT, signal.SIGTERM)

    def stop(_number: int, _frame: Any) -> None:
        # Not by an exception: it might be raised within a request, or while writing a checkpoint.
        stopped.set()
        for number in numbers:
            signal.signal(number, signal.default_int_handler)

    if threading.current_thread() is not threading.main_thread():
        # Only the main thread may set handlers.
        yield
        return
    before = [signal.signal(number, stop) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
