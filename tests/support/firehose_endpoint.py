"""What the Firehose stand-in is tried with: an endpoint that answers as told, and a clock."""

import gzip
import json
import threading
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from testing.firehose.settings import Time


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request: headers by their names in lower case, and the body as it came."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def content(self) -> dict[str, Any]:
        """The JSON of the body, inflated where it says that it is gzip."""
        encoded = self.headers.get("content-encoding") == "gzip"
        content: dict[str, Any] = json.loads(gzip.decompress(self.body) if encoded else self.body)
        return content

    @property
    def records(self) -> list[bytes]:
        """The records in the body."""
        return [b64decode(record["data"]) for record in self.content["records"]]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; without a status the connection is closed instead."""

    status: int | None
    body: bytes = b""
    headers: Mapping[str, str] | None = None


def success(delivery: Delivery) -> Reply:
    """Answer as the specification asks."""
    request_id = delivery.headers["x-amz-firehose-request-id"]
    return Reply(200, json.dumps({"requestId": request_id, "timestamp": 1}).encode())


@dataclass(frozen=True)
class WaitedTime(Time):
    """Firehose's time where it passes only while a batch waits, and there at once.

    Attributes:
        waited: All waits, in Firehose's seconds.
    """

    waited: list[float] = field(default_factory=list)

    def now(self) -> float:
        """Give how much has been waited."""
        return sum(self.waited)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Let so many seconds pass."""
        self.waited.append(seconds)
        return event.is_set()


class FirehoseEndpoint:
    """The endpoint, listening from its construction until the end of `with`.

    Args:
        answer: Answers each delivery, from several threads at once.

    Attributes:
        url: Where to deliver.
        deliveries: All requests so far.
    """

    def __init__(self, answer: Callable[[Delivery], Reply] = success) -> None:
        self.deliveries: list[Delivery] = []
        deliveries = self.deliveries

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = self.rfile.read(int(headers["content-length"]))
                delivery = Delivery(headers, body)
                deliveries.append(delivery)
                reply = answer(delivery)
                if reply.status is None:
                    return
                self.send_response(reply.status)
                own = {"Content-Type": "application/json", **(reply.headers or {})}
                for name, value in own.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Write nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
