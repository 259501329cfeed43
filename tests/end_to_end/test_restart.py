"""A real Prometheus that is killed, and comes back with its data."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from handler.clock import Clock
from testing.events.samples import good_events
from testing.receiver import Receiver
from testing.servers import Prometheus, in_order
from tests.support.clocks import WaitedTime
from tests.support.recording import WAITING, Recorded, RecordingFunction

pytestmark = pytest.mark.real_server

SAMPLES = 333
ALL_SENT = {"sent": SAMPLES, "rejected": 0, "undelivered": 0}


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Run a Prometheus of the test's own."""
    with Prometheus(tmp_path_factory.mktemp("server"), window="3d") as running:
        yield running


@pytest.fixture
def event() -> dict[str, Any]:
    """Return a sample event of now."""
    return good_events(int(time.time() * 1000))["function-url-otlp-1.0"]


def clock_that(acts: Callable[[], None], before_retry: int) -> Clock:
    """Return a clock that does something before one of the retries, and then lets time pass."""
    retries = itertools.count(1)
    lock = threading.Lock()

    def jitter(ceiling: float) -> float:
        with lock:
            if next(retries) == before_retry:
                acts()
        return ceiling / 2

    return replace(WAITING, jitter=jitter)


def assert_stored(server: Prometheus, event: dict[str, Any], recorded: Recorded) -> None:
    """Require success, and that the server has exactly the samples of the event."""
    assert (recorded.status, recorded.samples()) == (200, ALL_SENT)
    with Receiver() as receiver:
        RecordingFunction(receiver.url).invoke(event)
        expected = in_order(receiver.accepted_samples())
    assert server.stored(cloud_provider="aws") == expected


def test_down(server: Prometheus, event: dict[str, Any]) -> None:
    """While the server is down the answer is 503; afterwards a redelivery stores everything."""
    clock = WaitedTime(jitter=lambda _ceiling: 20.0).clock
    function = RecordingFunction(server.write_url, clock=clock)
    server.kill()
    recorded = function.invoke(event)
    assert recorded.status == 503
    assert recorded.samples() == {"sent": 0, "rejected": 0, "undelivered": SAMPLES}
    assert recorded.metric("SamplesSent") == 0
    assert recorded.metric("ListenerRetries") >= 2
    server.start()
    assert_stored(server, event, function.invoke(event))


def test_back_during_retries(server: Prometheus, event: dict[str, Any]) -> None:
    """A server that comes back while the function retries gets everything in that delivery."""
    # A server may take long to start on a busy machine.
    settings = {"DELIVERY_BUDGET_SECONDS": "600"}
    function = RecordingFunction(server.write_url, settings, clock_that(server.start, 5))
    server.kill()
    recorded = function.invoke(event)
    assert recorded.delivery["retries"] >= 5
    assert_stored(server, event, recorded)


def test_killed_between_deliveries(server: Prometheus, event: dict[str, Any]) -> None:
    """A kill after the answer loses nothing, and a redelivery is stored once.

    The function replaces its connection, which the kill has ended.
    """
    function = RecordingFunction(server.write_url)
    first = function.invoke(event)
    server.kill()
    server.start()
    assert_stored(server, event, first)
    assert_stored(server, event, function.invoke(event))
