"""Lines that Loki refuses for their time: counted exactly, and none beside them is lost."""

import contextlib
import time

import pytest

from extension.backoff import Backoff
from extension.buffer import Buffer
from extension.destinations import choose
from extension.destinations.timestamps import iso
from extension.http_client import HttpClient
from extension.shipper import Shipper
from testing.log_destinations.loki import LokiDestination
from tests.support.extension_parts import LONG, Written, clocks_with
from tests.support.log_destinations import ACCOUNT, FUNCTION, record

DAY = 86_400.0
WEEK_AGO, AHEAD, NOW = -8 * DAY, 3_600.0, 0.0


@pytest.mark.parametrize(
    ("ages", "pushes"),
    [
        ([NOW, NOW], 1),
        # A push of several that are late is divided, until each answer is about one.
        ([NOW, WEEK_AGO, WEEK_AGO, WEEK_AGO, NOW, NOW], 7),
        ([AHEAD, AHEAD, NOW], 4),
        # Lines that are late, but not too late.
        ([-2 * DAY, -2 * DAY, NOW], 2),
    ],
)
def test_late_lines(ages: list[float], pushes: int) -> None:
    """Lines that are too old or ahead go in pushes of their own, and each of them is counted."""
    with LokiDestination() as loki, contextlib.closing(HttpClient()) as client:
        (made,) = choose(
            ["loki"], {**FUNCTION, **loki.environment}, ACCOUNT, str, time.time
        ).destinations
        buffer, written, clocks = Buffer(1_000_000, time.monotonic), Written(), clocks_with()
        backoff = Backoff(time.monotonic, lambda: 0.0, made.max_body_bytes)
        shipper = Shipper(
            made,
            buffer,
            backoff,
            client=client,
            limits=(LONG, LONG),
            clocks=clocks,
            log=written.log,
        )
        for age in ages:
            at = iso(int((time.time() + age) * 1e9))
            shipper.add([made.encode(record(f"line {age}", time=at))])
        shipper.send_batch()
        account = buffer.account()
        kept = sum(age not in (WEEK_AGO, AHEAD) for age in ages)
        assert (account.sent, account.dropped.get("refused", 0)) == (kept, len(ages) - kept)
        assert len([it for it in loki.records if it.line.startswith("line")]) == kept
        assert len(loki.arrivals) == pushes
