"""The fake OpenObserve holds senders to what the original documents."""

import json
from typing import Any

import pytest

from testing.log_destinations.openobserve import OpenObserveDestination
from tests.support.log_requests import NOW, NOW_NS, NOW_US, O2, O2_HEADERS, post


def test_takes_records() -> None:
    """Records are kept in order, and the answer counts them."""
    sent = [{"_timestamp": NOW_US + number, "record": "x"} for number in range(2)]
    with OpenObserveDestination(clock=lambda: NOW) as destination:
        status, answer = post(destination, O2, json.dumps(sent).encode(), O2_HEADERS)
        assert destination.records == sent
        assert destination.violations == []
    assert (status, json.loads(answer)) == (
        200,
        {"code": 200, "status": [{"name": "default", "successful": 2, "failed": 0}]},
    )


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("x", "it is no object"),
        ({}, "_timestamp is no whole number"),
        ({"_timestamp": str(NOW_US)}, "_timestamp is no whole number"),
        ({"_timestamp": int(NOW) * 1_000}, "not in microseconds"),
        ({"_timestamp": NOW_NS}, "not in microseconds"),
        ({"_timestamp": NOW_US, **{str(n): n for n in range(200)}}, "more than 200 columns"),
        ({"_timestamp": NOW_US, "a": {str(n): n for n in range(200)}}, "more than 200"),
    ],
)
def test_failed_records(bad: Any, words: str) -> None:
    """A record that fails is counted in an answer that is 200 all the same."""
    largest = {"_timestamp": NOW_US, **{str(n): n for n in range(199)}}
    with OpenObserveDestination(clock=lambda: NOW) as destination:
        body = json.dumps([bad, largest]).encode()
        status, answer = post(destination, O2, body, O2_HEADERS)
        (counts,) = json.loads(answer)["status"]
        assert (status, counts["successful"], counts["failed"]) == (200, 1, 1)
        assert words in counts["error"]
        assert destination.records == [largest]
        assert len(destination.violations) == 1


@pytest.mark.parametrize("body", [b"{}", b"", b'[{"a":"\xff"}]', b'[{"\\ud800":1}]', b"[NaN]"])
def test_wrong_body(body: bytes) -> None:
    """A body that is no array of JSON, half of a surrogate pair in it too, is refused whole."""
    with OpenObserveDestination(clock=lambda: NOW) as destination:
        assert post(destination, O2, body, O2_HEADERS)[0] == 400
        assert len(destination.violations) == 1
