"""How the fake Telemetry API delivers: buffering, retries, bounded memory, and raw bodies."""

import http.client
import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from local.lambda_services.listener_client import Transfer
from local.lambda_services.services import LambdaServices
from local.lambda_services.telemetry_stream import Platform

EXTENSION = "/2020-01-01/extension"
QUICK = Platform(window_seconds=0.0, backoff_seconds=(0.01,))


class Listener(http.server.ThreadingHTTPServer):
    """An extension's listener that keeps what it gets, and answers as it is told.

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
        """Give the events of each body."""
        return [json.loads(body) for body in self.bodies]

    def kinds(self) -> list[list[str]]:
        """Give the types of the events of each body."""
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


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Run a listener."""
    running = Listener()
    yield running
    running.close()


def call(
    services: LambdaServices, method: str, path: str, body: Any = None, **headers: str
) -> http.client.HTTPResponse:
    """Call the services once."""
    connection = http.client.HTTPConnection(services.address, timeout=10)
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
    answer = call(services, "POST", f"{EXTENSION}/register", body, Lambda_Extension_Name="here")
    me = {"Lambda-Extension-Identifier": answer.headers["Lambda-Extension-Identifier"]}
    body = {
        "schemaVersion": "2022-12-13",
        "types": types,
        "buffering": buffering,
        "destination": {"protocol": "HTTP", "URI": f"http://sandbox.localdomain:{port}/path"},
    }
    assert call(services, "PUT", "/2022-07-01/telemetry", body, **me).status == 200


class TestBuffering:
    """When a delivery is sent, and what is in it."""

    def test_window(self, listener: Listener) -> None:
        """Records that come within `timeoutMs` are one delivery, sent when it is over."""
        with LambdaServices() as services:
            subscribe(services, listener.server_port, timeoutMs=300)
            for number in range(5):
                services.emit("function", number)
            assert services.wait_delivered()
            services.emit("function", 5)
            assert services.wait_delivered()
            first, second = services.deliveries
        assert [[e["record"] for e in events] for events in listener.events()] == [
            [0, 1, 2, 3, 4],
            [5],
        ]
        assert second.begun - first.begun >= 0.3
        assert (first.records, first.types, first.status) == (5, ("function",), 200)

    def test_items(self, listener: Listener) -> None:
        """`maxItems` records are a delivery at once, however long the window."""
        with LambdaServices() as services:
            subscribe(services, listener.server_port, maxItems=1000, timeoutMs=30_000)
            for number in range(2500):
                services.emit("function", number)
            for _ in range(2):
                assert listener.came.acquire(timeout=10)
        assert [len(events) for events in listener.events()] == [1000, 1000]

    def test_bytes(self, listener: Listener) -> None:
        """The record that reaches `maxBytes` is part of its delivery: nearly twice as large."""
        with LambdaServices() as services:
            subscribe(services, listener.server_port, maxBytes=262_144, timeoutMs=30_000)
            services.emit("function", "x" * 262_000)
            services.emit("function", "y" * 262_000)
            assert services.wait_delivered()
        ((size),) = [len(body) for body in listener.bodies]
        assert 524_000 < size < 2 * 262_144 + 1000

    def test_types(self, listener: Listener) -> None:
        """Only what is subscribed to is delivered; all of `platform` is one type."""
        with LambdaServices(platform=QUICK) as services:
            subscribe(services, listener.server_port, ("platform", "extension"))
            for kind in ("function", "extension", "platform.fault"):
                services.emit(kind, kind)
            assert services.wait_delivered()
        flat = [kind for kinds in listener.kinds() for kind in kinds]
        started = ["platform.initStart", "platform.telemetrySubscription"]
        assert flat == [*started, "extension", "platform.fault"]

    def test_kept_alive(self, listener: Listener) -> None:
        """All deliveries come over one connection, as JSON, one after the other."""
        with LambdaServices(platform=QUICK) as services:
            subscribe(services, listener.server_port)
            for number in range(20):
                services.emit("function", number)
                assert services.wait_delivered()
            pairs = zip(services.deliveries, services.deliveries[1:], strict=False)
            assert all(one.ended <= other.begun for one, other in pairs)
        assert len(set(listener.connections)) == 1
        assert {headers["Content-Type"] for headers in listener.headers} == {"application/json"}

    def test_frozen(self, listener: Listener) -> None:
        """While the environment is frozen nothing is delivered; then all of it is."""
        with LambdaServices(platform=QUICK) as services:
            subscribe(services, listener.server_port)
            services.emit("function", "line")
            assert services.wait_delivered()
            assert listener.came.acquire(timeout=10)
            services.environment.freeze(stop=False)
            services.emit("function", "late")
            assert not listener.came.acquire(timeout=0.2)
            services.environment.thaw()
            assert services.wait_delivered()
        flat = [event["record"] for events in listener.events() for event in events]
        assert flat == ["line", "late"]


class TestFailures:
    """What happens when a delivery is not acknowledged."""

    def test_error(self, listener: Listener) -> None:
        """An answer other than 2xx brings the same batch again, until it is taken."""
        listener.statuses += [500, 404, 302]
        with LambdaServices(platform=QUICK) as services:
            subscribe(services, listener.server_port)
            services.emit("function", "line")
            assert services.wait_delivered()
            assert [delivery.status for delivery in services.deliveries] == [500, 404, 302, 200]
            assert {delivery.number for delivery in services.deliveries} == {1}
        assert len(set(listener.bodies)) == 1

    def test_no_listener(self) -> None:
        """Without a listener it is tried again until there is one."""
        gone = Listener()
        gone.close()
        with LambdaServices(platform=QUICK) as services:
            subscribe(services, gone.server_port)
            services.emit("function", "line")
            assert not services.wait_delivered(0.2)
            back = Listener(gone.server_port)
            assert services.wait_delivered()
            back.close()
            assert "refused" in services.deliveries[0].failure
        assert len(back.bodies) == 1

    def test_no_answer(self, listener: Listener) -> None:
        """An answer that takes too long brings the batch again, over another connection."""
        listener.open.clear()
        quick = Platform(window_seconds=0.0, backoff_seconds=(0.01,), answer_seconds=0.1)
        with LambdaServices(platform=quick) as services:
            subscribe(services, listener.server_port)
            services.emit("function", "line")
            for _ in range(2):
                assert listener.came.acquire(timeout=10)
            listener.open.set()
            assert services.wait_delivered()
            first, *_, last = services.deliveries
        assert first.answer_seconds >= 0.1
        assert last.acknowledged
        assert len(set(listener.connections)) > 1

    def test_dropped(self, listener: Listener) -> None:
        """Lines beyond the memory are dropped, and `platform.logsDropped` says how many."""
        listener.open.clear()
        small = Platform(window_seconds=0.0, memory_bytes=100_000)
        with LambdaServices(platform=small) as services:
            subscribe(services, listener.server_port, ("platform", "function"))
            for _ in range(500):
                services.emit("function", "x" * 1000)
            dropped = services.dropped_records
            listener.open.set()
            assert services.wait_delivered()
            assert services.dropped_records == dropped
        events = [event for delivery in listener.events() for event in delivery]
        arrived = [event for event in events if event["type"] == "function"]
        told = [event["record"] for event in events if event["type"] == "platform.logsDropped"]
        assert dropped > 300
        assert len(arrived) + dropped == 500
        assert sum(record["droppedRecords"] for record in told) == dropped
        assert sum(record["droppedBytes"] for record in told) > 1000 * dropped
        assert all("fallen behind" in record["reason"] for record in told)


class TestRaw:
    """Bytes that a test sends itself."""

    @pytest.mark.parametrize("transfer", ["length", "chunked", "expect"])
    def test_transfers(self, listener: Listener, transfer: Transfer) -> None:
        """Any bytes arrive as they are, in each way that HTTP has."""
        body = b"[{]\x00\xff" * 50_000
        with LambdaServices(platform=QUICK) as services:
            subscribe(services, listener.server_port)
            delivery = services.post(body, transfer)
        assert (delivery.status, delivery.failure, delivery.size) == (200, "", len(body))
        assert listener.bodies == [body]
        assert 0 <= delivery.answer_seconds < 10

    def test_cut(self, listener: Listener) -> None:
        """A body that ends in its middle arrives so."""
        with LambdaServices(platform=QUICK) as services:
            subscribe(services, listener.server_port)
            delivery = services.post(b"x" * 1000, "cut")
        assert delivery.status == 0
        assert listener.bodies == [b"x" * 500]

    def test_event_bytes(self, listener: Listener) -> None:
        """An event may be anything, also what is no JSON."""
        with LambdaServices(platform=QUICK) as services:
            subscribe(services, listener.server_port)
            services.emit_bytes("function", b"{nonsense")
            assert services.wait_delivered()
        assert listener.bodies == [b"[{nonsense]"]
