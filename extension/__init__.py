"""A Lambda extension that ships the function's own logs through the Telemetry API."""

import sys

if sys.version_info < (3, 9):  # noqa: UP036 -- a container image may bring any Python
    sys.exit("metric-stream-logs: Python 3.9 or later is needed")
