"""Functions that print faster than a destination accepts, or more than usual."""

from testing.lambda_services import events
from testing.lambda_services.services import LambdaServices
from testing.lambda_services.telemetry_stream import Platform
from testing.log_destinations.logzio import LogzioDestination
from testing.log_destinations.treatment import delayed
from tests.extension_load.starting import PATIENT, SHUTDOWN_SECONDS, number_of, sized, start
from tools.bench.extension_lines import lines

# An idle extension has about 25 MB and its buffers another 20 MB, a little more or less by machine.
MOST_MEMORY = 60_000_000
MEGABYTE = 1_000_000


def test_much_slower_than_the_function() -> None:
    """An invocation is delayed by some seconds at most, however many lines still wait."""
    # At 2.4 s for each 2 MB all of it would take two minutes. Lines may be three budgets late
    # because of that, and the flush takes another; the rest of the bound is for reading.
    size, count, budget, bound = 10_000, 10_000, 3.0, 60.0
    with (
        LogzioDestination(keep=None) as destination,
        LambdaServices(
            platform=Platform(memory_bytes=2 * size * count), shutdown_seconds=SHUTDOWN_SECONDS
        ) as services,
        start(
            services,
            destination,
            EXTENSION_LOG_LEVEL="error",
            FLUSH_BUDGET_MS=str(int(budget * 1000)),
        ) as extension,
    ):
        destination.misbehave(delayed(2.4))
        done = services.invoke(lines(0, count, size), deadline=300.0)
        destination.behave()
        extension.shutdown()
    assert done.added_seconds < bound


def test_connection_for_each_delivery() -> None:
    """Memory is bounded also if the platform opens a connection for each delivery."""
    bodies, per_body = sized(200, 400), 1_400  # 200 bodies have 70 MB
    with (
        LogzioDestination(keep=None) as destination,
        LambdaServices(shutdown_seconds=SHUTDOWN_SECONDS) as services,
        start(services, destination, EXTENSION_LOG_LEVEL="error") as extension,
    ):
        destination.misbehave(delayed(0.5))
        content = [events.event_json("function", line) for line in lines(0, per_body)]
        for _ in range(bodies):
            services.post(b"[" + b",".join(content) + b"]")
        memory = extension.rss_bytes()
        destination.behave()
        extension.shutdown()
    assert memory.peak <= MOST_MEMORY


def test_flush_ends_during_an_exchange() -> None:
    """An exchange in flight at the end of a flush is not cut off and sent twice."""
    rounds, per_round = sized(2, 20), 16_000
    with (
        LogzioDestination(keep=number_of) as destination,
        LambdaServices(shutdown_seconds=SHUTDOWN_SECONDS) as services,
        start(services, destination, FLUSH_BUDGET_MS="5000") as extension,
    ):
        destination.misbehave(delayed(2.0))
        for number in range(rounds):
            services.invoke(lines(number * per_round, (number + 1) * per_round))
        destination.behave()
        destination.wait_for(rounds * per_round)
        extension.shutdown()
        output = extension.output
    assert destination.records == list(range(rounds * per_round))
    assert output == b""


def test_fifty_megabytes() -> None:
    """50 MB logged within one invocation arrive, all of them, once and in order."""
    # Long lines: what is to be waited for is the extension, not the fakes' own JSON.
    size = 1_000
    count = 50 * MEGABYTE // size
    with (
        LogzioDestination(keep=number_of) as destination,
        # What waits with the platform while a busy machine is slower than the function is not lost.
        LambdaServices(
            platform=Platform(memory_bytes=2 * count * size), shutdown_seconds=SHUTDOWN_SECONDS
        ) as services,
        start(services, destination, **PATIENT) as extension,
    ):
        written = lines(0, count, size)
        done = services.invoke(written, deadline=300.0, bytes_per_second=10 * MEGABYTE)
        destination.wait_for(count, 120.0)
        ended = extension.shutdown()
        output = extension.output
    assert destination.records == list(range(count))
    assert services.dropped_records == 0
    assert done.next_at is not None
    assert (ended.exit_code, ended.killed, output) == (0, False, b"")
