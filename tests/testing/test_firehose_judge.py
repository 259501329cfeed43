"""How the Firehose stand-in judges answers, and how long it waits between attempts."""

import json
import random
from typing import Any

import pytest

from testing.firehose.judge import DELIVERED, MAX_ANSWER_BYTES, Fate, judge
from testing.firehose.settings import backoff_seconds

JSON = {"content-type": "application/json"}


def body(**fields: Any) -> bytes:
    """Write an answer that is right but for these fields; None leaves one out."""
    content = {"requestId": "r-1", "timestamp": 1_793_491_200_000, "errorMessage": "", **fields}
    return json.dumps({k: v for k, v in content.items() if v is not None}).encode()


@pytest.mark.parametrize("headers", [JSON, {"content-type": "Application/JSON; charset=utf-8"}])
@pytest.mark.parametrize("answer", [body(), body(errorMessage=None), body(timestamp=1.5)])
def test_success(headers: dict[str, str], answer: bytes) -> None:
    """200 with JSON and the request's own id delivers the batch."""
    assert judge(200, headers, answer, "r-1") == DELIVERED


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"OK",
        b"[]",
        body(requestId="r-2"),
        body(requestId=None),
        body(timestamp=None),
        body(timestamp="now"),
        body(timestamp=True),
        body(errorMessage=7),
        body(errorMessage="x" * 8193),
    ],
    ids=repr,
)
def test_wrong_body(answer: bytes) -> None:
    """200 with another body is a failure like any other."""
    verdict = judge(200, JSON, answer, "r-1")
    assert verdict.fate is Fate.FAILED
    assert verdict.code == "HttpEndpoint.InvalidResponseFromDestination"


@pytest.mark.parametrize(
    "headers", [{}, {"content-type": "text/plain"}, {**JSON, "content-encoding": "gzip"}]
)
def test_wrong_headers(headers: dict[str, str]) -> None:
    """200 without the content type, or with an encoding, is a failure."""
    verdict = judge(200, headers, body(), "r-1")
    assert verdict.code == "HttpEndpoint.InvalidResponseFromDestination"


def test_too_large() -> None:
    """An answer above 1 MiB is a failure."""
    verdict = judge(200, JSON, b" " * (MAX_ANSWER_BYTES + 1), "r-1")
    assert verdict.code == "HttpEndpoint.ResponseTooLarge"


def test_413_discards() -> None:
    """413 discards the batch, whatever its body."""
    assert judge(413, JSON, body(), "r-1").fate is Fate.DISCARDED


@pytest.mark.parametrize("status", [201, 202, 204, 301, 302, 400, 401, 403, 404, 429, 500, 503])
def test_other_status(status: int) -> None:
    """Any other status is tried again, another success too; the answer's words are kept."""
    verdict = judge(status, JSON, b'{"errorMessage": "why"}', "r-1")
    assert verdict.fate is Fate.FAILED
    assert verdict.code == "HttpEndpoint.DestinationException"
    assert verdict.message.endswith('{"errorMessage": "why"}')


def test_backoff() -> None:
    """Waits double from one second to two minutes, give or take 15 %."""
    chance = random.Random(1)
    ceilings = [1, 2, 4, 8, 16, 32, 64, 120, 120, 120]
    for failures, middle in enumerate(ceilings, start=1):
        drawn = [backoff_seconds(failures, chance) for _ in range(200)]
        assert min(drawn) >= 0.85 * middle
        assert max(drawn) <= 1.15 * middle
        assert max(drawn) - min(drawn) > 0.1 * middle
