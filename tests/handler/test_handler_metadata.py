"""Metadata of metrics: requests of their own, once an hour, that change no answer."""

import dataclasses
import itertools
from collections.abc import Mapping

import pytest

from testing.events.fleet import Point
from testing.http_server import Reply
from testing.receiver import Received, Receiver, ReplyFunction
from testing.replies import accept
from tests.support.clocks import WaitedTime
from tests.support.invoking import delivery_of, point, points
from tests.support.recording import Recorded, RecordingFunction

_YACE = {"NAMING_PROFILE": "yace", "STATISTICS": "Average,Sum"}
_NAMES = ["aws_shop_requests_average", "aws_shop_requests_sum"]
_HOUR = 3600.0


def _refusing(reply: Reply) -> ReplyFunction:
    """Accept samples, and reply to metadata otherwise."""
    return lambda received: reply if received.request.metadata else accept(received)


def _sent(receiver: Receiver) -> list[list[str]]:
    """Return the names in each request with metadata; it must have no samples beside them."""
    found = [r for r in receiver.requests if r.request.metadata]
    assert not any(r.request.timeseries for r in found)
    assert receiver.violations == []
    return [sorted(m.metric_family_name for m in r.request.metadata) for r in found]


class _Deliveries:
    """A function with a clock of its own, and what it sends."""

    def __init__(
        self, receiver: Receiver, changed: Mapping[str, str] | None = None, jitter: float = 0.0
    ) -> None:
        self.time = WaitedTime(jitter=lambda _ceiling: jitter)
        settings = {**_YACE, **(changed or {})}
        self._function = RecordingFunction(receiver.url, settings, self.time.clock)

    def deliver(self, *several: Point) -> Recorded:
        """Deliver points, which must all be sent."""
        recorded = self._function.invoke(delivery_of(several or points(1)))
        assert recorded.status == 200
        made = recorded.delivery["samples"]
        assert recorded.samples() == {"sent": made, "rejected": 0, "undelivered": 0}
        return recorded


def test_metadata_follows_the_samples() -> None:
    """Type, unit and help of each family go out in one request, after all samples."""
    with Receiver() as receiver:
        _Deliveries(receiver).deliver()
        samples, metadata = receiver.requests
    assert samples.request.timeseries
    assert metadata.headers["content-type"] == samples.headers["content-type"]
    assert metadata.headers.get("authorization") == samples.headers.get("authorization")
    found = {m.metric_family_name: m for m in metadata.request.metadata}
    assert sorted(found) == _NAMES
    family = found[_NAMES[0]]
    assert (family.type, family.unit) == (2, "{Count}")
    assert family.help == "CloudWatch metric Shop Requests, statistic Average, unit {Count}"


@pytest.mark.parametrize(
    ("settings", "requests"),
    [
        ({}, 1),
        ({"SEND_METADATA": "false"}, 0),
        ({"NAMING_PROFILE": "logzio"}, 0),
        ({"NAMING_PROFILE": "logzio", "SEND_METADATA": "true"}, 1),
        ({"NAMING_PROFILE": "otel"}, 1),
        ({"NAMING_PROFILE": "cloudwatch_exporter"}, 1),
    ],
)
def test_default(settings: dict[str, str], requests: int) -> None:
    """Metadata is sent in every profile but logzio, unless the setting says otherwise."""
    with Receiver() as receiver:
        _Deliveries(receiver, settings).deliver()
        assert len(_sent(receiver)) == requests


def test_once_an_hour() -> None:
    """A family is sent again after an hour, and a new one with the delivery that brings it."""
    with Receiver() as receiver:
        deliveries = _Deliveries(receiver)
        for seconds in (0.0, 60.0, _HOUR - 61.0):
            deliveries.time.now += seconds
            deliveries.deliver()
        assert _sent(receiver) == [_NAMES]
        deliveries.deliver(point(), point(metric="Errors"))
        others = ["aws_shop_errors_average", "aws_shop_errors_sum"]
        assert _sent(receiver) == [_NAMES, others]
        deliveries.time.now += 1.0
        deliveries.deliver(point(), point(metric="Errors"))
        assert _sent(receiver) == [_NAMES, others, _NAMES]


@pytest.mark.parametrize("status", [400, 401, 404, 413, 429, 500, 503])
def test_failure_changes_no_answer(status: int) -> None:
    """A listener that refuses metadata gets it again after an hour, and all samples meanwhile."""
    with Receiver(_refusing(Reply(status, body=b"no metadata here"))) as receiver:
        deliveries = _Deliveries(receiver)
        (line,) = deliveries.deliver().logged("the listener did not accept metadata")
        assert line["level"] == "WARNING"
        assert line["listener_words"] == f"{status} no metadata here"
        deliveries.time.now += _HOUR - 1
        deliveries.deliver(point(metric="Errors"))
        assert len(_sent(receiver)) == 1
        deliveries.time.now += 1
        deliveries.deliver()
        assert _sent(receiver) == [_NAMES, _NAMES]


def test_unforeseen_error_changes_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even an error in the code that sends metadata changes an answer."""

    def fail(*_: object) -> None:
        raise RuntimeError("s3cret")

    monkeypatch.setattr("handler.metadata.encode_metadata", fail)
    with Receiver() as receiver:
        recorded = _Deliveries(receiver).deliver()
    (line,) = recorded.logged("the listener did not accept metadata")
    assert line["listener_words"] == "unforeseen error: RuntimeError"


def test_not_sent_while_samples_are_undelivered() -> None:
    """Metadata is not sent as long as the listener takes no samples."""
    with Receiver(lambda _received: Reply(401)) as receiver:
        function = RecordingFunction(receiver.url, _YACE)
        assert function.invoke(delivery_of(points(1))).status == 401
        assert _sent(receiver) == []


def test_not_sent_without_time() -> None:
    """Where less than a second is left after the samples, the next delivery sends the metadata."""
    time = WaitedTime()

    def slow(received: Received) -> Reply:
        if len(receiver.requests) == 1:
            # The budget is 60 s, work stops half a second earlier.
            time.now += 58.6
        return accept(received)

    with Receiver(slow) as receiver:
        function = RecordingFunction(receiver.url, _YACE, time.clock)
        assert function.invoke(delivery_of(points(1))).status == 200
        assert _sent(receiver) == []
        assert function.invoke(delivery_of(points(1))).status == 200
        assert _sent(receiver) == [_NAMES]


def test_large_metadata_is_divided() -> None:
    """No request with metadata is larger than REMOTE_WRITE_MAX_BYTES."""
    with Receiver(max_bytes=10_000) as receiver:
        deliveries = _Deliveries(receiver, {"REMOTE_WRITE_MAX_BYTES": "10000"})
        deliveries.deliver(*(point(metric=f"M{n}") for n in range(200)))
        assert len(_sent(receiver)) > 2
        assert len(set(itertools.chain(*_sent(receiver)))) == 400


def test_unit_of_a_later_delivery() -> None:
    """The unit that was sent first stays, with a warning about the other one."""
    other = dataclasses.replace(point(), unit="Seconds")
    with Receiver() as receiver:
        deliveries = _Deliveries(receiver, {"STATISTICS": "Sum"})
        deliveries.deliver()
        deliveries.time.now += _HOUR
        (line,) = [
            m for m in deliveries.deliver(other).lines if "another unit" in m.get("message", "")
        ]
        assert line["metric"] == "aws_shop_requests_sum"
        units = [m.unit for r in receiver.requests for m in r.request.metadata]
        assert units == ["{Count}", "{Count}"]
