"""Destinations remember levels and request ids of records, so long ones are ignored."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest

from extension.records import LogRecord
from extension.selection import context_of
from tests.support.extension_reading import NOW, Reading, event
from tests.support.log_destinations import ENOUGH, destination


@pytest.mark.parametrize(
    ("record", "level", "request_id"),
    [
        ({"level": "x" * 32, "requestId": "y" * 128}, "X" * 32, "y" * 128),
        ({"level": "x" * 33, "requestId": "y" * 129}, None, None),
        ({"requestId": "y" * 129, "AWSRequestId": "short"}, None, "short"),
        (json.dumps({"level": "x" * 33, "requestId": "y" * 129}), None, None),
    ],
)
def test_lengths(record: Any, level: str | None, request_id: str | None) -> None:
    """A level or a request id that is too long for one is none; another name may hold it."""
    found = context_of(record)
    assert (found.level, found.request_id) == (level, request_id)


@pytest.mark.parametrize("name", sorted(ENOUGH))
def test_memory(name: str) -> None:
    """Lines whose levels are all different and long do not make a destination grow."""
    made = destination(name)
    reading = Reading()

    def ship(number: int) -> None:
        record = {"level": f"{number:05d}" + "x" * 100_000, "requestId": "y" * 100_000}
        read = reading.read(event(record=record))[-1]
        made.encode(LogRecord(NOW, "function", "m", read.request_id, read.level))
        reading.destinations[0].records.clear()

    ship(0)
    tracemalloc.start()
    try:
        for number in range(1, 101):
            ship(number)
            reading.shippers[0].buffer.drop_all("test")
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert grown < 1_000_000
