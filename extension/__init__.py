"""A Lambda extension that ships the function's own logs through the Telemetry API."""

import os
import sys

if sys.version_info < (3, 9):  # noqa: UP036 -- a runtime or a container image may bring any Python
    # The launcher, whose path is the only argument then, goes on without Python.
    if len(sys.argv) == 2:
        os.execl(sys.argv[1], sys.argv[1], "--no-python")  # noqa: S606 -- it replaces this process
    sys.exit("metric-stream-logs: Python 3.9 or later is needed")
