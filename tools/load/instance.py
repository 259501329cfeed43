"""
One instance of the function, as a process: takes events one after the other, as Lambda gives them.

python -m load.instance CORE ANSWERS

CORE is the processor that it runs on, ANSWERS a file descriptor. Events come
on standard input, each behind four bytes of length; for each a line of JSON
goes to ANSWERS: the status, and the seconds of the invocation and of
processor time that it took. The function's own lines go to standard output.
"""

from __future__ import annotations

import json
import os
import sys
import time

from handler.app import lambda_handler
from testing.lambda_context import LambdaContext


def main() -> None:
    """Take events until there are no more."""
    os.sched_setaffinity(0, {int(sys.argv[1])})
    events = sys.stdin.buffer
    with os.fdopen(int(sys.argv[2]), "w", encoding="utf-8") as answers:
        while header := events.read(4):
            content = events.read(int.from_bytes(header, "big"))
            begun, processor = time.monotonic(), time.process_time()
            # Lambda's runtime too parses the event before it calls the handler.
            answer = lambda_handler(json.loads(content), LambdaContext.starting_now())
            report = {
                "status": answer["statusCode"],
                "seconds": time.monotonic() - begun,
                "processor_seconds": time.process_time() - processor,
            }
            answers.write(json.dumps(report) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
