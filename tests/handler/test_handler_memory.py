"""How much memory a delivery may take, given the function's."""

from __future__ import annotations

import gzip

import pytest

from handler.conversion import bytes_for_body, limits_of_delivery
from handler.delivery import MAX_INFLATED_BYTES
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
def test_bounds_fit_the_function(memory: int) -> None:
    """The bounds leave memory for the process and the cache, and grow with the function's."""
    allowed, more = limits_of_delivery(memory * MIB), limits_of_delivery((memory + 256) * MIB)
    # A data point takes at most 3,000 bytes while it is converted.
    assert memory * MIB // 4 <= 3_000 * allowed.points + 3_000 <= memory * MIB - 64_000_000
    assert 2 * allowed.label_bytes <= memory * MIB - 64_000_000
    assert all(this < next_ for this, next_ in zip(allowed, more, strict=True))


@pytest.mark.slow
def test_the_body_fits_too() -> None:
    """A body may have a quarter of a small function's memory, and as much as Firehose sends."""
    assert bytes_for_body(256 * MIB) == 64 * MIB
    assert bytes_for_body(512 * MIB) == bytes_for_body(None) == MAX_INFLATED_BYTES
    body = b'{"records": []}' + b" " * (64 * MIB)
    event = function_url(headers(REQUEST_ID, ACCESS_KEY), gzip.compress(body, 1), base64=True)
    with Receiver() as receiver:
        small = function_for(receiver.url, AWS_LAMBDA_FUNCTION_MEMORY_SIZE="256")
        assert invoke(small, event).status == 400
        assert invoke(function_for(receiver.url), event).status == 200


@pytest.mark.slow
def test_a_delivery_that_takes_too_much() -> None:
    """The records beyond the bounds are named, with what to do, and the ones before are sent."""
    records = [
        record_of([point(f"h{n:06d}") for n in range(first, first + 3_000)])
        for first in range(0, 60_000, 3_000)
    ]
    body = delivery_body(records, REQUEST_ID, SENT_MS).encode()
    event = function_url(headers(REQUEST_ID, ACCESS_KEY), gzip.compress(body), base64=True)
    with Receiver() as receiver:
        function = function_for(receiver.url, AWS_LAMBDA_FUNCTION_MEMORY_SIZE="256")
        refused = invoke(function, event)
        assert receiver.accepted_samples()
        accepted = invoke(function, delivery_of([point()]))
    assert refused.status == 400
    assert "give the function more memory" in refused.error
    assert "records[0]" not in refused.error
    assert "records[19]" in refused.error
    assert accepted.status == 200


@pytest.mark.large
@pytest.mark.parametrize("format_", Format)
def test_the_largest_event_fits_the_smallest_function(format_: Format) -> None:
    """A delivery of 6 MB, all series new, is taken by the smallest function of the template."""
    with Receiver() as receiver:
        function = function_for(receiver.url, AWS_LAMBDA_FUNCTION_MEMORY_SIZE="256")
        for minute in (0, 1):
            event = large_delivery(16_000, minute, format_)
            assert invoke(function, event).status == 200
