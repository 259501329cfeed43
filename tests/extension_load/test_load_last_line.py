"""The last line of each of many invocations arrives before the environment can freeze."""

import pytest

from testing.lambda_services.invocation import Invocation, Order
from testing.lambda_services.listener_client import TelemetryPost
from testing.lambda_services.services import LambdaServices
from testing.lambda_services.telemetry_stream import Platform
from testing.log_destinations.logzio import LogzioDestination
from tests.extension_load.starting import PATIENT, SHUTDOWN_SECONDS, number_of, sized, start
from tools.bench.extension_lines import lines

# The extension does not wait for lines that come a buffering window after `runtimeDone`.
WINDOW_SECONDS = 0.1


def in_time(done: Invocation, deliveries: list[TelemetryPost]) -> bool:
    """Return whether the line came within that window."""
    later = (it for it in deliveries if it.begun > done.begun and "function" in it.types)
    found = next(later, None)
    # The end has its time in whole milliseconds.
    return found is not None and found.ended <= done.done_at + WINDOW_SECONDS - 0.001


@pytest.mark.parametrize("order", ["line-then-done", "done-then-line", "one-post"])
def test_last_line_of_each_invocation(order: Order) -> None:
    """Each last line is acknowledged before the next `GET /event/next`, and arrives once."""
    count = sized(80, 1_000)
    with (
        LogzioDestination(keep=number_of) as destination,
        LambdaServices(
            platform=Platform(window_seconds=0.0), shutdown_seconds=SHUTDOWN_SECONDS
        ) as services,
        start(
            services, destination, **PATIENT, LOGS_TIMEOUT_MS=str(int(WINDOW_SECONDS * 1000))
        ) as extension,
    ):
        invocations = [services.invoke(lines(it, it + 1), order=order) for it in range(count)]
        deliveries = services.deliveries
        acknowledged = dict(destination.acknowledged)
        destination.wait_for(count)
        extension.shutdown()
        output = extension.output
    late = []
    for number, done in enumerate(invocations):
        assert done.next_at is not None
        if acknowledged.get(number, done.next_at + 1) > done.next_at:
            late.append(done)
    if order == "done-then-line":
        assert not [done for done in late if in_time(done, deliveries)]
        assert len(late) < count
    else:
        assert late == []
    assert destination.records == list(range(count))
    assert output == b""
