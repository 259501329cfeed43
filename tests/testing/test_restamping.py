"""Events that are moved to another time, for a server that accepts no old samples."""

import json
from typing import Any

import pytest

from testing.events.fleet import END_MS
from testing.events.restamping import restamped
from testing.events.samples import bad_events, good_events
from testing.receiver import Receiver
from testing.rules import Samples
from tests.support.recording import RecordingFunction

DAYS_MS = 27 * 24 * 60 * 60_000
LATER_MS = END_MS + DAYS_MS
TOKENS = {"FIREHOSE_ACCESS_KEY": "sample-access-key", "LOGZIO_METRICS_TOKEN": "token"}


def sent(event: Any) -> tuple[Any, Samples]:
    """Return the function's answer to an event, and the samples that it sends."""
    with Receiver() as receiver:
        recorded = RecordingFunction(receiver.url, TOKENS).invoke(event)
        answer = recorded.response
        samples = {k: sorted(v) for k, v in receiver.accepted_samples().items()}
        return answer.get("statusCode", answer.get("records")), samples


@pytest.mark.parametrize("name", good_events(END_MS) | bad_events(END_MS))
def test_moved_event_is_delivered_as_if_made_later(name: str) -> None:
    """The function sends what it sends for a sample that was made for the later time."""
    made = good_events(LATER_MS) | bad_events(LATER_MS)
    moved = restamped((good_events(END_MS) | bad_events(END_MS))[name], LATER_MS)
    assert sent(moved) == sent(made[name])


def test_firehose_sends_a_moved_event_later_too() -> None:
    """The times of the delivery move with the data points, which decide what is late."""
    events = good_events(END_MS)
    body = json.loads(restamped(events["rest-v1-otlp-1.0"], LATER_MS)["body"])
    assert body["timestamp"] == END_MS + 120_000 + DAYS_MS
    moved = restamped(events["transformation-otlp-0.7"], LATER_MS)["records"]
    first = events["transformation-otlp-0.7"]["records"][0]["approximateArrivalTimestamp"]
    assert moved[0]["approximateArrivalTimestamp"] == first + DAYS_MS


@pytest.mark.parametrize(
    "event",
    [
        [],
        "text",
        None,
        {},
        {"body": None},
        {"body": "not JSON"},
        {"body": "x", "isBase64Encoded": True},
        {"body": "[]"},
        {"body": '{"records": null}'},
        {"body": '{"records": [{}]}'},
        {"body": '{"records": [{"data": 1}]}'},
        {"body": "H4sIAAAAAAAC", "isBase64Encoded": True},
        {"body": "H4sIAAAAAAAC/////////w==", "isBase64Encoded": True},
        {"records": []},
    ],
    ids=str,
)
def test_event_without_data_points_stays_as_it_is(event: Any) -> None:
    """What the function answers with an error is not changed on its way."""
    assert restamped(event, LATER_MS) == event
