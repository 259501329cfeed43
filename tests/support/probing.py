"""Programs that call the Lambda services step by step and print each answer.

They run under the real emulator as under the fake one, so that their answers can be compared.
A step is `[method, path, headers, body]`; in it `{id}` is the identifier of the registered
extension, `{port}` the port of the probe's listener, `{work}` the id of the invocation. Of the
methods that are none of HTTP, `LATER` sends a GET and goes on without its answer, and `AWAIT`
waits for a file of that name in the probe's layer.
"""

import json
import re
from typing import Any

Step = list[Any]

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_MILLISECONDS = re.compile(r"\b[12]\d{12}\b")
_UNCOMPARED = {"date", "content-length"}

PROBE = """\
#!/var/lang/bin/python3 -I
import http.client, http.server, json, os, threading, time

host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].partition(":")
known = {"id": "", "work": "", "port": ""}


def tell(kind, content):
    print("PROBE " + json.dumps([STEPS, kind, content]) + "\\n", end="", flush=True)


class Listener(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_): pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        tell("delivery", [self.requestline, dict(self.headers), json.loads(body)])
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


def ask(method, path, headers, body):
    text = json.dumps([path, headers, body])
    for name, value in known.items():
        text = text.replace("{" + name + "}", value)
    path, headers, body = json.loads(text)
    if body is not None and not isinstance(body, str):
        body = json.dumps(body)
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    content = answer.read().decode()
    known["id"] = answer.headers.get("Lambda-Extension-Identifier", known["id"])
    known["work"] = answer.headers.get("Lambda-Runtime-Aws-Request-Id", known["work"])
    return [answer.status, dict(answer.headers), content]


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener)
threading.Thread(target=server.serve_forever, daemon=True).start()
known["port"] = str(server.server_port)
waiting = []
for method, path, headers, body in json.loads(os.environ[STEPS]):
    if method == "AWAIT":
        while not os.path.exists(os.path.join(os.path.dirname(__file__), "..", path)):
            time.sleep(0.02)
        continue
    if method == "LATER":
        waiting.append(threading.Thread(target=ask, args=("GET", path, headers, body), daemon=True))
        waiting[-1].start()
        continue
    tell("answer", ask(method, path, headers, body))
for thread in waiting:
    thread.join()
tell("end", None)
"""


def program(steps_variable: str) -> str:
    """Give a probe that takes its steps, as JSON, from an environment variable."""
    return PROBE.replace("STEPS", repr(steps_variable))


def told(output: str, steps_variable: str, kind: str) -> list[Any]:
    """Give what a probe has told.

    Args:
        output: What it wrote, possibly between the lines of others.
        steps_variable: Which probe, as in `program`.
        kind: `answer`, `delivery` or `end`.
    """
    lines = [line[6:] for line in output.splitlines() if line.startswith("PROBE ")]
    found = [json.loads(line) for line in lines]
    return [content for *name, content in found if name == [steps_variable, kind]]


def comparable(answer: list[Any]) -> list[Any]:
    """Give an answer without ids and times, its headers in lower case."""
    status, headers, body = answer
    kept = {
        name.lower(): _neutral(value)
        for name, value in headers.items()
        if name.lower() not in _UNCOMPARED
    }
    return [status, kept, _neutral(body)]


def _neutral(text: str) -> str:
    """Replace what is different each time."""
    return _MILLISECONDS.sub("<ms>", _UUID.sub("<id>", text))
