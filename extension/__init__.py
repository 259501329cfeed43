"""A Lambda extension that ships the function's own logs through the Telemetry API."""

import os
import sys


def run() -> None:
    """Run the extension; if this Python cannot, let the launcher go on without it."""
    try:
        if sys.version_info < (3, 9):  # noqa: UP036 -- an image may bring any Python
            raise ImportError("Python 3.9 or later is needed")  # noqa: TRY301 -- handled below
        from extension.main import start  # noqa: PLC0415 -- it may lack a module of the library
    except ImportError as error:
        # The path of the launcher is the only argument then.
        if len(sys.argv) == 2:
            os.execl(sys.argv[1], sys.argv[1], "--no-python")  # noqa: S606 -- replaces this process
        sys.exit(f"metric-stream-logs: {error}")
    start()
