"""A listener in this process for the fake Telemetry API, and its subscription."""

import json
import threading
from typing import Any

from testing.http_server import HttpServer, Reply, Request
from testing.lambda_services.services import LambdaServices
from testing.servers import loopback_session

_EXTENSION = "/2020-01-01/extension"


class Listener(HttpServer):
    """An extension's listener that keeps what it gets.

    Attributes:
        requests: What came, in order; a body in chunks is decoded.
        statuses: The status of the next replies; 200 after them.
        open: While it is cleared, every reply waits.
        came: Released with each request.
    """

    def __init__(self, port: int = 0) -> None:
        self.requests: list[Request] = []
        self.statuses: list[int] = []
        self.open = threading.Event()
        self.open.set()
        self.came = threading.Semaphore(0)
        super().__init__(port=port)

    @property
    def bodies(self) -> list[bytes]:
        """The bodies that came."""
        return [request.body for request in self.requests]

    def events(self) -> list[list[Any]]:
        """Return the events of each body."""
        return [json.loads(body) for body in self.bodies]

    def kinds(self) -> list[list[str]]:
        """Return the types of the events of each body."""
        return [[event["type"] for event in events] for events in self.events()]

    def respond(self, request: Request) -> Reply:
        """Keep a request, and reply."""
        self.requests.append(request)
        self.came.release()
        self.open.wait()
        return Reply(self.statuses.pop(0) if self.statuses else 200)

    def close(self) -> None:
        """End the waiting replies, and stop listening."""
        self.open.set()
        super().close()


def subscribe(
    services: LambdaServices, port: int, types: tuple[str, ...] = ("function",), **buffering: int
) -> None:
    """Register an extension in this process that is never invoked, and subscribe for it."""
    url = f"http://{services.address}"
    with loopback_session() as session:
        name = {"Lambda-Extension-Name": "here"}
        path = f"{url}{_EXTENSION}/register"
        registered = session.post(path, json={"events": []}, headers=name, timeout=60)
        identifier = "Lambda-Extension-Identifier"
        subscription = {
            "schemaVersion": "2022-12-13",
            "types": types,
            "buffering": buffering,
            "destination": {"protocol": "HTTP", "URI": f"http://sandbox.localdomain:{port}/path"},
        }
        subscribed = session.put(
            f"{url}/2022-07-01/telemetry",
            json=subscription,
            headers={identifier: registered.headers[identifier]},
            timeout=60,
        )
    assert subscribed.status_code == 200
