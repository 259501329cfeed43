"""`python -m chaos`: deliveries under faults, with an account of every sample."""

import argparse
import contextlib
import functools
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from tools.chaos import kept
from tools.chaos.listener import Forward
from tools.chaos.plan import Plan, short_plan
from tools.chaos.report import report
from tools.chaos.run import CannotRunError, forward_to, run

Tell = Callable[[str], object]


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="where all chance comes from")
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
    argv: Sequence[str], tell: Tell, make_forward: Callable[[str], Forward] = forward_to
) -> int:
    """Run, and print the account.

    Args:
        argv: The arguments of the command line.
        tell: Prints a line.
        make_forward: Makes what brings the listener's requests to Prometheus's URL.

    Returns:
        0 where nothing is lost and nothing is there that nobody put in, otherwise 1; 2 where
        the run is not possible.
    """
    chosen = arguments(argv)
    make_plan = short_plan if chosen.short else Plan
    plan = make_plan(chosen.seed, chosen.deliveries)
    with contextlib.ExitStack() as stack:
        if chosen.keep is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        else:
            folder = chosen.keep.absolute()
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()):
                tell(f"{chosen.keep} is not empty")
                return 2
        try:
            result = run(plan, folder, tell, make_forward)
        except CannotRunError as error:
            tell(str(error))
            return 2
        if chosen.keep is not None:
            kept.write_samples(folder, result.account.kept)
    tell(report(result))
    return 0 if result.account.sound else 1


def _end(number: int, _frame: object) -> None:
    """End the run as an error would, so that no process of it stays."""
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    sys.exit(main(sys.argv[1:], functools.partial(print, flush=True)))
