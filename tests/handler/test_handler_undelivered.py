"""A transformation whose listener is not available: the invocation fails, and comes again."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from handler import app
from handler.errors import UndeliveredError
from handler.result import MAX_MESSAGE
from replay.content import read_records
from testing.events import ingresses
from testing.events.ingresses import Event
from testing.firehose.backup import Backup
from testing.firehose.settings import StreamSettings, Time
from testing.firehose.stream import Report, Stream
from testing.firehose.transformation import LAMBDA_ARN, Transformation
from testing.http_server import Reply
from testing.lambda_context import LambdaContext
from testing.misbehaving import nobody
from testing.receiver import Receiver
from testing.replies import always
from tests.support.invoking import (
    function_for,
    json_lines,
    point,
    points,
    record_of,
    settings_for,
    wide_points,
)

TOKEN = {"LOGZIO_METRICS_TOKEN": "token-of-the-operator"}
RECORDS = [record_of(points(2)), record_of([point("b")]), b""]
MALFORMED = b"\xff\xff\xff"
DOWN = Reply(503, {"Retry-After": "600"}, b"the ingester is down")
BUSY = Reply(429, {"Retry-After": "600"}, b"too many requests")


@pytest.mark.parametrize(
    ("reply", "records", "words"),
    [
        (DOWN, RECORDS, ["the listener is not available", "the ingester is down"]),
        (BUSY, RECORDS, ["the listener is not available", "too many requests"]),
        # The batch comes again whole, and a record that is malformed is malformed then too.
        (DOWN, [*RECORDS, MALFORMED], ["the listener is not available", "records[3]: "]),
    ],
    ids=["503", "429", "503 beside a malformed record"],
)
def test_listener_that_is_down_fails_the_invocation(
    reply: Reply, records: list[bytes], words: list[str]
) -> None:
    """Firehose repeats a failed invocation, and no record that is ProcessingFailed."""
    with Receiver(always(reply)) as receiver:
        function = function_for(receiver.url, **TOKEN)
        with pytest.raises(UndeliveredError) as raised:
            function(ingresses.transformation(records), None)
    assert [word for word in words if word not in str(raised.value)] == []


def test_listener_that_cannot_be_reached_fails_the_invocation() -> None:
    """Where nobody listens at the listener's address, Firehose repeats the invocation."""
    with nobody() as url, pytest.raises(UndeliveredError):
        function_for(url, DELIVERY_BUDGET_SECONDS="2", **TOKEN)(
            ingresses.transformation(RECORDS), None
        )


def test_time_that_is_over_fails_the_invocation() -> None:
    """Where the time ends before the records are converted, Firehose repeats the invocation."""
    function = function_for("https://listener.example.com", **TOKEN)
    with pytest.raises(UndeliveredError, match="the time for the delivery was up"):
        function(ingresses.transformation(RECORDS), LambdaContext.starting_now(0))


def test_failed_invocation_is_short_and_holds_no_secret() -> None:
    """The exception's text is redacted and no longer than the message of an HTTP answer."""
    down = Reply(503, {"Retry-After": "600"}, b"no token-of-the-operator here")
    malformed = [MALFORMED] * 1_000
    with Receiver(always(down)) as receiver:
        function = function_for(receiver.url, **TOKEN)
        with pytest.raises(UndeliveredError) as raised:
            function(ingresses.transformation([RECORDS[0], *malformed]), None)
    assert len(str(raised.value)) == MAX_MESSAGE
    assert "token-of-the-operator" not in str(raised.value)
    # Lambda's runtime writes the exceptions that led to another one too.
    assert raised.value.__cause__ is raised.value.__context__ is None


def test_only_the_undelivered_error_leaves_the_function(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The delivery's line and its metrics are written before Lambda gets the exception."""
    with Receiver(always(DOWN)) as receiver:
        for name, value in settings_for(receiver.url, **TOKEN).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(UndeliveredError, match="the ingester is down"):
            app.lambda_handler(ingresses.transformation(RECORDS), LambdaContext.starting_now())
    lines = json_lines(capfd.readouterr().out)
    (delivery,) = (line for line in lines if line.get("message") == "delivery")
    assert (delivery["status"], delivery["samples_undelivered"]) == (503, 12)
    (document,) = (line for line in lines if "_aws" in line)
    assert document["SamplesSent"] == [0]
    assert not any("unforeseen" in json.dumps(line) for line in lines)


class Recovering:
    """A listener that is down for some invocations of the function.

    Args:
        failing: The number of invocations, first.
        taking: How many requests it accepts in each of them before it is down.
    """

    def __init__(self, failing: int, taking: int = 0) -> None:
        self.invocations = 0
        self._failing, self._taking = failing, taking
        self._taken = 0

    def begin_invocation(self) -> None:
        """Take notice that the function is invoked."""
        self.invocations += 1
        self._taken = 0

    def __call__(self, _received: Any) -> Reply:
        """Reply to a request."""
        if self.invocations <= self._failing and self._taken >= self._taking:
            return DOWN
        self._taken += 1
        return Reply()


def stream_through(
    listener: Recovering, records: Sequence[bytes], bucket: Path, retries: int = 3
) -> tuple[Report, Receiver]:
    """Let Firehose transform records; return its report, and the listener with what arrived."""
    time = Time(speed=1000)
    backup = Backup(bucket, "stream", time, lambda_arn=LAMBDA_ARN)
    settings = TOKEN | {"REMOTE_WRITE_MAX_BYTES": "10000", "REMOTE_WRITE_CONCURRENCY": "1"}
    with Receiver(listener) as receiver:
        function = function_for(receiver.url, **settings)

        def invoke(event: Event) -> Any:
            listener.begin_invocation()
            return function(event, None)

        processor = Transformation(invoke, backup, time, retries)
        with Stream(StreamSettings(), processor, time) as stream:
            for record in records:
                stream.put(record)
        return stream.report(), receiver


@pytest.mark.parametrize("taking", [0, 1], ids=["nothing delivered", "delivered in part"])
def test_listener_that_is_down_for_two_invocations_loses_nothing(
    taking: int, tmp_path: Path
) -> None:
    """Firehose sends the whole batch again until all is delivered; nothing goes to S3."""
    listener = Recovering(failing=2, taking=taking)
    report, receiver = stream_through(listener, [record_of(wide_points(2))], tmp_path)
    assert (report.attempts, report.outcomes) == (3, {"delivered": 1})
    assert sum(received.accepted for received in receiver.requests) == 2 + 2 * taking
    assert len(receiver.accepted_samples()) == 8
    assert list(tmp_path.rglob("*")) == []


def test_listener_that_stays_down_leaves_all_records_to_the_replay(tmp_path: Path) -> None:
    """When the retries are used up a replay finds the whole batch below processing-failed."""
    listener, records = Recovering(failing=9), [*RECORDS, MALFORMED]
    report, receiver = stream_through(listener, records, tmp_path, retries=1)
    assert (report.attempts, report.outcomes) == (2, {"backed up": 1})
    assert receiver.accepted_samples() == {}
    (path,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert path.is_relative_to(tmp_path / "failed" / "processing-failed")
    kept = [record.content for record in read_records(path.read_bytes())]
    assert kept == records
