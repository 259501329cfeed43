"""The ingresses: recognised by shape, equal in result."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testing.events import ingresses
from testing.events.fleet import END_MS
from testing.events.ingresses import Event
from testing.events.samples import bad_events, good_events
from testing.receiver import Receiver
from tests.support.invoking import (
    ACCESS_KEY,
    REQUEST_ID,
    body_of,
    deliver,
    delivery_of,
    function_for,
    invoke,
    points,
    record_of,
)
from tests.support.properties import examples
from tests.support.stand_in_client import URL

GOOD = good_events(END_MS)
BAD = bad_events(END_MS)
HTTP_INGRESSES = {
    "rest-v1": ingresses.rest_v1,
    "http-api-v2": ingresses.http_api_v2,
    "function-url": ingresses.function_url,
    "alb": ingresses.alb,
}
HEADERS = {
    "X-Amz-Firehose-Request-Id": REQUEST_ID,
    "X-Amz-Firehose-Access-Key": ACCESS_KEY,
}
UNREACHABLE = function_for(URL)
"""Its listener is never asked, since no event holds a sample."""


@pytest.mark.parametrize("format_", ["0.7", "1.0"])
def test_every_ingress_gives_the_same_bodies(format_: str) -> None:
    """The sample events of all ingresses, gzipped or not, make the same requests byte by byte."""
    arrived: dict[str, list[bytes]] = {}
    token = {"LOGZIO_METRICS_TOKEN": "t", "FIREHOSE_ACCESS_KEY": "sample-access-key"}
    for name in (n for n in GOOD if n.endswith(format_) and "multi-message" not in n):
        with Receiver() as receiver:
            function_for(receiver.url, **token)(GOOD[name], None)
        assert receiver.violations == []
        arrived[name] = sorted(received.body for received in receiver.requests)
    assert len(arrived) == 6
    first, *others = arrived.values()
    assert first
    assert all(other == first for other in others)


@pytest.mark.parametrize("name", [name for name in GOOD if "transformation" not in name])
def test_good_sample_is_answered_with_200(name: str) -> None:
    """Every good sample of an HTTP ingress is answered with 200 and its own request id."""
    answer, receiver = deliver(event=GOOD[name])
    assert (answer.status, answer.error, receiver.violations) == (200, "", [])
    assert bool(receiver.requests) == (name != "demo-data")
    assert answer.request_id == GOOD[name]["headers"].get(
        "x-amz-firehose-request-id", GOOD[name]["headers"].get("X-Amz-Firehose-Request-Id")
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing-key", "access key"),
        ("malformed-record", "records[1]"),
        ("json-format", "OpenTelemetry 1.0"),
        ("destroyed-gzip", "content encoding"),
    ],
)
def test_bad_sample_is_answered_with_400(name: str, words: str) -> None:
    """Every bad sample is answered with 400 and a text that says what to do."""
    answer, _ = deliver(event=BAD[name])
    assert answer.status == 400
    assert words in answer.error


@pytest.mark.parametrize("ingress", HTTP_INGRESSES)
@pytest.mark.parametrize(
    "cased",
    [str.lower, str.upper, str.title, str.swapcase],
    ids=["lower", "upper", "title", "swapped"],
)
def test_header_names_in_any_case(ingress: str, cased: Callable[[str], str]) -> None:
    """The case of header names makes no difference at any ingress."""
    event = HTTP_INGRESSES[ingress](HEADERS, body_of([record_of(points(1))]))
    event["headers"] = {cased(name): value for name, value in event["headers"].items()}
    event.pop("multiValueHeaders", None)
    answer, receiver = deliver(event=event)
    assert (answer.status, answer.request_id) == (200, REQUEST_ID)
    assert receiver.requests[0].headers["authorization"] == f"Bearer {ACCESS_KEY}"


@pytest.mark.parametrize("headers", [{}, {"headers": None}, {"headers": {}}])
def test_headers_only_in_multi_value_headers(headers: Event) -> None:
    """An event whose headers are only in multiValueHeaders counts in full."""
    event = ingresses.rest_v1(HEADERS, body_of([record_of(points(1))]))
    del event["headers"]
    answer, _ = deliver(event=event | headers)
    assert (answer.status, answer.request_id) == (200, REQUEST_ID)


@pytest.mark.parametrize("multi_value", [False, True])
@pytest.mark.parametrize(("key", "description"), [(ACCESS_KEY, "200 OK"), ("", "400 Bad Request")])
def test_load_balancer_gets_a_status_description(
    key: str, description: str, multi_value: bool
) -> None:
    """A load balancer gets the status in words, and multi-value headers where it has them."""
    event = ingresses.alb(
        HEADERS | {"X-Amz-Firehose-Access-Key": key},
        body_of([]),
        multi_value=multi_value,
    )
    response = UNREACHABLE(event, None)
    assert response["statusDescription"] == description
    expected = {"Content-Type": ["application/json"]} if multi_value else None
    assert response.get("multiValueHeaders") == expected


@pytest.mark.parametrize("ingress", ["rest-v1", "http-api-v2", "function-url"])
def test_only_a_load_balancer_gets_a_status_description(ingress: str) -> None:
    """API Gateway and Function URLs refuse fields they do not know, and get none."""
    response = UNREACHABLE(HTTP_INGRESSES[ingress](HEADERS, body_of([])), None)
    assert response.keys() == {"statusCode", "headers", "body", "isBase64Encoded"}


def _without_the_header(key: str | None) -> Event:
    event = delivery_of([], access_key=key)
    del event["headers"]["x-amz-firehose-request-id"]
    return event


@pytest.mark.parametrize(
    ("event", "request_id"),
    [
        # The header takes precedence over the body, since Firehose compares with it.
        (ingresses.function_url(HEADERS, body_of([], "another-id")), REQUEST_ID),
        (_without_the_header(ACCESS_KEY), REQUEST_ID),
        # Of a request that is refused before its body is read only the header counts.
        (_without_the_header(None), ""),
        ({"headers": {"x-amz-firehose-access-key": ACCESS_KEY}, "body": "{}"}, ""),
    ],
    ids=["header", "body", "body of a refused delivery", "none"],
)
def test_request_id(event: Event, request_id: str) -> None:
    """The request id comes from the header, else from the body, and is empty without either."""
    assert invoke(UNREACHABLE, event).request_id == request_id


UNKNOWN: list[Any] = [
    {},
    [],
    None,
    0,
    3.5,
    "text",
    True,
    {"Records": [{"eventSource": "aws:s3", "s3": {"object": {"key": "k"}}}]},
    {"Records": [{"EventSource": "aws:sns"}]},
    {"version": "0", "detail-type": "Scheduled Event", "source": "aws.events"},
    {"records": []},
    {"records": {"a": 1}, "invocationId": "x"},
    {"invocationId": "x", "deliveryStreamArn": "arn"},
    {"headers": None, "multiValueHeaders": []},
    {"requestContext": {"http": None}, "body": 7},
]


@pytest.mark.parametrize("event", UNKNOWN, ids=lambda event: json.dumps(event)[:40])
def test_unknown_event_is_answered_with_400(event: Any) -> None:
    """An event of no known ingress is answered with 400, never with an exception."""
    assert invoke(UNREACHABLE, event).status == 400


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=12,
)
KEYS = st.sampled_from(
    (
        *("headers", "multiValueHeaders", "body", "isBase64Encoded", "requestContext"),
        *("records", "invocationId", "deliveryStreamArn", "http", "elb", "data", "recordId"),
        *("x-amz-firehose-access-key", "X-Amz-Firehose-Common-Attributes", "httpMethod"),
    )
)
EVENTS = st.recursive(
    JSON,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=16,
)


@pytest.mark.slow
@examples(100)
@given(event=EVENTS)
def test_any_event_is_answered(event: Any) -> None:
    """Any JSON whatever is answered in a known form, and never accepted by mistake."""
    response = UNREACHABLE(event, None)
    if "records" in response:
        results = [record["result"] for record in response["records"]]
        assert len(results) == len(event["records"])
        assert set(results) <= {"ProcessingFailed"}
    else:
        assert invoke(UNREACHABLE, event).status in (200, 400, 401)
