"""Firehose's data transformation: every record is answered once, and truly."""

from collections.abc import Callable
from typing import Any

import pytest

from testing.events import ingresses
from testing.events.ingresses import Event
from testing.http_server import Reply
from testing.receiver import Receiver
from testing.replies import always, refusing
from tests.support.invoking import function_for, point, points, record_of, wide_points

TOKEN = {"LOGZIO_METRICS_TOKEN": "token-of-the-operator"}
RECORDS = [record_of(points(2)), record_of([point("b")]), b""]
MALFORMED = b"\xff\xff\xff"


def results(function: Callable[[Any, Any], Any], event: Event) -> list[str]:
    """Return the result of each record, answered once and in order under its id."""
    response = function(event, None)
    assert response.keys() == {"records"}
    given = [record["recordId"] for record in event["records"]]
    assert [record["recordId"] for record in response["records"]] == given
    return [record["result"] for record in response["records"]]


def test_delivered_records_are_dropped() -> None:
    """A delivered record is answered with Dropped and without data: it is not stored twice."""
    with Receiver() as receiver:
        response = function_for(receiver.url, **TOKEN)(ingresses.transformation(RECORDS), None)
        assert receiver.accepted_samples()
    assert all(
        record.keys() == {"recordId", "result"} and record["result"] == "Dropped"
        for record in response["records"]
    )


def test_delivered_records_are_ok_with_their_data() -> None:
    """TRANSFORM_RESULT=Ok gives the data back as it came."""
    event = ingresses.transformation(RECORDS)
    with Receiver() as receiver:
        function = function_for(receiver.url, TRANSFORM_RESULT="Ok", **TOKEN)
        response = function(event, None)
    assert response["records"] == [
        {"recordId": record["recordId"], "result": "Ok", "data": record["data"]}
        for record in event["records"]
    ]


@pytest.mark.parametrize("result", ["Dropped", "Ok"])
def test_malformed_record_fails_alone(result: str) -> None:
    """A record that cannot be decoded is ProcessingFailed, and no other one."""
    with Receiver() as receiver:
        function = function_for(receiver.url, TRANSFORM_RESULT=result, **TOKEN)
        event = ingresses.transformation([RECORDS[0], MALFORMED, RECORDS[1]])
        assert results(function, event) == [result, "ProcessingFailed", result]
        assert len(receiver.accepted_samples()) == 12


@pytest.mark.parametrize(
    "record",
    [
        {"data": "%%"},
        {"data": "YQ"},
        {"data": None},
        {"data": 5},
        {},
    ],
    ids=str,
)
def test_unreadable_record_fails_under_its_own_id(record: Event) -> None:
    """A record without readable data is ProcessingFailed, under its id."""
    event = ingresses.transformation([RECORDS[0], b"x"])
    event["records"][1] = {"recordId": "the-second"} | record
    with Receiver() as receiver:
        function = function_for(receiver.url, **TOKEN)
        assert results(function, event) == ["Dropped", "ProcessingFailed"]


@pytest.mark.parametrize("status", [401, 404, 503])
def test_undelivered_samples_fail_every_contributing_record(status: int) -> None:
    """When a body failed, each record with a sample in it is ProcessingFailed; others are not."""
    with Receiver(always(Reply(status=status, headers={"Retry-After": "600"}))) as receiver:
        function = function_for(receiver.url, **TOKEN)
        expected = ["ProcessingFailed", "ProcessingFailed", "Dropped"]
        assert results(function, ingresses.transformation(RECORDS)) == expected


def test_one_failed_body_fails_all_contributing_records() -> None:
    """Which record a failed body came from is not known: all that contributed are kept."""

    def only_some(received: Any) -> Reply:
        hosts = {dict(labels)["host"] for labels, _, _ in received.samples()}
        return Reply(404) if any(host.startswith("h0000") for host in hosts) else Reply()

    with Receiver(only_some) as receiver:
        function = function_for(receiver.url, REMOTE_WRITE_MAX_BYTES="10000", **TOKEN)
        event = ingresses.transformation([record_of(wide_points(2)), *RECORDS[1:]])
        expected = ["ProcessingFailed", "ProcessingFailed", "Dropped"]
        assert results(function, event) == expected


def test_rejected_samples_are_settled() -> None:
    """Samples that the listener refuses for good do not bring their records back."""
    with Receiver(refusing(lambda labels, _sample: labels["host"] == "b")) as receiver:
        function = function_for(receiver.url, **TOKEN)
        assert results(function, ingresses.transformation(RECORDS)) == ["Dropped"] * 3


def test_settings_error_fails_all() -> None:
    """With a settings error every record is kept by Firehose."""
    function = function_for("not a URL", **TOKEN)
    event = ingresses.transformation(RECORDS)
    assert results(function, event) == ["ProcessingFailed"] * 3


def test_token_is_needed_and_enough() -> None:
    """IAM lets the caller in: the token alone is needed, and without one all records fail."""
    event = ingresses.transformation(RECORDS)
    with Receiver() as receiver:
        assert results(function_for(receiver.url, **TOKEN), event) == ["Dropped"] * 3
        authorization = receiver.requests[0].headers["authorization"]
        assert authorization == "Bearer token-of-the-operator"
        assert results(function_for(receiver.url), event) == ["ProcessingFailed"] * 3
        function = function_for(receiver.url, REMOTE_WRITE_AUTH="none")
        assert results(function, event) == ["Dropped"] * 3
        assert "authorization" not in receiver.requests[-1].headers


@pytest.mark.parametrize(
    "records",
    [[], [None], [5, "x"], [{"recordId": None}], [{"recordId": 7, "data": "%"}], [[]]],
    ids=str,
)
def test_odd_records_are_answered_each(records: list[Any]) -> None:
    """Whatever the records are, each is answered once and none with success."""
    function = function_for("https://listener.example.com", **TOKEN)
    response = function({"invocationId": "i", "records": records}, None)
    assert [r["result"] for r in response["records"]] == ["ProcessingFailed"] * len(records)


def test_demo_and_empty_records_are_dropped() -> None:
    """Records without a data point are settled without a request."""
    demo = b'{"TICKER_SYMBOL":"A","SECTOR":"B","CHANGE":1}'
    function = function_for("https://listener.example.com", **TOKEN)
    assert results(function, ingresses.transformation([demo, b""])) == ["Dropped", "Dropped"]
