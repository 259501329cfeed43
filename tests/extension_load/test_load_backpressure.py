"""Destinations that are healthy and take less than a function prints for a while."""

from bench.extension_lines import lines
from local.lambda_services import events
from local.lambda_services.services import LambdaServices
from local.log_destinations.arrival import Arrival
from local.log_destinations.logzio import LogzioDestination
from local.log_destinations.treatment import RateLimit, Treatment, delayed
from tests.extension_load.starting import number_of, sized, start

# How late lines may come because the destination is slow, and then a budget for the flush.
MOST_SECONDS = 3.0 + 1.0
# Reading, on a machine that does much else.
TOLERANCE_SECONDS = 1.5
MOST_MEMORY = 45_000_000


def test_slower_than_the_function() -> None:
    """What a slow destination cannot take at once waits with the platform, and arrives."""
    count = 40_000
    with (
        LogzioDestination(keep=number_of) as destination,
        LambdaServices() as services,
        # A budget that a machine with other work to do does not use up by itself.
        start(services, destination, FLUSH_BUDGET_MS="4000") as extension,
    ):
        destination.misbehave(delayed(0.15))
        services.invoke(lines(0, count), deadline=60.0, bytes_per_second=12e6)
        assert services.wait_delivered()
        extension.shutdown()
        output = extension.output
    assert destination.records == list(range(count))
    assert services.dropped_records == 0
    assert output == b""


def slowly(arrival: Arrival) -> Treatment:
    """Take 300 kB a second, which is about 2.7 MB of lines."""
    return delayed(int(arrival.head.headers["content-length"]) / 300_000)


def test_much_slower_than_the_function() -> None:
    """An invocation is held up for some seconds at most, however much still waits."""
    with (
        LogzioDestination(keep=number_of) as destination,
        LambdaServices() as services,
        start(services, destination, EXTENSION_LOG_LEVEL="error") as extension,
    ):
        destination.misbehave(slowly)
        done = services.invoke(lines(0, 120_000), deadline=60.0)
        destination.behave()
        extension.shutdown()
    assert done.added_seconds <= MOST_SECONDS + TOLERANCE_SECONDS


def test_connection_for_each_delivery() -> None:
    """Memory is bounded where the platform opens a connection for each of its deliveries, too."""
    bodies, per_body = sized(50, 400), 1_400
    with (
        LogzioDestination(keep=None) as destination,
        LambdaServices() as services,
        start(services, destination, EXTENSION_LOG_LEVEL="error") as extension,
    ):
        destination.misbehave(delayed(0.5))
        content = [events.event_json("function", line) for line in lines(0, per_body)]
        for _ in range(bodies):
            services.post(b"[" + b",".join(content) + b"]", seconds=30.0)
        memory = extension.rss_bytes()
        destination.behave()
        extension.shutdown()
    assert memory.peak <= MOST_MEMORY


def test_flush_ends_during_an_exchange() -> None:
    """What is on its way when the budget of a flush is over is not given up and sent twice."""
    rounds, per_round = sized(3, 20), 16_000
    with (
        LogzioDestination(keep=number_of) as destination,
        LambdaServices() as services,
        start(services, destination, FLUSH_BUDGET_MS="1500") as extension,
    ):
        destination.misbehave(delayed(0.6))
        for number in range(rounds):
            services.invoke(lines(number * per_round, (number + 1) * per_round), deadline=30.0)
        destination.behave()
        extension.shutdown()
        output = extension.output
    assert destination.records == list(range(rounds * per_round))
    assert output == b""


def test_rate_limit() -> None:
    """What is answered 429 with `Retry-After` is sent again; nothing is lost or comes twice."""
    rounds, per_round = 6, 2_000
    with (
        LogzioDestination(keep=number_of) as destination,
        LambdaServices() as services,
        start(services, destination, EXTENSION_LOG_LEVEL="error") as extension,
    ):
        destination.misbehave(RateLimit(bytes_per_second=30_000, burst_bytes=60_000))
        for number in range(rounds):
            services.invoke(lines(number * per_round, (number + 1) * per_round), duration=0.2)
        refused = [arrival.status for arrival in destination.arrivals].count(429)
        destination.behave()
        extension.shutdown()
    assert refused
    assert destination.records == list(range(rounds * per_round))
