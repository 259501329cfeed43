"""One invocation that logs very much, and a destination that takes it."""

from testing.lambda_services.services import LambdaServices
from testing.lambda_services.telemetry_stream import Platform
from testing.log_destinations.logzio import LogzioDestination
from tests.extension_load.starting import PATIENT, SHUTDOWN_SECONDS, number_of, start
from tools.bench.extension_lines import lines

MEGABYTE = 1_000_000


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
