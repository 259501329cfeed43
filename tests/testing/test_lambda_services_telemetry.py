"""How the fake Telemetry API delivers: buffering, retries and bounded memory."""

from collections.abc import Iterator

import pytest

from testing.lambda_services.services import LambdaServices
from testing.lambda_services.telemetry_stream import Platform
from testing.ports import free_port
from tests.support.extension_subscribing import Listener, subscribe

QUICK = Platform(window_seconds=0.0, backoff_seconds=(0.01,))
NEVER = Platform(window_seconds=3600.0)


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Run an extension's listener."""
    with Listener() as running:
        yield running


class TestBuffering:
    """When a delivery is sent, and what is in it."""

    @pytest.mark.large
    def test_window(self, listener: Listener) -> None:
        """Records within `timeoutMs` are one delivery, over one connection."""
        with LambdaServices() as services:
            subscribe(services, listener.port, timeoutMs=3000)
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
        assert second.begun - first.begun >= 3
        assert (first.records, first.types, first.status) == (5, ("function",), 200)
        assert len({it.connection for it in listener.requests}) == 1
        assert {it.headers["content-type"] for it in listener.requests} == {"application/json"}

    def test_items(self, listener: Listener) -> None:
        """`maxItems` records are delivered at once, however long the window."""
        with LambdaServices(platform=NEVER) as services:
            subscribe(services, listener.port, maxItems=1000)
            for number in range(2500):
                services.emit("function", number)
            for _ in range(2):
                assert listener.came.acquire(timeout=60)
        assert [len(events) for events in listener.events()] == [1000, 1000]

    def test_bytes(self, listener: Listener) -> None:
        """The record that reaches `maxBytes` is part of its delivery: nearly twice as large."""
        with LambdaServices(platform=NEVER) as services:
            subscribe(services, listener.port, maxBytes=262_144)
            services.emit("function", "x" * 262_000)
            services.emit("function", "y" * 262_000)
            assert services.wait_delivered()
        ((size),) = [len(body) for body in listener.bodies]
        assert 524_000 < size < 2 * 262_144 + 1000

    def test_types(self, listener: Listener) -> None:
        """Only what is subscribed to is delivered; all of `platform` is one type."""
        with LambdaServices(platform=QUICK) as services:
            subscribe(services, listener.port, ("platform", "extension"))
            for kind in ("function", "extension", "platform.fault"):
                services.emit(kind, kind)
            assert services.wait_delivered()
        flat = [kind for kinds in listener.kinds() for kind in kinds]
        started = ["platform.initStart", "platform.telemetrySubscription"]
        assert flat == [*started, "extension", "platform.fault"]

    def test_frozen(self, listener: Listener) -> None:
        """While the environment is frozen nothing is delivered; afterwards everything is."""
        with LambdaServices(platform=QUICK) as services:
            subscribe(services, listener.port)
            services.emit("function", "line")
            assert services.wait_delivered()
            assert listener.came.acquire(timeout=60)
            services.environment.freeze()
            services.emit("function", "late")
            assert not listener.came.acquire(timeout=0.2)
            services.environment.thaw()
            assert services.wait_delivered()
        flat = [event["record"] for events in listener.events() for event in events]
        assert flat == ["line", "late"]


class TestFailures:
    """Deliveries that are not acknowledged."""

    def test_error(self, listener: Listener) -> None:
        """After another status than 2xx the same batch is sent again, until it is acknowledged."""
        listener.statuses += [500, 404, 302]
        with LambdaServices(platform=QUICK) as services:
            subscribe(services, listener.port)
            services.emit("function", "line")
            assert services.wait_delivered()
            assert [delivery.status for delivery in services.deliveries] == [500, 404, 302, 200]
            assert {delivery.number for delivery in services.deliveries} == {1}
        assert len(set(listener.bodies)) == 1

    def test_no_listener(self) -> None:
        """Without a listener the batch is retried until there is one."""
        port = free_port()
        with LambdaServices(platform=QUICK) as services:
            subscribe(services, port)
            services.emit("function", "line")
            assert not services.wait_delivered(0.2)
            back = Listener(port)
            assert services.wait_delivered()
            back.close()
            assert "refused" in services.deliveries[0].failure
        assert len(back.bodies) == 1

    def test_dropped(self, listener: Listener) -> None:
        """Lines beyond the memory are dropped, and `platform.logsDropped` says how many."""
        listener.open.clear()
        small = Platform(window_seconds=0.0, memory_bytes=100_000)
        with LambdaServices(platform=small) as services:
            subscribe(services, listener.port, ("platform", "function"))
            for _ in range(500):
                services.emit("function", "x" * 1000)
            dropped = services.dropped_records
            listener.open.set()
            assert services.wait_delivered()
            assert services.dropped_records == dropped
        events = [event for delivery in listener.events() for event in delivery]
        arrived = [event for event in events if event["type"] == "function"]
        reports = [event["record"] for event in events if event["type"] == "platform.logsDropped"]
        assert dropped > 300
        assert len(arrived) + dropped == 500
        assert sum(record["droppedRecords"] for record in reports) == dropped
        assert sum(record["droppedBytes"] for record in reports) > 1000 * dropped
        assert all("fallen behind" in record["reason"] for record in reports)
