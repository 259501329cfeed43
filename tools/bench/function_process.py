"""A process that does what Lambda's does, and tells how much memory that takes.

python -m bench.function_process EVENT...

Loads the function, then takes the events in the files one after the other. The
last line of its output is a JSON object.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any


def main() -> None:
    """Run the command."""
    peak = peak_mb()
    report: dict[str, Any] = {"started_mb": peak, "deliveries": []}
    from handler.app import lambda_handler  # noqa: PLC0415 - what comes before is measured
    from testing.lambda_context import LambdaContext  # noqa: PLC0415

    peak = report["imported_mb"] = max(peak, peak_mb())
    for path in sys.argv[1:]:
        # Lambda's runtime too gets the event as bytes of JSON.
        event = json.loads(Path(path).read_bytes())
        begun = time.process_time()
        answer = lambda_handler(event, LambdaContext.starting_now(timeout_seconds=120.0))
        seconds = time.process_time() - begun
        del event
        # Linux adds up what several threads count, so it may say a little less than before.
        peak = max(peak, peak_mb())
        report["deliveries"].append(
            {"status": answer["statusCode"], "cpu_s": seconds, "peak_mb": peak}
        )
    print(json.dumps(report))


def peak_mb() -> float:
    """Give the most memory that this process has held so far, in MB of 10^6 bytes.

    Linux counts it anew for each program; `ru_maxrss` may be that of the parent.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return _peak_elsewhere_mb()
    fields = dict(line.split(":", 1) for line in status.read_text("ascii").splitlines())
    return int(fields["VmHWM"].split()[0]) * 1024 / 1e6


def _peak_elsewhere_mb() -> float:
    """Give the same on macOS, where `ru_maxrss` is in bytes."""
    import resource  # noqa: PLC0415 - Linux needs none

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


if __name__ == "__main__":
    main()
