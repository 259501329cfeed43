"""Deliveries and answers made to do harm: an answer in time, and every sample accounted for."""

from __future__ import annotations

import gzip
import itertools
import json
from dataclasses import replace

import pytest

from handler.errors import SettingsError
from handler.redaction import Redactor
from handler.settings import read_settings
from testing.events.firehose import delivery_body, headers
from testing.events.ingresses import function_url
from testing.lambda_context import LambdaContext
from testing.receiver import Receiver
from tests.support.invoking import REAL_TIME, function_at, function_for, invoke

_POINT = b"\x19" + (1_793_491_200_000_000_000).to_bytes(8, "little")


def _field(tag: int, content: bytes) -> bytes:
    length = bytearray()
    number = len(content)
    while number > 0x7F:
        length.append(number & 0x7F | 0x80)
        number >>= 7
    length.append(number)
    return bytes((tag,)) + bytes(length) + content


def _many_points(count: int) -> bytes:
    """Return a record with one message of one Metric of that many tiny points."""
    summary = _field(0x0A, _POINT) * count
    metric = _field(0x0A, b"m") + _field(0x5A, summary)
    message = _field(0x0A, _field(0x12, _field(0x12, metric)))
    return _field(0, message)[1:]


@pytest.mark.large
def test_conversion_ends_in_time() -> None:
    """A small event with more points than there is time for is answered 503 before the deadline."""
    body = delivery_body([_many_points(80_000)] * 5, "hostile", 1_793_491_260_000)
    event = function_url(headers("hostile"), gzip.compress(body.encode(), mtime=0), base64=True)
    # Ten milliseconds pass whenever somebody looks: so it shows how often the work looks up.
    looks = itertools.count()
    clock = replace(REAL_TIME, monotonic=lambda: next(looks) / 100)
    with Receiver() as receiver:
        context = LambdaContext.starting_now(timeout_seconds=3, clock=clock.monotonic)
        answer = function_at(clock, receiver.url)(event, context)
        assert context.get_remaining_time_in_millis() > 0
    assert receiver.requests == []
    assert answer["statusCode"] == 503
    assert "before it was converted" in json.loads(answer["body"])["errorMessage"]


def test_a_stranger_makes_no_work() -> None:
    """A large body without the right key is not even inflated for its request id."""
    records = b'{"requestId": "in-body", "records": [' + b"{}," * 500_000 + b"{}]}"
    event = function_url(headers("", "wrong"), gzip.compress(records), base64=True)
    event["headers"].pop("x-amz-firehose-request-id", None)
    with Receiver() as receiver:
        function = function_for(receiver.url, FIREHOSE_ACCESS_KEY="right")
        answer = invoke(function, event)
    assert answer.status == 401
    assert answer.request_id == ""


@pytest.mark.parametrize(
    "text",
    [
        "token abc&def<ghi>12345 unknown",
        "token abc&amp;def&lt;ghi&gt;12345 unknown",
        r"token abc\u0026def\u003cghi\u003e12345 unknown",
        "token abc%26def%3Cghi%3E12345 unknown",
        "token ABC&DEF<GHI>12345 unknown",
        "token abc&def<g**** unknown",
    ],
)
def test_spellings_of_a_secret(text: str) -> None:
    """A secret is found in the spellings that answers use, and so is a long part of it."""
    assert Redactor(["abc&def<ghi>12345"])(text).startswith("token [redacted]")


@pytest.mark.parametrize(
    ("url", "fits"),
    [
        ("https://my_prom:9090/api/v1/write", True),
        ("https://prom.example.com./write?tenant=a", True),
        ("https://prom.example.com:port/", False),
        ("https://user:password@prom.example.com/", False),
        ("https://prom.example.com/#part", False),
        ("ftp://prom.example.com/", False),
        ("https:///write", False),
    ],
)
def test_own_listener(url: str, fits: bool) -> None:
    """The operator's own listener may be any https URL without secrets in it."""
    if fits:
        assert read_settings({"LOGZIO_METRICS_LISTENER": url}).listener == url
    else:
        with pytest.raises(SettingsError, match="LOGZIO_METRICS_LISTENER must be an https"):
            read_settings({"LOGZIO_METRICS_LISTENER": url})
