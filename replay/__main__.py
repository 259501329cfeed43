"""Runs the command with the process's own arguments, environment and streams."""

import os
import sys

from replay.command import SOMETHING_LEFT, main


def _run() -> int:
    try:
        return main(sys.argv[1:], os.environ, sys.stdout, sys.stderr)
    except BrokenPipeError:
        # The reader, such as `head`, has ended. Python would write the rest again when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return SOMETHING_LEFT


if __name__ == "__main__":
    sys.exit(_run())
