"""The fake Logz.io holds senders to what the original documents."""

import gzip
import json
from typing import Any

import pytest

from testing.log_destinations.logzio import LogzioDestination
from tests.support.log_requests import LOGZIO, TEXT, lines, logged, post


@pytest.mark.parametrize("compressed", [True, False])
def test_takes_lines(compressed: bool) -> None:
    """Good lines are kept in order, compressed or not, and answered with an empty 200."""
    sent = [logged(message=str(number)) for number in range(3)]
    body = gzip.compress(lines(*sent)) if compressed else lines(*sent)
    headers = TEXT | ({"Content-Encoding": "gzip"} if compressed else {})
    with LogzioDestination() as destination:
        assert post(destination, LOGZIO, body, headers) == (200, b"")
        assert (destination.records, destination.count) == (sent, 3)
        assert (destination.violations, destination.invalid) == ([], [])
        (arrival,) = destination.arrivals
    assert (arrival.body_bytes, arrival.content_bytes) == (len(body), len(lines(*sent)))
    assert arrival.head.raw.startswith(b"POST /?token=local-token&type=x HTTP/1.1\r\n")
    assert arrival.head.query == {"token": "local-token", "type": "x"}


def test_partial_accept() -> None:
    """Malformed, oversized and empty lines are counted in a 400, and the other ones taken."""
    good = logged(message="x")
    room = 500_000 - len(json.dumps(logged(message="")))
    largest = lines(logged(message="x" * room))
    body = lines(good) + b'\nno json\n[]\n{"a":NaN}\n' + largest
    body += lines(logged(message="x" * (room + 1))) + lines(good)
    with LogzioDestination() as destination:
        status, answer = post(destination, LOGZIO, body, TEXT)
        (arrival,) = destination.arrivals
        assert destination.acknowledged_count == 3
    assert (status, json.loads(answer)) == (
        400,
        {"successfulLines": 3, "malformedLines": 3, "oversizedLines": 1, "emptyLogLines": 1},
    )
    assert (arrival.refused, len(arrival.invalid)) == (5, 1)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"message": "x"}, ["@timestamp is missing"]),
        (logged(message="x" * 32_700), []),
        (logged(nested=[{"message": "ä" * 32_701}]), ["a value of more than 32700 characters"]),
        (logged(message="\U0001f600" * 16_350), []),
        (logged(message="\U0001f600" * 16_351), ["a value of more than 32700 characters"]),
        (logged(**{str(number): 1 for number in range(1_000)}), ["more than 1000 fields"]),
        (logged(**{str(number): 1 for number in range(999)}), []),
        (logged(deep=json.loads("[" * 10 + "]" * 10)), ["deeper than 10"]),
        (logged(deep=json.loads("[" * 9 + "]" * 9)), []),
    ],
)
def test_not_indexed(record: dict[str, Any], words: list[str]) -> None:
    """What Logz.io takes but cannot index as it is, is taken and noted."""
    with LogzioDestination() as destination:
        assert post(destination, LOGZIO, lines(record), TEXT)[0] == 200
        assert destination.records == [record]
        assert destination.invalid == [f"request 1: line 1: {it}" for it in words]


def test_too_large() -> None:
    """The limit of a body is that of its content, to the byte, and nothing of it is taken."""
    line = lines(logged(message="x" * 1000))
    count, rest = divmod(10_485_760, len(line))
    fitting = line * count + b" " * (rest - 1) + b"\n"
    headers = TEXT | {"Content-Encoding": "gzip"}
    with LogzioDestination(keep=None) as destination:
        status, answer = post(destination, LOGZIO, gzip.compress(fitting, 1), headers)
        assert (status, json.loads(answer)["successfulLines"]) == (400, count)
        assert post(destination, LOGZIO, gzip.compress(fitting + b"x", 1), headers)[0] == 413
        assert (destination.count, destination.records) == (count, [])


def test_keeps_identities() -> None:
    """Where only a part of each record is wanted, nothing else is kept."""
    with LogzioDestination(keep=lambda record: record["id"]) as destination:
        post(destination, LOGZIO, lines(logged(id=1), logged(id=2)), TEXT)
        assert destination.records == [1, 2]


def test_refuses_on_demand() -> None:
    """Records that it is told to refuse are counted as malformed."""
    with LogzioDestination(refuses=lambda record: record["id"] == 1) as destination:
        status, answer = post(destination, LOGZIO, lines(logged(id=1), logged(id=2)), TEXT)
        assert (status, json.loads(answer)["malformedLines"]) == (400, 1)
        assert [record["id"] for record in destination.records] == [2]
