"""What OpenObserve and a Data Tap are sent, and the settings of both."""

import json
from typing import Any

import pytest

from extension.destinations.destination import RetrySettings
from tests.support.log_destinations import body_of, destination, parsed, record


def test_request() -> None:
    """The request is an array in gzip to the stream's URL, with the header as it was given."""
    made = destination(
        "openobserve",
        O2_ENDPOINT="https://o2.example.com/base/",
        O2_STREAM="my-logs",
        O2_AUTHORIZATION_HEADER="Basic dXNlcjpwYXNz",
    )
    request = made.request([made.encode(record("one")), made.encode(record("two"))])
    assert request.url == "https://o2.example.com/base/api/org/my-logs/_json"
    assert request.headers["authorization"] == "Basic dXNlcjpwYXNz"
    assert request.headers["content-type"] == "application/json"
    assert [line["record"] for line in json.loads(body_of(request))] == ["one", "two"]


def test_defaults() -> None:
    """Endpoint, stream and size are those of the original extension."""
    made = destination("openobserve")
    assert made.request([b"{},"]).url == "https://api.openobserve.ai/api/org/default/_json"
    assert made.max_body_bytes == 10_485_758


@pytest.mark.parametrize(
    ("megabytes", "size"), [("1", 1_048_576), ("0", 1_048_576), ("99", 10_485_760)]
)
def test_batch_size(megabytes: str, size: int) -> None:
    """O2_MAX_BUFFER_SIZE_MB is the size of a body, brackets included, up to 10 MB."""
    made = destination("openobserve", O2_MAX_BUFFER_SIZE_MB=megabytes)
    assert made.max_body_bytes == size - 2
    huge = made.encode(record("\0" * 5_000_000))
    assert len(body_of(made.request([huge]))) <= size


def test_too_many_fields() -> None:
    """An object with more fields than columns are allowed becomes its JSON as a string."""
    wide = {f"f{number}": number for number in range(300)}
    line = parsed(destination("openobserve").encode(record(wide))[:-1])
    assert json.loads(line["record"]) == wide


@pytest.mark.parametrize(
    ("environ", "retry_settings"),
    [
        ({}, None),
        ({"O2_MAX_RETRIES": "5"}, RetrySettings(1_000, 5, 1_000, 1_000)),
        ({"O2_REQUEST_TIMEOUT_MS": "200"}, RetrySettings(200, 3, 1_000, 1_000)),
        (
            {"O2_INITIAL_RETRY_DELAY_MS": "50", "O2_MAX_RETRY_DELAY_MS": "100"},
            RetrySettings(1_000, 3, 50, 100),
        ),
        (
            {"O2_MAX_RETRY_DELAY_MS": "9000", "FLUSH_BUDGET_MS": "5000"},
            RetrySettings(5_000, 3, 1_000, 5_000),
        ),
        ({"O2_MAX_RETRIES": "many"}, RetrySettings(1_000, 3, 1_000, 1_000)),
    ],
)
def test_pacing(environ: dict[str, str], retry_settings: "RetrySettings | None") -> None:
    """Timeout and delays are read as the original extension has them, within the budget."""
    made: Any = destination("openobserve", **environ)
    assert made.retry_settings == retry_settings


def test_request_of_a_data_tap() -> None:
    """A Data Tap gets NDJSON without a newline at its end, with the token in its own header."""
    made = destination("datatap", BD_DATA_TAP_URL="https://tap.example.com/in/")
    request = made.request([made.encode(record("one")), made.encode(record("two"))])
    assert request.url == "https://tap.example.com/in/"
    assert request.headers == {
        "content-type": "application/x-ndjson",
        "x-bd-authorization": "tkn",
        "user-agent": "metric-stream-logs",
    }
    assert not request.body.endswith(b"\n")
    assert [json.loads(line)["record"] for line in request.body.splitlines()] == ["one", "two"]
