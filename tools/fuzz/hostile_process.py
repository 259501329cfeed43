"""
A process that does what Lambda's does with one event, and tells what that took.

python -m fuzz.hostile_process EVENT TIMEOUT_SECONDS

Its last line is a JSON object: status (0 for a transformation), words, seconds,
processor_seconds, peak_mb.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from handler.app import lambda_handler
from testing.lambda_context import LambdaContext
from tools.bench.function_process import peak_mb


def main() -> None:
    """Run the command."""
    # Lambda's runtime too gets the event as bytes of JSON.
    event = json.loads(Path(sys.argv[1]).read_bytes())
    context = LambdaContext.starting_now(float(sys.argv[2]))
    begun, used = time.monotonic(), time.process_time()
    answer = lambda_handler(event, context)
    seconds, processor_seconds = time.monotonic() - begun, time.process_time() - used
    words = json.loads(answer["body"])["errorMessage"] if "body" in answer else ""
    report = {
        "status": answer.get("statusCode", 0),
        "words": words,
        "seconds": seconds,
        "processor_seconds": processor_seconds,
        "peak_mb": peak_mb(),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
