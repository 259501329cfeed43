"""Runs the command with the process's own arguments, environment and streams."""

import os
import sys

from replay.command import Console, main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ, Console(sys.stdout, sys.stderr)))
