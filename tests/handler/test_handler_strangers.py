"""Requests that are no delivery: of strangers, of a load balancer, of a wrong integration."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from testing.events import ingresses
from testing.events.firehose import STREAM_ARN, headers
from testing.events.ingresses import Event, alb, function_url
from testing.lambda_context import LambdaContext
from tests.support.invoking import (
    ACCESS_KEY,
    REAL_TIME,
    REQUEST_ID,
    body_of,
    deliver,
    delivery_of,
    function_for,
    invoke,
    json_lines,
    points,
)
from tests.support.stand_in_client import URL

EXPECTED = {"FIREHOSE_ACCESS_KEY": ACCESS_KEY}
BAD_SETTINGS = {"REMOTE_WRITE_CONCURRENCY": "many"}
NEARLY = f"{ACCESS_KEY[:-3]}XYZ"
Capture = pytest.CaptureFixture[str]


class Unread(str):  # noqa: SLOT000 - it raises
    """A body that nobody may look at."""

    def encode(self, *_: object, **__: object) -> bytes:
        """Raise, as what reads a body would notice."""
        raise AssertionError("the body was read")

    __len__ = __getitem__ = __iter__ = encode  # type: ignore[assignment]


@pytest.mark.parametrize("base64", [False, True])
@pytest.mark.parametrize(
    ("key", "settings", "status"),
    [
        (NEARLY, EXPECTED, 401),
        (None, EXPECTED, 400),
        ("k" * 4_097, {}, 401),
        (None, {}, 400),
        (ACCESS_KEY, BAD_SETTINGS, 500),
    ],
)
def test_body_of_a_stranger_is_not_read(
    key: str | None, settings: Mapping[str, str], status: int, base64: bool
) -> None:
    """The key is compared before the body is looked at, even for an id that only the body has."""
    event = function_url(headers("", key), "{}") | {"body": Unread("{}"), "isBase64Encoded": base64}
    answer, _ = deliver(event=event, settings=settings)
    assert (answer.status, answer.request_id) == (status, "")


@pytest.mark.parametrize("length", [4_097, 60_000, 6_000_000])
def test_key_that_is_too_long(length: int) -> None:
    """A key that is longer than Firehose's can be is wrong, also where the listener decides."""
    for settings in ({}, EXPECTED):
        answer, receiver = deliver(
            event=delivery_of(points(1), access_key="k" * length), settings=settings
        )
        assert (answer.status, receiver.requests) == (401, [])
    longest = "k" * 4_096
    assert deliver(event=delivery_of(points(1), access_key=longest))[0].status == 200


@pytest.mark.parametrize(
    ("planted", "arn"),
    [
        (NEARLY, STREAM_ARN),
        (f"id-{NEARLY}-id", NEARLY),
        (REQUEST_ID, f"{STREAM_ARN}{NEARLY}/{NEARLY}"),
        ("x" * 995 + NEARLY, STREAM_ARN.replace("111122223333", NEARLY)),
        (NEARLY.upper(), f"arn:aws:firehose:us-east-1:{NEARLY}:x/{NEARLY}"),
    ],
)
def test_wrong_key_is_not_logged(planted: str, arn: str, capfd: Capture) -> None:
    """A key that is nearly right is in no log line, wherever the request repeats it."""
    sent = headers(planted, NEARLY) | {"X-Amz-Firehose-Source-Arn": arn, NEARLY: NEARLY}
    for event in (function_url(sent, NEARLY), alb(sent, NEARLY, multi_value=True)):
        assert deliver(event=event, settings=EXPECTED)[0].status == 401
    (*lines,) = json_lines(capfd.readouterr().out)
    assert [line["level"] for line in lines].count("ERROR") == 2
    assert NEARLY.lower() not in json.dumps(lines).lower()
    for line in lines:
        assert line["firehose_request_id"] in ("", REQUEST_ID)
        assert line["source_arn"] in ("", STREAM_ARN)


@pytest.mark.parametrize(
    ("key", "settings"), [(NEARLY, EXPECTED), (None, EXPECTED), (ACCESS_KEY, BAD_SETTINGS)]
)
def test_refused_delivery_is_logged_with_its_stream(
    key: str | None, settings: Mapping[str, str], capfd: Capture
) -> None:
    """The log names the request and the stream whose key is wrong, if the ids are Firehose's."""
    deliver(event=delivery_of(points(1), access_key=key), settings=settings)
    (line,) = (line for line in json_lines(capfd.readouterr().out) if line["level"] == "ERROR")
    assert (line["firehose_request_id"], line["source_arn"]) == (REQUEST_ID, STREAM_ARN)
    assert line["account"] == "111122223333"


@pytest.mark.parametrize("length", [1_000, 1_001, 200_000])
def test_ids_beyond_a_thousand_characters_are_none(length: int, capfd: Capture) -> None:
    """An id that is far longer than Firehose's is neither answered nor logged."""
    expected = "x" * length if length == 1_000 else ""
    sent = headers("x" * length, ACCESS_KEY) | {"X-Amz-Firehose-Source-Arn": "x" * length}
    answer, _ = deliver(event=function_url(sent, body_of([], "")))
    assert (answer.status, answer.request_id) == (200, expected)
    assert deliver(event=function_url(headers("", ACCESS_KEY), body_of([], "x" * length)))[
        0
    ].request_id == (expected)
    (*lines,) = json_lines(capfd.readouterr().out)
    for line in lines:
        if line.get("message") == "delivery":
            assert line["firehose_request_id"] == expected
            assert len(line["source_arn"]) <= 1_000


@pytest.mark.parametrize("number", [994, 1_001, 100_000])
def test_headers_without_end(number: int) -> None:
    """Of a request with more headers than an ingress passes on, only the first thousand count."""
    sent = {f"x-{n}": "v" for n in range(number)} | headers(REQUEST_ID, ACCESS_KEY)
    found = {"headers": sent, "body": body_of([])}
    assert deliver(event=found)[0].status == (400 if number > 1_000 else 200)
    several = {name: [value] for name, value in sent.items()}
    event = {"multiValueHeaders": several, "body": body_of([])}
    assert deliver(event=event)[0].status == (400 if number > 1_000 else 200)


def _health_check(agent: str = "ELB-HealthChecker/2.0", *, multi_value: bool = False) -> Event:
    event = alb({"User-Agent": agent}, "", multi_value=multi_value)
    return event | {"httpMethod": "GET"}


@pytest.mark.parametrize("settings", [{}, EXPECTED, BAD_SETTINGS])
@pytest.mark.parametrize("multi_value", [False, True])
def test_health_check_of_a_load_balancer(
    multi_value: bool, settings: Mapping[str, str], capfd: Capture
) -> None:
    """A load balancer that asks whether the function is there gets 200, and no line is logged."""
    function = function_for(URL, **settings)
    response = function(_health_check(multi_value=multi_value), None)
    assert (response["statusCode"], response["statusDescription"]) == (200, "200 OK")
    assert ("multiValueHeaders" in response) == multi_value
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    "event",
    [
        _health_check() | {"httpMethod": "POST"},
        _health_check("curl/8.0"),
        _health_check("my ELB-HealthChecker/2.0"),
    ],
    ids=["POST", "another agent", "its name elsewhere"],
)
def test_no_health_check(event: Event) -> None:
    """Any other request needs the key, whatever it calls itself."""
    assert function_for(URL, **EXPECTED)(event, None)["statusCode"] == 400


def test_integration_that_is_no_proxy() -> None:
    """An event that is Firehose's body itself is answered with what the API has to be set to."""
    event = json.loads(body_of([b""]))
    answer = invoke(function_for(URL), event)
    assert answer.status == 400
    assert "Lambda proxy integration" in answer.error


@pytest.mark.parametrize("settings", [{"REMOTE_WRITE_AUTH": "none"}, {"TRANSFORM_RESULT": "Ok"}])
def test_record_id_that_is_no_unicode(settings: dict[str, str]) -> None:
    """Half of a surrogate pair in one record's id leaves the results of all others."""
    event = ingresses.transformation([b"", b"", b"\xff"])
    event["records"][1]["recordId"] = "id-\ud800"
    token = {"LOGZIO_METRICS_TOKEN": "t"} | settings
    context: Any = LambdaContext.starting_now(60, clock=REAL_TIME.monotonic)
    response = function_for(URL, **token)(event, context)
    # From Python 3.12 on Lambda writes the response so, and a process that cannot ends.
    sent = json.dumps(response, ensure_ascii=False).encode()
    ids = [record["recordId"] for record in json.loads(sent)["records"]]
    assert ids == [event["records"][0]["recordId"], "id-\\ud800", event["records"][2]["recordId"]]
