"""`python -m tools.chaos`: deliveries under faults, with an audit of every sample."""

import argparse
import contextlib
import functools
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from testing.servers import MissingProgramError
from tools.chaos import kept
from tools.chaos.listener import Forward
from tools.chaos.plan import Plan, short_plan
from tools.chaos.run import forward_to, run


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the source of all chance")
    parser.add_argument(
        "--deliveries", type=int, default=2_000, help="how many batches Firehose makes, at least"
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
        help="an empty or new folder for the backup, Prometheus's data, the logs and the samples",
    )
    return parser.parse_args(argv)


def main(
    argv: Sequence[str],
    write: Callable[[str], object],
    make_forward: Callable[[str], Forward] = forward_to,
) -> int:
    """Run the command.

    Args:
        argv: The arguments of the command line.
        write: Prints a line.
        make_forward: Makes what forwards the listener's requests to Prometheus's URL.

    Returns:
        0 if nothing is lost and nothing unexpected is there, otherwise 1; 2 if the run is not
        possible.
    """
    chosen = arguments(argv)
    plan = (short_plan if chosen.short else Plan)(chosen.seed, chosen.deliveries)
    with contextlib.ExitStack() as stack:
        if chosen.keep is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        else:
            folder = chosen.keep.absolute()
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()):
                write(f"{chosen.keep} is not empty")
                return 2
        try:
            audit = run(plan, folder, write, make_forward)
        except MissingProgramError as error:
            write(str(error))
            return 2
        if chosen.keep is not None:
            kept.write_samples(folder, audit.found)
    return 0 if audit.sound else 1


def _end(number: int, _frame: object) -> None:
    """End the run as an error would, so that no process of it stays."""
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    sys.exit(main(sys.argv[1:], functools.partial(print, flush=True)))
