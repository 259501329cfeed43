"""When a record was written: its own time counts unless it is one that the user writes about."""

from __future__ import annotations

import sys
import threading
import time

import pytest

from extension.destinations.stamps import Stamps
from tests.support.log_destinations import TIME, TIME_NS, body_of, destination, parsed, record

HOUR_NS = 3_600_000_000_000


@pytest.mark.parametrize(
    ("timestamp", "ahead"),
    [
        ("2024-08-30T09:59:58.123Z", -1_000_000_000),
        ("2024-08-30T08:59:59.123Z", -HOUR_NS),
        ("2024-08-30T10:59:59.123Z", HOUR_NS),
        ("2024-08-30T08:59:59.122Z", None),
        ("2024-08-30T10:59:59.124Z", None),
        ("1999-01-01T00:00:00Z", None),
        ("2199-01-01T00:00:00Z", None),
        ("yesterday", None),
    ],
)
def test_own_time(timestamp: str, ahead: int | None) -> None:
    """A record's own time counts within an hour of its event's."""
    found = Stamps().of_object({"timestamp": timestamp}, TIME)
    assert found == (None if ahead is None else TIME_NS + ahead)


def test_event_without_time() -> None:
    """Where the event has no time that is understood, the record's own is all there is."""
    stamps = Stamps()
    assert stamps.of_object({"timestamp": "1999-01-01T00:00:00Z"}, "") == 915_148_800_000_000_000


@pytest.mark.parametrize("name", ["logzio", "loki", "openobserve"])
def test_order_of_last_century(name: str) -> None:
    """A record about something old is shipped as of its event: else it would be refused."""
    made = destination(name)
    encoded = made.encode(record({"timestamp": "1999-01-01T00:00:00Z", "order": 7}))
    body = parsed(body_of(made.request([encoded])))
    if name == "logzio":
        assert body["@timestamp"] == TIME
    elif name == "loki":
        assert body["streams"][0]["values"][0][0] == str(TIME_NS)
    else:
        assert body[0]["_timestamp"] == TIME_NS // 1000


def test_two_threads() -> None:
    """Records of two threads, the router's and a delivery's, keep their own seconds."""
    stamps = Stamps()
    wrong: list[object] = []
    end = time.monotonic() + 0.5

    def read(second: int) -> None:
        text = f"2024-08-30T10:00:{second:02d}.000Z"
        nanoseconds = 1_725_012_000_000_000_000 + second * 1_000_000_000
        while time.monotonic() < end and not wrong:
            found = stamps.nanoseconds(text), stamps.iso(nanoseconds)
            if found != (nanoseconds, text):
                wrong.append(found)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=read, args=(second,)) for second in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []
