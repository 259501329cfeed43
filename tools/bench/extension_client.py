"""A process that POSTs telemetry as the platform does, over one connection, and times it.

python -m tools.bench.extension_client PORT BODIES SECONDS

Sends bodies of 512 kB of ordinary lines, one every SECONDS; 0: each as soon as the one before is
answered. The last line of its output is a JSON object: `begun` in monotonic seconds, the number of
`records`, and the `seconds` from the end of each request to its response.
"""

import http.client
import json
import sys
import time

from testing.lambda_services import events
from tools.bench.extension_lines import LINE_BYTES, lines

BODY_BYTES = 512_000
# More than a body has.
_LINES = BODY_BYTES // LINE_BYTES
_DIFFERENT_BODIES = 8
# Replaced by the time at which a body is sent, so that nothing looks late.
_STAMP = b"1970-01-01T00:00:00.000Z"


def main() -> None:
    """Run the command."""
    port, count, pause = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    bodies = [_body(number) for number in range(_DIFFERENT_BODIES)]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.connect()
    records, seconds = 0, []
    begun = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, begun + number * pause - time.monotonic()))
        body, held = bodies[number % len(bodies)]
        body = body.replace(_STAMP, events.timestamp().encode())
        connection.request("POST", "/", body, {"Content-Type": "application/json"})
        sent = time.monotonic()
        connection.getresponse().read()
        seconds.append(time.monotonic() - sent)
        records += held
    print(json.dumps({"begun": begun, "records": records, "seconds": seconds}))


def _body(number: int) -> tuple[bytes, int]:
    """Return a body, and how many records it holds."""
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
