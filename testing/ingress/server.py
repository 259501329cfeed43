"""The HTTP side of an ingress."""

import http.server
import threading
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from testing.ingress.concurrency import FunctionError, Instances, LateError, ThrottledError
from testing.ingress.kinds import Answer, IngressKind, too_large, words


class IngressServer(http.server.ThreadingHTTPServer):
    """An ingress on a free port of 127.0.0.1, listening until the end of `with`.

    Args:
        ingress: Which one.
        instances: The function's; other ingresses may share them.
        wall: Seconds since the epoch, for the time in events.

    Attributes:
        url: Where to deliver to.
        statuses: How many answers had which status.
    """

    request_queue_size = 128
    daemon_threads = False

    def __init__(
        self, ingress: IngressKind, instances: Instances, wall: Callable[[], float] = time.time
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.url = f"http://127.0.0.1:{self.server_port}/"
        self.statuses: Counter[int] = Counter()
        self._ingress = ingress
        self._instances = instances
        self._wall = wall
        self._lock = threading.Lock()
        self._accepting = threading.Thread(target=self.serve_forever, args=(0.05,))
        self._accepting.start()

    def __enter__(self) -> Self:
        """Give the server, which already listens."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop listening, and wait for the requests that are under way."""
        self.shutdown()
        self._accepting.join()
        self.server_close()

    def answer(self, headers: dict[str, str], body: bytes) -> Answer:
        """Answer one request: by the function, or in the ingress's own words."""
        answer = self._answer(headers, body)
        with self._lock:
            self.statuses[answer.status] += 1
        return answer

    def _answer(self, headers: dict[str, str], body: bytes) -> Answer:
        ingress = self._ingress
        event = ingress.event(headers, body, int(self._wall() * 1000))
        if event is None:
            return too_large()
        try:
            return ingress.answer(self._instances.invoke(event, ingress.seconds))
        except ThrottledError:
            return words(*ingress.throttled)
        except FunctionError:
            return words(*ingress.failed)
        except LateError:
            return words(*ingress.late)


class _Connection(http.server.BaseHTTPRequestHandler):
    """Answers one request of a connection, and closes it: no idle ones are left to wait for."""

    server: IngressServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Write nothing."""

    def do_POST(self) -> None:
        """Take a delivery."""
        length = int(self.headers.get("Content-Length", "0"))
        answer = self.server.answer(dict(self.headers.items()), self.rfile.read(length))
        self.close_connection = True
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer.body)
