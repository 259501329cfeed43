"""A real Prometheus that is killed, and comes back with what it had."""

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from handler.sender import Clock
from testing.events.samples import good_events
from testing.receiver import Receiver
from testing.servers import Prometheus, Samples, in_order
from tests.support.clocks import WaitedTime
from tests.support.telling import WAITING, TellingFunction

SAMPLES = 333


def fresh_event() -> dict[str, Any]:
    """Make a sample event with the time of now."""
    return good_events(int(time.time() * 1000))["function-url-otlp-1.0"]


def expected_of(event: dict[str, Any]) -> Samples:
    """Give what a server has to hold after an event."""
    with Receiver() as receiver:
        TellingFunction(receiver.url).invoke(event)
        return in_order(receiver.accepted_samples())


def clock_that(acts: Callable[[], None], before_retry: int) -> Clock:
    """Make a clock that does something before one of the retries, and then lets time pass."""
    retries = itertools.count(1)
    lock = threading.Lock()

    def jitter(ceiling: float) -> float:
        with lock:
            if next(retries) == before_retry:
                acts()
        return ceiling / 2

    return replace(WAITING, jitter=jitter)


def stored(server: Prometheus) -> Samples:
    """Give everything that a server holds."""
    return server.stored(cloud_provider="aws")


def test_down(folder: Path) -> None:
    """While the server is down the answer is 503; after its return a redelivery brings all."""
    event = fresh_event()
    with Prometheus(folder, window="3d") as server:
        time = WaitedTime(jitter=lambda _ceiling: 20.0)
        function = TellingFunction(server.write_url, clock=time.clock)
        server.kill()
        told = function.invoke(event)
        assert told.status == 503
        assert told.fates() == {"sent": 0, "rejected": 0, "undelivered": SAMPLES}
        assert told.metric("SamplesSent") == 0
        assert told.metric("ListenerRetries") >= 2
        server.start()
        again = function.invoke(event)
        assert again.status == 200
        assert again.fates() == {"sent": SAMPLES, "rejected": 0, "undelivered": 0}
        assert stored(server) == expected_of(event)


def test_back_during_retries(folder: Path) -> None:
    """A server that comes back while the function retries gets everything in that delivery."""
    event = fresh_event()
    with Prometheus(folder, window="3d") as server:
        clock = clock_that(server.start, before_retry=5)
        # A server may take long to start on a busy machine.
        function = TellingFunction(server.write_url, {"DELIVERY_BUDGET_SECONDS": "600"}, clock)
        server.kill()
        told = function.invoke(event)
        assert told.status == 200
        assert told.fates() == {"sent": SAMPLES, "rejected": 0, "undelivered": 0}
        assert told.delivery["retries"] >= 5
        assert stored(server) == expected_of(event)


def test_killed_between_deliveries(folder: Path) -> None:
    """A kill after the answer loses nothing, and a delivery that comes once more is stored once.

    The connection that the function has kept open is dead then; it makes another one.
    """
    event = fresh_event()
    with Prometheus(folder, window="3d") as server:
        function = TellingFunction(server.write_url)
        assert function.invoke(event).status == 200
        server.kill()
        server.start()
        assert stored(server) == expected_of(event)
        again = function.invoke(event)
        assert again.status == 200
        assert again.fates() == {"sent": SAMPLES, "rejected": 0, "undelivered": 0}
        assert stored(server) == expected_of(event)
