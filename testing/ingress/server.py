"""The HTTP side of an ingress."""

import threading
import time
from collections import Counter

from testing.emulator import FunctionError
from testing.http_server import HttpServer, Reply, Request
from testing.ingress.concurrency import Instances, LateError, ThrottledError
from testing.ingress.kinds import IngressKind, own_reply


class IngressServer(HttpServer):
    """An ingress on a free port of 127.0.0.1, listening until the end of `with`.

    Args:
        kind: Which one.
        instances: The function's instances; several ingresses may share them.

    Attributes:
        url: Where to deliver to.
        statuses: The number of replies by status.
    """

    def __init__(self, kind: IngressKind, instances: Instances) -> None:
        self.statuses: Counter[int] = Counter()
        self._kind = kind
        self._instances = instances
        self._lock = threading.Lock()
        super().__init__()
        self.url = f"http://127.0.0.1:{self.port}/"

    def respond(self, request: Request) -> Reply:
        """Return the function's response, or an error of the ingress itself."""
        kind = self._kind
        event = kind.event(dict(request.sent_headers), request.body, int(time.time() * 1000))
        if event is None:
            # On a 413 Firehose discards the batch.
            return own_reply(413, "Request Entity Too Large")
        try:
            return kind.reply(self._instances.invoke(event, kind.seconds))
        except ThrottledError:
            return own_reply(*kind.throttled)
        except FunctionError:
            return own_reply(*kind.failed)
        except LateError:
            return own_reply(*kind.late)

    def replied(self, request: Request, status: int) -> None:  # noqa: ARG002
        """Count a reply."""
        with self._lock:
            self.statuses[status] += 1
