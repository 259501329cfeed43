"""How much memory a delivery may take: as much as the function has room for."""

from __future__ import annotations

import gzip

import pytest

from handler.body import MAX_INFLATED_BYTES
from handler.conversion import bytes_for_body, bytes_for_delivery
from testing.events.firehose import delivery_body, headers
from testing.events.ingresses import SENT_MS, function_url
from testing.events.large import large_delivery
from testing.events.otlp import Format
from testing.receiver import Receiver
from tests.support.invoking import (
    ACCESS_KEY,
    REQUEST_ID,
    delivery_of,
    function_for,
    invoke,
    point,
    record_of,
)

MIB = 1 << 20


@pytest.mark.parametrize("memory", [256, 512, 1024, 3008, 10240])
def test_it_fits_the_function(memory: int) -> None:
    """It leaves room for the process and what is remembered, and is never nothing."""
    allowed = bytes_for_delivery(str(memory))
    assert memory * MIB // 4 <= allowed <= memory * MIB - 64_000_000
    assert allowed < bytes_for_delivery(str(memory + 256))


def test_the_body_fits_too() -> None:
    """A body may have a quarter of a small function's memory, and as much as Firehose sends."""
    assert bytes_for_body("256") == 64 * MIB
    assert bytes_for_body("512") == bytes_for_body("") == MAX_INFLATED_BYTES
    body = b'{"records": []}' + b" " * (64 * MIB)
    event = function_url(headers(REQUEST_ID, ACCESS_KEY), gzip.compress(body, 1), base64=True)
    with Receiver() as receiver:
        small = function_for(receiver.url, AWS_LAMBDA_FUNCTION_MEMORY_SIZE="256")
        assert invoke(small, event).status == 400
        assert invoke(function_for(receiver.url), event).status == 200


@pytest.mark.parametrize("text", ["", "0", "-1", "512MB", "1e3", "५१२", "99999999999"])
def test_nothing_is_known_of_it(text: str) -> None:
    """Where the process is not Lambda's, a gigabyte may be taken."""
    assert bytes_for_delivery(text) == 1_000_000_000


def test_a_delivery_that_takes_too_much() -> None:
    """It is answered 400 in words that say what to do, and nothing of it is sent."""
    series = [point(f"h{n:06d}") for n in range(60_000)]
    body = delivery_body([record_of(series)], REQUEST_ID, SENT_MS).encode()
    event = function_url(headers(REQUEST_ID, ACCESS_KEY), gzip.compress(body), base64=True)
    with Receiver() as receiver:
        function = function_for(receiver.url, AWS_LAMBDA_FUNCTION_MEMORY_SIZE="256")
        refused = invoke(function, event)
        assert not receiver.requests
        accepted = invoke(function, delivery_of([point()]))
    assert refused.status == 400
    assert "give the function more memory" in refused.error
    assert refused.error.startswith("records[0]: converting the delivery would take more than")
    assert accepted.status == 200


@pytest.mark.parametrize("format_", Format)
def test_the_largest_event_fits_the_smallest_function(format_: Format) -> None:
    """A delivery of 6 MB, all series new, is taken by the smallest function of the template."""
    with Receiver() as receiver:
        function = function_for(receiver.url, AWS_LAMBDA_FUNCTION_MEMORY_SIZE="256")
        for minute in (0, 1):
            event = large_delivery(16_000, minute, format_)
            assert invoke(function, event).status == 200
