"""Deliveries that are larger than they should be: bounds of time, memory, answers and lines."""

import gzip
import itertools
from dataclasses import replace

import pytest

from handler.conversion import bytes_for_body, limits_of_delivery
from handler.delivery import MAX_INFLATED_BYTES
from handler.redaction import Redactor
from handler.result import MAX_MESSAGE, DeliveryResult
from testing.events.firehose import delivery_body, headers
from testing.events.ingresses import SENT_MS, function_url
from testing.events.large import large_delivery
from testing.events.otlp import Format
from testing.lambda_context import LambdaContext
from testing.receiver import Receiver
from tests.support.invoking import (
    ACCESS_KEY,
    REAL_TIME,
    REQUEST_ID,
    deliver,
    delivery_of,
    function_for,
    invoke,
    point,
    record_of,
)
from tests.support.otlp_building import one_record, summary

MIB = 1 << 20
SECRET = "tok-0123456789abcdef"
_POINT = b"\x19" + (1_793_491_200_000_000_000).to_bytes(8, "little")


@pytest.mark.large
def test_conversion_ends_in_time() -> None:
    """A small event with more points than there is time for is answered 503 before the deadline."""
    many = one_record(summary("m", *[_POINT] * 80_000), pairs=())
    body = delivery_body([many] * 5, "hostile", 1_793_491_260_000)
    event = function_url(headers("hostile"), gzip.compress(body.encode(), mtime=0), base64=True)
    # Each reading is ten milliseconds later, so the test shows that the conversion reads the clock.
    looks = itertools.count()
    clock = replace(REAL_TIME, monotonic=lambda: next(looks) / 100)
    context = LambdaContext.starting_now(timeout_seconds=3, clock=clock.monotonic)
    answer, receiver = deliver(event=event, clock=clock, context=context)
    assert context.get_remaining_time_in_millis() > 0
    assert (answer.status, receiver.requests) == (503, [])
    assert "before it was converted" in answer.error


class Counting:
    """Takes a secret out of texts, and counts them."""

    def __init__(self) -> None:
        self.texts = 0
        self._redact = Redactor([SECRET])

    def __call__(self, text: str) -> str:
        """Return the text without the secret."""
        self.texts += 1
        return self._redact(text)


def test_only_what_is_read_is_searched() -> None:
    """Of 80,000 errors only those are searched for secrets that the message repeats."""
    redact = Counting()
    result = DeliveryResult(
        400, tuple(f"records[{n}]: its data is not base64" for n in range(80_000))
    )
    shown = result.redacted(redact)
    assert redact.texts == len(shown.errors)
    assert len("; ".join(shown.errors[:-1])) <= MAX_MESSAGE
    assert shown.message == result.message
    assert len(shown.message) == MAX_MESSAGE
    assert shown.status == 400


@pytest.mark.parametrize("before", range(MAX_MESSAGE - len(SECRET) - 2, MAX_MESSAGE + 3))
def test_a_secret_where_the_message_is_cut(before: int) -> None:
    """A secret at the place of the cut is left out as a whole, wherever it begins."""
    shown = (
        DeliveryResult(503, ("x" * before + SECRET, SECRET, "y" * 50))
        .redacted(Redactor([SECRET]))
        .message
    )
    assert len(shown) <= MAX_MESSAGE
    assert not any(SECRET[n : n + 3] in shown for n in range(len(SECRET) - 2))


def test_a_replacement_that_is_shorter_than_its_secret() -> None:
    """Errors that fit only because a secret was removed from those before them are kept."""
    secret = ACCESS_KEY * 100
    result = DeliveryResult(503, (*[secret] * 10, "the last one"))
    assert result.redacted(Redactor([secret])).message.endswith("; the last one")


@pytest.mark.parametrize("memory", [256, 512, 1024, 3008, 10240])
def test_bounds_fit_the_function(memory: int) -> None:
    """The bounds leave memory for the process and the cache, and grow with the function's."""
    allowed, more = limits_of_delivery(memory * MIB), limits_of_delivery((memory + 256) * MIB)
    # A data point takes at most 2,200 bytes while it is converted.
    assert memory * MIB // 4 <= 2_200 * allowed.points + 2_200 <= memory * MIB - 64_000_000
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


@pytest.mark.slow
def test_new_series_of_a_large_delivery() -> None:
    """As many new series as an event can hold are accepted, and again when they are repeated."""
    points = range(60_000)
    series = [point(f"i-{number:017x}") for number in points]
    records = [record_of(series[first : first + 1_000]) for first in points[::1_000]]
    body = gzip.compress(delivery_body(records, REQUEST_ID, SENT_MS).encode(), 1)
    event = function_url(headers(REQUEST_ID, ACCESS_KEY), body, base64=True)
    with Receiver() as receiver:
        function = function_for(receiver.url, AWS_LAMBDA_FUNCTION_MEMORY_SIZE="512")
        assert [invoke(function, event).status for _ in range(2)] == [200, 200]
