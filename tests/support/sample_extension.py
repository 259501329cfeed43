"""A small extension, run as a process, that shows how the fake Lambda services treat one.

It registers under its own file name, appends each delivery as a line to the file `SAMPLE_FILE`,
and calls `next` when `runtimeDone` has come. Further variables: `SAMPLE_STAYS` (ignores SHUTDOWN),
`SAMPLE_SAYS` (printed at each event), `SAMPLE_EVENTS`.
"""

import http.client
import http.server
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

HEADER = "Lambda-Extension-Identifier"
done: set[str] = set()
changed = threading.Condition()


class Listener(http.server.BaseHTTPRequestHandler):
    """Appends each delivery to a file."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments: Any) -> None:
        """Write nothing."""

    def do_POST(self) -> None:
        """Keep a delivery, then reply."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with Path(os.environ["SAMPLE_FILE"]).open("ab") as file:
            file.write(body + b"\n")
        with changed:
            done.update(
                event["record"]["requestId"]
                for event in json.loads(body)
                if event["type"] == "platform.runtimeDone"
            )
            changed.notify_all()
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


def call(method: str, path: str, body: Any = None, **headers: str) -> tuple[Any, Any]:
    """Call the API; return headers and body."""
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, json.dumps(body), names)
    answer = connection.getresponse()
    return answer.headers, json.loads(answer.read())


def main() -> None:
    """Run until SHUTDOWN."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    api = "/2020-01-01/extension"
    name = Path(sys.argv[0]).name
    wanted = os.environ.get("SAMPLE_EVENTS", "INVOKE,SHUTDOWN").split(",")
    headers, _ = call("POST", f"{api}/register", {"events": wanted}, Lambda_Extension_Name=name)
    me = {HEADER: headers[HEADER]}
    subscription = {
        "schemaVersion": "2025-01-29",
        "types": ["platform", "function", "extension"],
        "buffering": {"maxItems": 1000, "maxBytes": 262144, "timeoutMs": 25},
        "destination": {
            "protocol": "HTTP",
            "URI": f"http://sandbox.localdomain:{server.server_port}",
        },
    }
    call("PUT", "/2022-07-01/telemetry", subscription, **me)
    while True:
        _, event = call("GET", f"{api}/event/next", **me)
        if "SAMPLE_SAYS" in os.environ:
            print(os.environ["SAMPLE_SAYS"], flush=True)  # noqa: T201 -- the test asks for it
        if event["eventType"] == "SHUTDOWN":
            break
        with changed:
            left = event["deadlineMs"] / 1000 - time.time()
            changed.wait_for(lambda: event["requestId"] in done, max(0.0, left))  # noqa: B023
    if "SAMPLE_STAYS" in os.environ:
        threading.Event().wait()


if __name__ == "__main__":
    main()
