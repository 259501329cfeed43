"""How much is sent at once: a batch that a destination needs too long for is made smaller."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from extension.batch_size import BatchSize
from extension.errors import AbandonedExchange, ExchangeError
from tests.support.extension_deliveries import Delivering
from tests.support.extension_parts import OK, LinesDestination, status

if TYPE_CHECKING:
    from extension.messages import Response

LARGEST = 2_097_152
SMALLEST = 262_144
BUDGET = 10.0


def test_largest_at_first() -> None:
    """The first batch is as large as the destination takes, within two megabytes."""
    assert BatchSize(10_485_760).bytes == LARGEST
    assert BatchSize(500_000).bytes == 500_000


def test_small_after_silence() -> None:
    """After an exchange that had no answer in its time the next batch is small, then they grow."""
    size = BatchSize(10_485_760)
    size.unanswered(1.0, 1.0)
    sizes = [size.bytes]
    for _ in range(4):
        size.answered(0.1, 1.0)
        sizes.append(size.bytes)
    assert sizes == [SMALLEST, 2 * SMALLEST, 4 * SMALLEST, LARGEST, LARGEST]


def test_not_larger_than_the_time_is() -> None:
    """A batch that took half of the time is not followed by one that may take all of it."""
    size = BatchSize(10_485_760)
    size.unanswered(1.0, 1.0)
    size.answered(0.5, 1.0)
    assert size.bytes == SMALLEST


def test_other_failures() -> None:
    """A failure at once, a connection that is refused for instance, has nothing to do with size."""
    size = BatchSize(10_485_760)
    size.unanswered(0.01, 1.0)
    assert size.bytes == LARGEST


def test_small_limit() -> None:
    """No batch is larger than the destination allows, however small that is."""
    size = BatchSize(1_000)
    size.unanswered(1.0, 1.0)
    size.answered(0.1, 1.0)
    assert size.bytes == 1_000


def test_slow_destination() -> None:
    """A backlog reaches a destination that needs longer than the budget for all of it at once."""
    records = [b"%04d" % number + b"x" * 996 for number in range(1_500)]

    def slow(posted: list[bytes]) -> Response | ExchangeError:
        # A second for each hundred kilobytes.
        seconds = sum(map(len, posted)) / 100_000
        delivering.leap(min(seconds, BUDGET))
        return OK if seconds < BUDGET else ExchangeError("no answer in time")

    delivering = Delivering(
        *[slow] * 100,
        destination=LinesDestination(10_000_000),
        max_bytes=8_000_000,
        budget=BUDGET,
    )
    delivering.started(*records)
    delivering.wait_for(sent=1_500, pending=0)
    assert delivering.exchanges.acknowledged == records
    assert delivering.buffer.account().dropped == {}


@pytest.mark.parametrize("outcome", [status(503), AbandonedExchange("frozen")])
def test_size_is_kept(outcome: Response | AbandonedExchange) -> None:
    """An answer that asks for patience, and a freeze, leave the size as it is."""
    records = [b"%04d" % number + b"x" * 996 for number in range(1_500)]

    def late(_posted: list[bytes]) -> Response | AbandonedExchange:
        delivering.leap(BUDGET)
        return outcome

    delivering = Delivering(
        late, destination=LinesDestination(10_000_000), max_bytes=8_000_000, budget=BUDGET
    )
    delivering.started(*records)
    delivering.wait_for(sent=1_500, pending=0)
    assert delivering.exchanges.posts == [records, records]
