"""What follows from the result of a batch; losses are reported once, in one record."""

import json

import pytest

from extension.backoff import Backoff
from extension.buffer import Buffer
from extension.destinations.responses import BatchResult, Meaning
from extension.own_log import PREFIX
from extension.records import LogRecord
from extension.results import ResultHandler
from tests.support.extension_parts import (
    LinesDestination,
    ShiftedTime,
    Written,
    clocks_with,
    lines,
)


class Other(LinesDestination):
    """A second destination, which keeps the records that it encodes."""

    name = "other"

    def __init__(self) -> None:
        super().__init__()
        self.encoded: list[LogRecord] = []

    def encode(self, record: LogRecord) -> bytes:
        """Encode a record as the first destination does."""
        self.encoded.append(record)
        return super().encode(record)


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
    """A buffer that loses records, and what reports them, on a clock that only leaps."""

    def __init__(
        self, destination: LinesDestination | None = None, written: Written | None = None
    ) -> None:
        self.time = ShiftedTime(pace=0.0)
        self.written = written or Written()
        self.buffer = Buffer(10_000, float)
        self.backoff = Backoff(self.time, lambda: 1.0, 10_000)
        self.results = ResultHandler(
            destination or LinesDestination(),
            self.buffer,
            self.backoff,
            clocks_with(self.time),
            self.written.log,
        )

    def handle(self, result: BatchResult, count: int = 5) -> bool:
        """Take a batch of five records, and apply a result to the first of them."""
        self.buffer.add(lines(1, 5))
        self.buffer.take(10_000)
        return self.results.handle(result, count)

    def fail(self) -> None:
        """Take a batch of a record, and apply an error of the extension itself to it."""
        if not self.buffer.pending:
            self.buffer.add(lines(1, 1))
        self.buffer.take(10_000)
        try:
            int("a text that nobody may see")
        except ValueError as error:
            self.results.internal_error(error)

    @property
    def warnings(self) -> list[str]:
        """The warnings without what stands before each."""
        return [line.removeprefix(f"{PREFIX}warning: ").strip() for line in self.written.lines]

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
    destination = Other()
    losing = Losing(destination)
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
    at = clocks_with().timestamp()
    assert destination.encoded == [LogRecord(at, "extension", record, None, "WARN")]


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
    losing.time.leap(10)
    losing.results.report_losses()
    assert losing.counts() == [{"fault": 3}]


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
    # The router finds such records too.
    losing.written.log.warn_once("encode", "a second warning")
    assert ["nobody may see" in line for line in losing.written.lines] == [False]
    losing.time.leap(11)
    losing.results.report_losses()
    assert losing.counts() == [{"fault": 2}]


REFUSED = BatchResult(Meaning.REFUSED, detail="why")
DOWN = BatchResult(Meaning.RETRY, retry_after=10.5, detail="why")
STOP = BatchResult(Meaning.STOP, detail="why")
SENT = BatchResult(Meaning.SENT)

_NOT_ACCEPTED = (
    "lines did not accept {} records ({}): why; later ones are counted without a warning"
)
_DOWN = (
    "lines cannot be reached (why); records are kept and sent when it is back, the oldest are "
    "dropped when BUFFER_MAX_BYTES is reached"
)
_STOPPED = (
    "lines refuses access (why); nothing more is sent to it until the function is configured anew"
)
_WAITING = (
    "lines refuses access (why); records are kept, and sent when the secret holds another one, "
    "which is checked once a minute"
)


@pytest.mark.parametrize(
    ("result", "account", "warning"),
    [
        (SENT, "received=5, sent=5, pending=0", ""),
        (SENT._replace(refused=-1), "received=5, sent=5, pending=0", ""),
        # The record about the losses is pending.
        (
            SENT._replace(refused=1, detail="why"),
            "received=6, sent=4, refused=1, pending=1",
            _NOT_ACCEPTED.format(1, "refused"),
        ),
        (
            SENT._replace(refused=6, detail="why"),
            "received=5, sent=0, refused=5, pending=0",
            _NOT_ACCEPTED.format(5, "refused"),
        ),
        (
            REFUSED,
            "received=5, sent=0, refused=5, pending=0",
            _NOT_ACCEPTED.format(5, "refused"),
        ),
        (
            REFUSED._replace(meaning=Meaning.HALVE),
            "received=5, sent=0, oversized=5, pending=0",
            _NOT_ACCEPTED.format(5, "oversized"),
        ),
        (BatchResult(Meaning.RETRY), "received=5, sent=0, pending=5", ""),
        (DOWN._replace(retry_after=10.0), "received=5, sent=0, pending=5", ""),
        (DOWN, "received=5, sent=0, pending=5", _DOWN),
        (STOP, "received=5, sent=0, unauthorized=5, pending=0", _STOPPED),
    ],
)
def test_result(result: BatchResult, account: str, warning: str) -> None:
    """A result counts, keeps or drops the batch; only a failure keeps the next one back."""
    losing = Losing()
    failure = result.meaning in (Meaning.RETRY, Meaning.STOP)
    assert losing.handle(result) is not failure
    assert str(losing.buffer.account()) == account
    assert losing.buffer.in_batch == 0
    assert losing.warnings == ([warning] if warning else [])
    assert losing.results.stopped is (result is STOP)
    assert losing.backoff.failing is (result.meaning is Meaning.RETRY)
    assert losing.backoff.retry_at - losing.time() == pytest.approx(
        (result.retry_after or 0.1) if losing.backoff.failing else 0.0
    )


def test_a_part_of_a_batch() -> None:
    """The rest of a batch stays in it; a success closes the circuit."""
    losing = Losing()
    losing.handle(DOWN)
    assert losing.handle(SENT, 3)
    assert losing.buffer.in_batch == 7
    assert not losing.backoff.failing


def test_a_token_that_was_replaced() -> None:
    """If there is a newer token, the batch is kept and sent with it at once."""
    losing = Losing(LinesDestination(renewals=[True]))
    assert not losing.handle(STOP)
    assert (losing.results.stopped, losing.buffer.pending) == (False, 5)
    assert (losing.backoff.failing, losing.warnings) == (False, [])


def test_a_token_that_may_be_replaced() -> None:
    """With the token in a store, records wait a minute for another one, or not if it is there."""
    losing = Losing(LinesDestination(renewals=[False, True], renewable=True))
    assert not losing.handle(STOP)
    assert losing.warnings == [_WAITING]
    assert losing.backoff.retry_at == losing.time() + 60
    assert not losing.handle(STOP)
    assert (losing.results.stopped, losing.buffer.pending) == (False, 10)


@pytest.mark.parametrize(
    ("steps", "faults", "pending"),
    [
        ("e", 0, 1),
        ("ee", 0, 1),
        ("eee", 1, 0),
        ("eeeee", 1, 1),
        ("eeeeee", 2, 0),
        ("eesee", 0, 1),
        ("eedee", 0, 6),
    ],
)
def test_internal_errors_in_a_row(steps: str, faults: int, pending: int) -> None:
    """Three errors (e) in a row drop the batch; what was sent (s) or not (d) ends the row."""
    losing = Losing()
    for step in steps:
        if step == "e":
            losing.fail()
        else:
            losing.handle(SENT if step == "s" else DOWN, 6 if step == "s" else 1)
    account = losing.buffer.account()
    assert account.dropped == ({"fault": faults} if faults else {})
    assert (account.pending, losing.buffer.in_batch) == (pending, 0)
    assert losing.backoff.failing


def test_each_subject_of_each_destination_has_its_warning() -> None:
    """A warning is written once, and silences neither another subject nor another destination."""
    written = Written()
    for destination in (LinesDestination(), Other()):
        losing = Losing(destination, written)
        for _ in range(2):
            for result in (REFUSED, REFUSED._replace(meaning=Meaning.HALVE), DOWN, STOP):
                losing.handle(result)
            losing.fail()
        own = [line for line in losing.warnings if destination.name in line]
        assert len(own) == 5
        assert own[-1].startswith(f"error while sending to {destination.name}: ValueError at fail:")


def test_result_in_the_log() -> None:
    """Each result is a line for whoever looks for a problem."""
    losing = Losing(written=Written("debug"))
    losing.handle(SENT._replace(detail="why"))
    assert losing.written.lines == [f"{PREFIX}debug: lines: sent 5 records why\n"]
