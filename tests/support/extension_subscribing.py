"""A listener in this process for what the fake Telemetry API delivers, and its subscription."""

import http.client
import http.server
import json
import threading
from typing import Any

from testing.lambda_services.services import LambdaServices

_EXTENSION = "/2020-01-01/extension"


class Listener(http.server.ThreadingHTTPServer):
    """An extension's listener that keeps what it gets, with scripted answers.

    Attributes:
        bodies: What came, in order.
        connections: The port from which each of them came.
        statuses: What the next requests are answered with; 200 after them.
        open: Cleared, every answer waits.
    """

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Answering)
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.connections: list[int] = []
        self.statuses: list[int] = []
        self.open = threading.Event()
        self.open.set()
        self.came = threading.Semaphore(0)
        self._serving = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self._serving.start()

    def events(self) -> list[list[Any]]:
        """Return the events of each body."""
        return [json.loads(body) for body in self.bodies]

    def kinds(self) -> list[list[str]]:
        """Return the types of the events of each body."""
        return [[event["type"] for event in events] for events in self.events()]

    def close(self) -> None:
        """Stop listening."""
        self.open.set()
        self.shutdown()
        self._serving.join()
        self.server_close()


class _Answering(http.server.BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    server: Listener
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Write nothing."""

    def do_POST(self) -> None:
        """Keep a body, and answer."""
        listener = self.server
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers["Content-Length"]))
        listener.bodies.append(body)
        listener.headers.append(dict(self.headers))
        listener.connections.append(self.client_address[1])
        listener.came.release()
        listener.open.wait()
        self.send_response(listener.statuses.pop(0) if listener.statuses else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()


def _call(
    services: LambdaServices, method: str, path: str, body: Any = None, **headers: str
) -> http.client.HTTPResponse:
    """Call the services once."""
    connection = http.client.HTTPConnection(services.address, timeout=60)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, json.dumps(body), names)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def subscribe(
    services: LambdaServices, port: int, types: tuple[str, ...] = ("function",), **buffering: int
) -> None:
    """Register an extension in this process that is never invoked, and subscribe for it."""
    body: Any = {"events": []}
    answer = _call(services, "POST", f"{_EXTENSION}/register", body, Lambda_Extension_Name="here")
    me = {"Lambda-Extension-Identifier": answer.headers["Lambda-Extension-Identifier"]}
    body = {
        "schemaVersion": "2022-12-13",
        "types": types,
        "buffering": buffering,
        "destination": {"protocol": "HTTP", "URI": f"http://sandbox.localdomain:{port}/path"},
    }
    assert _call(services, "PUT", "/2022-07-01/telemetry", body, **me).status == 200
