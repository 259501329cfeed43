"""What a Data Tap is sent."""

import json
import os
from typing import Any

import pytest

from tests.support.log_destinations import TIME, body_of, destination, parsed, record


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("hello\n", "hello\n"),
        ({"a": 1}, {"a": 1}),
        ([None], [None]),
        (None, None),
        (float("nan"), None),
        ("\0\ud800", "\0\ufffd"),
    ],
)
def test_record(value: Any, sent: Any) -> None:
    """A record has the fields of the existing extension, under their names."""
    assert parsed(destination("datatap").encode(record(value))) == {
        "time": TIME,
        "type": "function",
        "version": "$LATEST",
        "region": "eu-central-1",
        "logGroup": "my-fn",
        "logStream": f"2024-08-30T10:00:00.000Z_{os.getpid()}",
        "record": sent,
        "retryAttempt": 0,
    }


def test_known_invocation() -> None:
    """A record whose invocation and level are known says them."""
    line = parsed(destination("datatap").encode(record("x", request_id="r", level="INFO")))
    assert (line["requestId"], line["level"]) == ("r", "INFO")


def test_request() -> None:
    """The request is NDJSON without a newline at its end, with the token in its own header."""
    made = destination("datatap", BD_DATA_TAP_URL="https://tap.example.com/in/")
    request = made.request([made.encode(record("one")), made.encode(record("two"))])
    assert request.url == "https://tap.example.com/in/"
    assert request.headers == {
        "content-type": "application/x-ndjson",
        "x-bd-authorization": "tkn",
        "user-agent": "metric-stream-logs",
    }
    body = body_of(request)
    assert not body.endswith(b"\n")
    assert [json.loads(line)["record"] for line in body.splitlines()] == ["one", "two"]


def test_types() -> None:
    """All three types are shipped, as the existing extension does."""
    assert destination("datatap").default_types == {"function", "platform", "extension"}
