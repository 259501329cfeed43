"""SHUTDOWN while megabytes wait, a destination that takes its time, and SIGKILL after 2 s."""

from bench.extension_lines import LINE_BYTES, lines
from local.lambda_services.services import LambdaServices
from local.log_destinations.logzio import LogzioDestination
from local.log_destinations.treatment import delayed, status
from tests.extension_load.starting import number_of, sized, start

TAKES_SECONDS = 0.3
# As lines; as records of Logz.io they are nearly three times as large.
PENDING_BYTES = sized(1_200_000, 2_000_000)
COUNT = PENDING_BYTES // LINE_BYTES


def test_what_waits_at_shutdown() -> None:
    """What a destination did not take before, it gets at SHUTDOWN, in time and in order."""
    with (
        LogzioDestination(keep=number_of) as destination,
        LambdaServices() as services,
        start(services, destination, EXTENSION_LOG_LEVEL="error") as extension,
    ):
        destination.misbehave(status(503))
        services.invoke(lines(0, COUNT), deadline=30.0)
        assert services.wait_delivered()
        assert destination.count == 0
        destination.misbehave(delayed(TAKES_SECONDS))
        ended = extension.shutdown()
        output = extension.output
    assert destination.records[:COUNT] == list(range(COUNT))
    assert (ended.exit_code, ended.killed, output) == (0, False, b"")


def test_crash_right_after_many_lines() -> None:
    """Lines that a function printed just before it crashed arrive, and then why it ended."""
    # There are two seconds for everything, reading included.
    count = COUNT // 2
    with (
        LogzioDestination(keep=number_of) as destination,
        LambdaServices() as services,
        start(services, destination) as extension,
    ):
        destination.misbehave(delayed(TAKES_SECONDS))
        done = services.invoke(lines(0, count), deadline=30.0, status="failure")
        ended = extension.shutdown("failure")
        output = extension.output
    numbers = [it for it in destination.records if isinstance(it, int)]
    others = [it for it in destination.records if not isinstance(it, int)]
    assert numbers == list(range(count))
    assert [it["requestId"] for it in others] == [done.request_id]
    assert "failure" in str(others)
    assert (ended.exit_code, ended.killed, output) == (0, False, b"")
