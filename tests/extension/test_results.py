"""Losses on the way to a destination are reported to it, once, in one record."""

import json

import pytest

from extension.backoff import Backoff
from extension.buffer import Buffer
from extension.records import LogRecord
from extension.results import ResultHandler
from tests.support.extension_parts import (
    LinesDestination,
    ShiftedTime,
    Written,
    clocks_with,
    lines,
)


class Unwilling(LinesDestination):
    """Cannot encode its first record."""

    calls = 0

    def encode(self, record: LogRecord) -> bytes:
        """Fail once."""
        self.calls += 1
        if self.calls == 1:
            raise RuntimeError("a text that nobody may see")
        return super().encode(record)


class Losing:
    """A buffer that loses records, and what reports them."""

    def __init__(self, destination: LinesDestination | None = None) -> None:
        self.time = ShiftedTime()
        self.written = Written()
        self.buffer = Buffer(10_000, float)
        self.results = ResultHandler(
            destination or LinesDestination(),
            self.buffer,
            Backoff(self.time, lambda: 1.0),
            clocks_with(self.time),
            self.written.log,
        )

    def reported(self) -> list[dict[str, dict[str, object]]]:
        """Return the queued records, and mark them as sent."""
        batch = self.buffer.take(10_000)
        self.buffer.resolve(len(batch))
        return [json.loads(record) for record in batch]

    def counts(self) -> list[object]:
        """Return the counts in the queued records."""
        return [record["record"]["logsDropped"] for record in self.reported()]


def test_one_record() -> None:
    """All reasons and the platform's own counts are one record, with a line to read."""
    losing = Losing()
    losing.buffer.leave_out("fault", 2)
    losing.buffer.leave_out("body_too_large", 1)
    losing.results.platform_dropped(3, 400)
    losing.results.platform_dropped(1, 100)
    losing.results.report_losses()
    counts = {
        "fault": 2,
        "body_too_large": 1,
        "platformDroppedRecords": 4,
        "platformDroppedBytes": 500,
    }
    message = (
        "log records were lost: body_too_large=1, fault=2, platformDroppedBytes=500, "
        "platformDroppedRecords=4"
    )
    record = {"message": message, "logsDropped": counts}
    assert losing.reported() == [{"type": "extension", "record": record}]


@pytest.mark.parametrize("reasons", [(), ("sampled", "below_level", "own_line")])
def test_nothing_lost(reasons: tuple[str, ...]) -> None:
    """Without losses nothing is reported; records that the operator left out are no losses."""
    losing = Losing()
    for reason in reasons:
        losing.buffer.leave_out(reason, 5)
    losing.results.report_losses()
    assert losing.reported() == []


def test_reported_once() -> None:
    """Only new losses are reported, and at most every ten seconds."""
    losing = Losing()
    losing.buffer.leave_out("fault", 2)
    losing.results.report_losses()
    losing.results.report_losses()
    assert losing.counts() == [{"fault": 2}]
    losing.buffer.leave_out("fault", 3)
    losing.results.report_losses()
    assert losing.counts() == []
    losing.time.leap(11)
    losing.results.report_losses()
    assert losing.counts() == [{"fault": 3}]


def test_the_record_is_accounted_for() -> None:
    """The record about losses counts like any other."""
    losing = Losing()
    losing.buffer.add(lines(1, 3))
    losing.buffer.leave_out("fault", 1)
    losing.results.report_losses()
    account = losing.buffer.account()
    assert (account.received, account.pending) == (5, 4)
    assert account.balanced


def test_final() -> None:
    """The last report does not wait for the ten seconds."""
    losing = Losing()
    for count in (2, 3):
        losing.buffer.leave_out("fault", count)
        losing.results.report_losses(final=True)
    assert losing.counts() == [{"fault": 2}, {"fault": 3}]


def test_record_that_cannot_be_encoded() -> None:
    """An error is logged once, and the counts come with the next record."""
    losing = Losing(Unwilling())
    losing.buffer.leave_out("fault", 2)
    losing.results.report_losses()
    assert losing.counts() == []
    assert ["nobody may see" in line for line in losing.written.lines] == [False]
    losing.time.leap(11)
    losing.results.report_losses()
    assert losing.counts() == [{"fault": 2}]
