"""Runs the command with the process's own arguments, environment and streams."""

import os
import sys

from replay.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ, sys.stdout, sys.stderr))
