"""A process that POSTs telemetry as the platform does, over one connection, and times the answers.

python -m bench.extension_client PORT BODIES SECONDS

Sends bodies of 512 kB of ordinary lines, one every so many SECONDS; 0: each as soon as the one
before is answered. The last line of its output is a JSON object.
"""

import http.client
import json
import sys
import time
from typing import Any

from testing.lambda_services import events
from tools.bench.extension_lines import LINE_BYTES, lines

BODY_BYTES = 512_000
# More than a body has.
_LINES = BODY_BYTES // LINE_BYTES
_DIFFERENT_BODIES = 8
# In its place stands the time at which a body is sent: nothing is late.
_STAMP = b"1970-01-01T00:00:00.000Z"


def main() -> None:
    """Run the command."""
    port, count, pause = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    bodies = [_body(number) for number in range(_DIFFERENT_BODIES)]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.connect()
    records, answers = 0, []
    begun = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, begun + number * pause - time.monotonic()))
        body, held = bodies[number % len(bodies)]
        body = body.replace(_STAMP, events.timestamp().encode())
        connection.request("POST", "/", body, {"Content-Type": "application/json"})
        sent = time.monotonic()
        connection.getresponse().read()
        answers.append(time.monotonic() - sent)
        records += held
    report: dict[str, Any] = {"begun": begun, "records": records, "answers": answers}
    print(json.dumps(report))


def _body(number: int) -> tuple[bytes, int]:
    """Give a body, and how many records it holds."""
    content: list[bytes] = []
    size = 2
    for line in lines(number * _LINES, (number + 1) * _LINES):
        content.append(events.event_json("function", line, at=0.0))
        size += len(content[-1]) + 1
        if size >= BODY_BYTES:
            break
    return b"[" + b",".join(content) + b"]", len(content)


if __name__ == "__main__":
    main()
