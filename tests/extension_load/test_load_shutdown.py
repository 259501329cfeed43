"""SHUTDOWN with many pending lines and a slow destination: there are two seconds."""

from typing import NamedTuple

from testing.lambda_services.extension_process import Ended
from testing.lambda_services.services import LambdaServices
from testing.log_destinations.logzio import LogzioDestination
from testing.log_destinations.treatment import delayed, status
from tests.extension_load.starting import SHUTDOWN_SECONDS, number_of, sized, start
from tools.bench.extension_lines import LINE_BYTES, lines

TAKES_SECONDS = 0.3
# As lines; as records of Logz.io they are nearly three times as large.
PENDING_BYTES = sized(400_000, 2_000_000)
COUNT = PENDING_BYTES // LINE_BYTES
ENDS = 5
"""The number of attempts; there is more than one only if the machine was too slow."""
# What the extension takes of Lambda's two seconds before it gives up.
GIVEN_UP_SECONDS = 1.5


class Left(NamedTuple):
    """The result of one environment.

    Attributes:
        ended: How it ended.
        output: What the extension said.
        numbers: Of the lines that arrived.
        others: The records that are none of those lines.
    """

    ended: Ended
    output: bytes
    numbers: list[int]
    others: list[dict[str, str]]

    @property
    def too_late(self) -> bool:
        """Whether the losses were logged, and all the time was used."""
        return b"log records were lost" in self.output and self.ended.seconds > GIVEN_UP_SECONDS


def left(destination: LogzioDestination, ended: Ended, output: bytes) -> Left:
    """Take apart what has arrived."""
    numbers = [it for it in destination.records if isinstance(it, int)]
    others = [it for it in destination.records if not isinstance(it, int)]
    return Left(ended, output, numbers, others)


def waiting_at_shutdown() -> Left:
    """End an environment whose destination has not taken anything before."""
    with (
        LogzioDestination(keep=number_of) as destination,
        LambdaServices(shutdown_seconds=SHUTDOWN_SECONDS) as services,
        start(services, destination) as extension,
    ):
        destination.misbehave(status(503))
        services.invoke(lines(0, COUNT))
        assert services.wait_delivered()
        assert destination.count == 0
        destination.misbehave(delayed(TAKES_SECONDS))
        return left(destination, extension.shutdown(), extension.output)


def test_what_waits_at_shutdown() -> None:
    """Lines that a destination refused before arrive at SHUTDOWN, in time and in order."""
    for _ in range(ENDS):
        found = waiting_at_shutdown()
        assert (found.ended.exit_code, found.ended.killed) == (0, False)
        if found.numbers[:COUNT] == list(range(COUNT)):
            return
        assert found.too_late, found.output
    raise AssertionError("never in time")


def crashed(count: int) -> tuple[str, Left]:
    """End an environment that crashed right after some lines; give the request's id too."""
    with (
        LogzioDestination(keep=number_of) as destination,
        LambdaServices(shutdown_seconds=SHUTDOWN_SECONDS) as services,
        start(services, destination) as extension,
    ):
        destination.misbehave(delayed(TAKES_SECONDS))
        done = services.invoke(lines(0, count), status="failure")
        ended = extension.shutdown("failure")
        return done.request_id, left(destination, ended, extension.output)


def test_crash_right_after_many_lines() -> None:
    """Lines that a function printed just before it crashed arrive, and then why it ended."""
    # There are two seconds for everything, reading included.
    count = COUNT // 2
    for _ in range(ENDS):
        request_id, found = crashed(count)
        assert (found.ended.exit_code, found.ended.killed) == (0, False)
        if found.numbers == list(range(count)):
            assert [it["requestId"] for it in found.others] == [request_id]
            assert "failure" in str(found.others)
            assert found.output == b""
            return
    raise AssertionError("never in time")
