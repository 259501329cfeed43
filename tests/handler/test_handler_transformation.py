"""Firehose's data transformation: every record is answered once, and truly."""

from collections.abc import Callable
from typing import Any

import pytest

from testing.events import ingresses
from testing.events.ingresses import Event
from testing.http_server import Reply
from testing.receiver import Receiver, ReplyFunction
from testing.replies import always, refusing, sequence
from tests.support.invoking import function_for, point, points, record_of, wide_points

TOKEN = {"LOGZIO_METRICS_TOKEN": "token-of-the-operator"}
FAILED = ["ProcessingFailed"]
RECORDS = [record_of(points(2)), record_of([point("b")]), b""]
DATA = [record["data"] for record in ingresses.transformation(RECORDS)["records"]]
MALFORMED = b"\xff\xff\xff"
DOWN = Reply(503, {"Retry-After": "600"})


def results(function: Callable[[Any, Any], Any], event: Event) -> list[str]:
    """Return the result of each record, answered once and in order under its id."""
    response = function(event, None)
    assert response.keys() == {"records"}
    given = [record["recordId"] for record in event["records"]]
    assert [record["recordId"] for record in response["records"]] == given
    return [record["result"] for record in response["records"]]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (TOKEN, [{"result": "Dropped"}] * 3),
        (TOKEN | {"TRANSFORM_RESULT": "Ok"}, [{"result": "Ok", "data": d} for d in DATA]),
    ],
    ids=["Dropped", "Ok"],
)
def test_delivered_records(settings: dict[str, str], expected: list[dict[str, str]]) -> None:
    """Dropped has no data, so that nothing is stored twice; Ok gives the data back as it came."""
    event = ingresses.transformation(RECORDS)
    with Receiver() as receiver:
        response = function_for(receiver.url, **settings)(event, None)
    assert receiver.accepted_samples()
    ids = [record["recordId"] for record in event["records"]]
    answered = [{"recordId": id_, **made} for id_, made in zip(ids, expected, strict=True)]
    assert response["records"] == answered


@pytest.mark.parametrize("result", ["Dropped", "Ok"])
def test_malformed_record_fails_alone(result: str) -> None:
    """A record that cannot be decoded is ProcessingFailed, and no other one."""
    with Receiver() as receiver:
        function = function_for(receiver.url, TRANSFORM_RESULT=result, **TOKEN)
        event = ingresses.transformation([RECORDS[0], MALFORMED, RECORDS[1]])
        assert results(function, event) == [result, "ProcessingFailed", result]
        assert len(receiver.accepted_samples()) == 12


@pytest.mark.parametrize(
    "record", [{"data": "%%"}, {"data": "YQ"}, {"data": None}, {"data": 5}, {}], ids=str
)
def test_unreadable_record_fails_under_its_own_id(record: Event) -> None:
    """A record without readable data is ProcessingFailed, under its id."""
    event = ingresses.transformation([RECORDS[0], b"x"])
    event["records"][1] = {"recordId": "the-second"} | record
    with Receiver() as receiver:
        function = function_for(receiver.url, **TOKEN)
        assert results(function, event) == ["Dropped", "ProcessingFailed"]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        # When a body failed, each record with a sample in it is kept, and no other one.
        *((always(Reply(status)), [*FAILED * 2, "Dropped"]) for status in (401, 404)),
        # Samples that the listener refuses for good do not bring their records back.
        (refusing(lambda labels, _sample: labels["host"] == "b"), ["Dropped"] * 3),
    ],
    ids=["401", "404", "refused for good"],
)
def test_undelivered_samples(reply: ReplyFunction, expected: list[str]) -> None:
    """A record is ProcessingFailed where one of its samples was not settled."""
    with Receiver(reply) as receiver:
        function = function_for(receiver.url, **TOKEN)
        assert results(function, ingresses.transformation(RECORDS)) == expected


@pytest.mark.parametrize("status", [401, 404])
def test_wrong_token_or_url_beside_a_listener_that_is_down(status: int) -> None:
    """The next invocation would meet the same setting, so the records are ProcessingFailed."""
    replies = sequence([DOWN, Reply(status)])
    settings = TOKEN | {"REMOTE_WRITE_MAX_BYTES": "10000", "REMOTE_WRITE_CONCURRENCY": "1"}
    with Receiver(replies) as receiver:
        function = function_for(receiver.url, **settings)
        event = ingresses.transformation([record_of(wide_points(2))])
        assert results(function, event) == FAILED
        assert len(receiver.requests) == 2


def test_one_failed_body_fails_all_contributing_records() -> None:
    """Which record a failed body came from is not known: all that contributed are kept."""

    def only_some(received: Any) -> Reply:
        hosts = {dict(labels)["host"] for labels, _, _ in received.samples()}
        return Reply(404) if any(host.startswith("h0000") for host in hosts) else Reply()

    with Receiver(only_some) as receiver:
        function = function_for(receiver.url, REMOTE_WRITE_MAX_BYTES="10000", **TOKEN)
        event = ingresses.transformation([record_of(wide_points(2)), *RECORDS[1:]])
        assert results(function, event) == [*FAILED * 2, "Dropped"]


def test_token_is_needed_and_enough() -> None:
    """IAM lets the caller in: the token alone is needed, and without a setting all records fail."""
    event = ingresses.transformation(RECORDS)
    with Receiver() as receiver:
        assert results(function_for(receiver.url, **TOKEN), event) == ["Dropped"] * 3
        authorization = receiver.requests[0].headers["authorization"]
        assert authorization == "Bearer token-of-the-operator"
        assert results(function_for(receiver.url), event) == FAILED * 3
        assert results(function_for("not a URL", **TOKEN), event) == FAILED * 3
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
    assert [r["result"] for r in response["records"]] == FAILED * len(records)


def test_demo_and_empty_records_are_dropped() -> None:
    """Records without a data point are settled without a request."""
    demo = b'{"TICKER_SYMBOL":"A","SECTOR":"B","CHANGE":1}'
    function = function_for("https://listener.example.com", **TOKEN)
    assert results(function, ingresses.transformation([demo, b""])) == ["Dropped", "Dropped"]
