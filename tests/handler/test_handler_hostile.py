"""Deliveries and answers made to do harm: an answer in time, and every sample accounted for."""

from __future__ import annotations

import gzip
import itertools
from dataclasses import replace

import pytest

from testing.events.firehose import delivery_body, headers
from testing.events.ingresses import function_url
from testing.lambda_context import LambdaContext
from tests.support.invoking import REAL_TIME, deliver
from tests.support.otlp_building import one_record, summary

_POINT = b"\x19" + (1_793_491_200_000_000_000).to_bytes(8, "little")


@pytest.mark.large
def test_conversion_ends_in_time() -> None:
    """A small event with more points than there is time for is answered 503 before the deadline."""
    many = one_record(summary("m", *[_POINT] * 80_000), pairs=())
    body = delivery_body([many] * 5, "hostile", 1_793_491_260_000)
    event = function_url(headers("hostile"), gzip.compress(body.encode(), mtime=0), base64=True)
    # Ten milliseconds pass whenever somebody looks: so it shows how often the work looks up.
    looks = itertools.count()
    clock = replace(REAL_TIME, monotonic=lambda: next(looks) / 100)
    context = LambdaContext.starting_now(timeout_seconds=3, clock=clock.monotonic)
    answer, receiver = deliver(event=event, clock=clock, context=context)
    assert context.get_remaining_time_in_millis() > 0
    assert (answer.status, receiver.requests) == (503, [])
    assert "before it was converted" in answer.error


def test_a_stranger_makes_no_work() -> None:
    """A large body without the right key is not even inflated for its request id."""
    records = b'{"requestId": "in-body", "records": [' + b"{}," * 500_000 + b"{}]}"
    event = function_url(headers("", "wrong"), gzip.compress(records), base64=True)
    event["headers"].pop("x-amz-firehose-request-id", None)
    answer, _ = deliver(event=event, settings={"FIREHOSE_ACCESS_KEY": "right"})
    assert answer.status == 401
    assert answer.request_id == ""
