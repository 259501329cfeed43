"""Promise 2: the last line of an invocation arrives before the environment can freeze."""

import time

import pytest

from testing.lambda_services.invocation import Order
from testing.lambda_services.telemetry_stream import Platform
from testing.log_destinations.destination import LogDestination
from testing.log_destinations.log_table import row_of
from testing.log_destinations.logzio import LogzioDestination
from tests.extension_process.running import (
    AT_ONCE,
    ORDERS,
    PROMPT,
    WINDOW,
    in_time,
    message_of,
    messages,
    shipping,
)

BUDGET = 2.0


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("platform", "gap"),
    [(Platform(window_seconds=0.1), 0.0), (AT_ONCE, 0.15)],
    ids=["gathered", "apart"],
)
def test_delivered_in_time(
    logzio: LogzioDestination, platform: Platform, gap: float, order: Order
) -> None:
    """If the platform buffers, or line and end come apart, lines delivered in time arrive."""
    number = seen = 0
    with shipping(logzio, environ=WINDOW, platform=platform) as run:
        while seen < 3:
            line = f"line {number}"
            done = run.services.invoke([line], order=order, gap=gap)
            if in_time(run, done):
                seen += 1
                assert done.next_at is not None
                assert {text: at for it, at in logzio.acknowledged if (text := message_of(it))}[
                    line
                ] < done.next_at
            number += 1
            assert number < 60, "the platform never delivers in time"
        logzio.wait_for(number)
        run.end()
    assert messages(logzio) == [f"line {it}" for it in range(number)]


def test_late_line_keeps_its_invocation(destination: LogDestination) -> None:
    """A line that comes with the next invocation has the id of the one that printed it."""
    with shipping(destination, platform=AT_ONCE) as run:
        first = run.services.invoke(["early"], duration=0.05)
        run.services.emit("function", "late", at=time.time() - 0.05)
        second = run.services.invoke(["of the second"], duration=0.05)
        third = run.services.invoke([{"requestId": "its-own", "message": "its own"}])
        run.end()
    found = {row_of(it).message: row_of(it).request_id for it in destination.records}
    assert found["early"] == found["late"] == first.request_id
    assert found["of the second"] == second.request_id
    # A user's own request id, such as an order, never replaces the invocation's.
    assert found["its own"] == third.request_id


def test_several_invocations_at_once(logzio: LogzioDestination) -> None:
    """On Managed Instances a line has a request id only if it says so itself."""
    with shipping(logzio, managed_instances=True) as run:
        run.services.invoke(["plain", {"requestId": "its-own", "message": "object"}])
        logzio.wait_for(2)
        run.end()
    found = {row_of(it).message: row_of(it).request_id for it in logzio.records}
    assert found == {"plain": "", "object": "its-own"}


@pytest.mark.large
def test_lost_runtime_done(logzio: LogzioDestination) -> None:
    """A lost `runtimeDone` is waited for once; after that the wait is at most the budget."""
    environ = {"FLUSH_BUDGET_MS": str(int(BUDGET * 1000))}
    with shipping(logzio, environ=environ, platform=AT_ONCE) as run:
        first = run.services.invoke(["line 0"], lose_runtime_done=True, deadline=2.0)
        assert first.next_at is not None
        # The margin before the deadline is half a second, or a quarter of what is left.
        assert first.next_at >= first.deadline - 0.6
        for number in range(1, 4):
            lost = run.services.invoke([f"line {number}"], lose_runtime_done=True)
            assert lost.added_seconds < PROMPT
            logzio.wait_for(number + 1)
        held = [run.services.invoke([f"line {number}"]).added_seconds for number in (4, 5, 6)]
        assert min(held) < BUDGET
        logzio.wait_for(7)
        run.end()
    assert messages(logzio) == [f"line {number}" for number in range(7)]
