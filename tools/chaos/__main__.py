"""`python -m tools.chaos`: deliveries under faults, with an audit of every sample."""

import argparse
import contextlib
import functools
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from testing.servers import MissingProgramError
from tools.chaos import kept
from tools.chaos.audit import Audit
from tools.chaos.plan import Plan, short_plan
from tools.chaos.report import server_table
from tools.chaos.run import OpenServer, run
from tools.chaos.servers import REAL, STAND_INS, open_server

# Of all deliveries; the rest are for the real server.
_STAND_IN_SHARE = 1 / 20


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the source of all chance")
    parser.add_argument(
        "--deliveries", type=int, default=2_000, help="how many batches Firehose makes, at least"
    )
    parser.add_argument(
        "--server",
        choices=(REAL, *STAND_INS),
        help="the only server; default: all, and most deliveries for a real Prometheus",
    )
    parser.add_argument(
        "--short",
        action="store_true",
        help="Firehose gives up after some seconds, and outages last no longer",
    )
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="FOLDER",
        help="an empty or new folder for the backup, the server's data, the logs and the samples",
    )
    return parser.parse_args(argv)


def main(
    argv: Sequence[str], write: Callable[[str], object], opened: OpenServer = open_server
) -> int:
    """Run the command.

    Args:
        argv: The arguments of the command line.
        write: Prints a line.
        opened: Opens the server with a name.

    Returns:
        0 if nothing is lost and nothing unexpected is there, otherwise 1; 2 if the run is not
        possible.
    """
    begun = time.monotonic()
    chosen = arguments(argv)
    audits: dict[str, Audit] = {}
    with contextlib.ExitStack() as stack:
        if chosen.keep is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        else:
            folder = chosen.keep.absolute()
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()):
                write(f"{chosen.keep} is not empty")
                return 2
        for name, plan in _runs(chosen):
            own = folder if chosen.server else folder / name
            own.mkdir(exist_ok=True)
            write(f"{name}: {plan.deliveries:,} deliveries")
            try:
                audits[name] = run(plan, name, own, write, opened)
            except MissingProgramError as error:
                write(str(error))
                return 2
            if chosen.keep is not None:
                kept.write_samples(own, audits[name].found)
            audits[name].found.clear()
    write(server_table(audits))
    for name, audit in audits.items():
        for example in audit.examples:
            write(f"{name}: {example}")
    write(f"seed {chosen.seed}, {time.monotonic() - begun:.0f} s")
    write(f"lost: {sum(audit.lost for audit in audits.values())}")
    return 0 if all(audit.sound for audit in audits.values()) else 1


def _runs(chosen: argparse.Namespace) -> Iterator[tuple[str, Plan]]:
    """Yield each server and what is done with it: less, and in less time, for a stand-in."""
    make = short_plan if chosen.short else Plan
    if chosen.server:
        yield chosen.server, make(chosen.seed, chosen.deliveries)
        return
    each = round(chosen.deliveries * _STAND_IN_SHARE)
    yield REAL, make(chosen.seed, chosen.deliveries - each * len(STAND_INS))
    for name in STAND_INS:
        yield name, short_plan(chosen.seed, each)


def _end(number: int, _frame: object) -> None:
    """End the run as an error would, so that no process of it stays."""
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    sys.exit(main(sys.argv[1:], functools.partial(print, flush=True)))
