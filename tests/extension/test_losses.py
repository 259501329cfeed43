"""What was lost on the way to a destination is told to it, once, in one record."""

import json
from typing import TYPE_CHECKING

from extension.buffer import Buffer
from extension.losses import Losses
from tests.support.extension_parts import (
    LinesDestination,
    ShiftedTime,
    Written,
    clocks_with,
    lines,
)

if TYPE_CHECKING:
    from extension.records import LogRecord


class Unwilling(LinesDestination):
    """Cannot write its first record."""

    asked = 0

    def encode(self, record: "LogRecord") -> bytes:
        """Fail once."""
        self.asked += 1
        if self.asked == 1:
            raise RuntimeError("a text that nobody may see")
        return super().encode(record)


class Losing:
    """A buffer that loses, and what tells of it."""

    def __init__(self, destination: LinesDestination | None = None) -> None:
        self.time = ShiftedTime()
        self.written = Written()
        self.buffer = Buffer(10_000, float)
        self.losses = Losses(
            destination or LinesDestination(),
            self.buffer,
            clocks_with(self.time),
            self.written.log,
        )

    def told(self) -> list[dict[str, object]]:
        """Return what the records say that are queued, and take them as sent."""
        batch = self.buffer.take(10_000)
        self.buffer.resolve(len(batch))
        return [json.loads(record) for record in batch]


def test_nothing_lost() -> None:
    """Where nothing was lost nothing is told."""
    losing = Losing()
    losing.losses.report()
    assert losing.told() == []


def test_one_record() -> None:
    """All reasons and the platform's own counts are one record, with a line to read."""
    losing = Losing()
    losing.buffer.leave_out("fault", 2)
    losing.buffer.leave_out("body_too_large", 1)
    losing.losses.platform_dropped(3, 400)
    losing.losses.platform_dropped(1, 100)
    losing.losses.report()
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
    assert losing.told() == [{"type": "extension", "record": record}]


def test_what_was_asked_for_is_no_loss() -> None:
    """What the operator chose to leave out is not told."""
    losing = Losing()
    for reason in ("sampled", "below_level", "own_line"):
        losing.buffer.leave_out(reason, 5)
    losing.losses.report()
    assert losing.told() == []


def test_told_once() -> None:
    """Only what is new since the last time is told, and that not in every moment."""
    losing = Losing()
    losing.buffer.leave_out("fault", 2)
    losing.losses.report()
    losing.losses.report()
    assert [one["record"] for one in losing.told()] == [
        {"message": "log records were lost: fault=2", "logsDropped": {"fault": 2}}
    ]
    losing.buffer.leave_out("fault", 3)
    losing.losses.report()
    assert losing.told() == []
    losing.time.leap(11)
    losing.losses.report()
    assert [one["record"] for one in losing.told()] == [
        {"message": "log records were lost: fault=3", "logsDropped": {"fault": 3}}
    ]


def test_the_record_is_accounted_for() -> None:
    """The record about losses is a record as any other in the account."""
    losing = Losing()
    losing.buffer.add(lines(1, 3))
    losing.buffer.leave_out("fault", 1)
    losing.losses.report()
    account = losing.buffer.account()
    assert (account.received, account.pending) == (5, 4)
    assert account.balanced


def test_at_the_end_it_is_urgent() -> None:
    """Where there is no later, the moment does not count."""
    losing = Losing()
    for count in (2, 3):
        losing.buffer.leave_out("fault", count)
        losing.losses.report(urgent=True)
    counts = [one["record"]["logsDropped"] for one in losing.told()]  # type: ignore[index]
    assert counts == [{"fault": 2}, {"fault": 3}]


def test_what_could_not_be_written_is_told_later() -> None:
    """A fault in writing the record is said once, and its counts come with the next record."""
    losing = Losing(Unwilling())
    losing.buffer.leave_out("fault", 2)
    losing.losses.report()
    assert losing.told() == []
    assert ["nobody may see" in line for line in losing.written.lines] == [False]
    losing.time.leap(11)
    losing.losses.report()
    counts = [one["record"]["logsDropped"] for one in losing.told()]  # type: ignore[index]
    assert counts == [{"fault": 2}]
