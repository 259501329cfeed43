"""Programs that call the Lambda services step by step, under the real emulator and the fake one.

Each prints the replies, so that they can be compared. A step is `[method, path, headers, body]`,
in which `{id}` is the identifier of the registered extension, `{port}` the port of the probe's
listener, and `{work}` the id of the invocation. Two methods are not HTTP: `LATER` sends a GET and
does not wait for its reply, and `AWAIT` waits for a file with that name in the probe's layer.
"""

import contextlib
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from testing.emulator import FunctionError
from testing.lambda_services.extension_process import ExtensionProcess
from testing.lambda_services.faults import Faults, FunctionInfo
from testing.lambda_services.services import LambdaServices
from testing.lambda_services.telemetry_stream import Platform
from tests.support.extension_steps import (
    EXTENSION_STEPS,
    FUNCTION,
    FUNCTION_STEPS,
    INVOKED,
    Step,
)
from tests.support.sandbox import Files, run_sandbox, terminate

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_MILLISECONDS = re.compile(r"\b[12]\d{12}\b")
_UNCOMPARED = {"date", "content-length"}

PROBE = """\
#!/var/lang/bin/python3 -I
import http.client, http.server, json, os, threading, time

host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].partition(":")
known = {"id": "", "work": "", "port": ""}


def report(kind, content):
    print("PROBE " + json.dumps([STEPS, kind, content]) + "\\n", end="", flush=True)


class Listener(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_): pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        report("delivery", [self.requestline, dict(self.headers), json.loads(body)])
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
    report("answer", ask(method, path, headers, body))
for thread in waiting:
    thread.join()
report("end", None)
"""

# Generous, so that a busy machine kills no probe that has not finished.
_SHUTDOWN_SECONDS = 30.0
_LAST_SECONDS = 60.0


class Both:
    """Runs the same probes, one as an extension and one as the function, in both environments.

    Args:
        folder: An empty folder for what they need.
        steps: The extension's steps.
        managed: Whether as on Lambda Managed Instances.
    """

    def __init__(self, folder: Path, steps: list[Step], *, managed: bool) -> None:
        layer, task = folder / "layer", folder / "task"
        self._probe, self._function = layer / "extensions" / "probe", task / "bootstrap"
        self._environ = {
            EXTENSION_STEPS: json.dumps(steps),
            FUNCTION_STEPS: json.dumps(FUNCTION),
        }
        self._managed = managed
        self._folder = folder
        self._files = Files(layer, task)
        for file, variable in ((self._probe, EXTENSION_STEPS), (self._function, FUNCTION_STEPS)):
            file.parent.mkdir(parents=True)
            file.write_text(program(variable), encoding="utf-8")
            file.chmod(0o755)

    def of_emulator(self, invocations: int, last: str = "") -> str:
        """Return the output under the emulator, which is ended when it contains `last`."""
        running = run_sandbox(
            self._folder, self._files, self._environ, managed_instances=self._managed
        )
        with running as emulator:
            for _ in range(invocations):
                with contextlib.suppress(FunctionError):
                    emulator.invoke({"a": 1})
            (self._files.layer / INVOKED).touch()
            until = time.monotonic() + _LAST_SECONDS
            while last not in emulator.output():
                assert time.monotonic() < until
                time.sleep(0.02)
            return terminate(emulator)

    def of_fake(self, invocations: int, reason: str) -> str:
        """Return the extension's output under the fake services."""
        info = FunctionInfo(name="test_function", handler="", account=self._account())
        faults = Faults(telemetry_answer=None if self._managed else 202)
        (self._files.layer / INVOKED).unlink(missing_ok=True)
        with (
            LambdaServices(
                faults=faults,
                function=info,
                managed_instances=self._managed,
                platform=Platform(window_seconds=0.0),
                shutdown_seconds=_SHUTDOWN_SECONDS,
            ) as services,
            ExtensionProcess(
                services, self._probe, self._environ, python=[sys.executable, "-I"]
            ) as probe,
        ):
            for _ in range(invocations):
                services.invoke(["hello"])
                services.wait_delivered()
            (self._files.layer / INVOKED).touch()
            if not invocations:
                probe.wait_ended()
            probe.shutdown(reason)
            return probe.output.decode()

    def function_of_fake(self, invocations: int) -> str:
        """Return the function's output under the fake services."""
        info = FunctionInfo(name="test_function", account=self._account())
        with LambdaServices(function=info) as services:
            command = [sys.executable, "-I", str(self._function)]
            environ = {**services.environ(), **self._environ}
            with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as probe:
                for _ in range(invocations):
                    services.invoke_function({"a": 1})
                services.close()
                output, _ = probe.communicate(timeout=60)
        return output

    def _account(self) -> str:
        return "123456789012" if self._managed else "012345678912"


def program(steps_variable: str) -> str:
    """Return a probe that reads its steps, as JSON, from an environment variable."""
    return PROBE.replace("STEPS", repr(steps_variable))


def printed(output: str, steps_variable: str, kind: str) -> list[Any]:
    """Return what a probe has printed.

    Args:
        output: Its output, possibly mixed with that of other processes.
        steps_variable: Which probe, as in `program`.
        kind: `answer`, `delivery` or `end`.
    """
    lines = [line[6:] for line in output.splitlines() if line.startswith("PROBE ")]
    found = [json.loads(line) for line in lines]
    return [content for *name, content in found if name == [steps_variable, kind]]


def comparable(reply: list[Any]) -> list[Any]:
    """Return a reply without ids and times, and with its headers in lower case."""
    status, headers, body = reply
    kept = {
        name.lower(): _neutral(value)
        for name, value in headers.items()
        if name.lower() not in _UNCOMPARED
    }
    return [status, kept, _neutral(body)]


def _neutral(text: str) -> str:
    """Replace what is different each time."""
    return _MILLISECONDS.sub("<ms>", _UUID.sub("<id>", text))
