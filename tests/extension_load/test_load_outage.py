"""Half an hour without the destination, at 10 MB a minute, as fast as it goes."""

import re
import statistics
import time
from typing import Any

from testing.lambda_services import events
from testing.lambda_services.extension_process import ExtensionProcess
from testing.lambda_services.services import LambdaServices
from testing.log_destinations.logzio import LogzioDestination
from testing.log_destinations.treatment import status
from tests.extension_load.starting import SHUTDOWN_SECONDS, number_of, sized, start
from tools.bench.extension_lines import LINE_BYTES, lines

MINUTES = 30
PER_MINUTE = sized(2_000_000, 10_000_000) // LINE_BYTES
PER_BODY = 262_144 // LINE_BYTES
MOST_BYTES = 60_000_000
# The pause of a destination that is down is as long as it has been down, nearly.
RECOVERY_SECONDS = 240.0
# What of the 8 MiB is for records, with the 48 bytes that each needs beside its content.
KEPT_BYTES = 8_388_608 * 7 // 8
NEEDED_BESIDE = 48


def log_a_minute(services: LambdaServices, first: int) -> int:
    """Send the lines of a minute, which begin with a number; give the next one."""
    end = first + PER_MINUTE
    for begin in range(first, end, PER_BODY):
        content = [
            events.event_json("function", line) for line in lines(begin, min(begin + PER_BODY, end))
        ]
        assert services.post(b"[" + b",".join(content) + b"]").status == 200
    return end


def recover(services: LambdaServices, destination: LogzioDestination, newest: int) -> None:
    """Invoke the function until the newest line and the report of the losses arrived.

    Args:
        services: Invoke it.
        destination: Works again.
        newest: The number of the line.
    """
    until = time.monotonic() + RECOVERY_SECONDS
    while time.monotonic() < until:
        services.invoke(duration=0.1)
        arrived = destination.records
        if newest in arrived and not all(isinstance(record, int) for record in arrived):
            return
    raise AssertionError("the newest line, or a record about what was lost, is missing")


def account(extension: ExtensionProcess) -> dict[str, int]:
    """Return the account that the extension logs at its end."""
    (line,) = [it for it in extension.output.decode().splitlines() if " at shutdown: " in it]
    return {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", line)}


def lost(records: list[Any]) -> int:
    """Return the number of lost records in the reports."""
    counts = [it["message_nested"]["logsDropped"] for it in records if not isinstance(it, int)]
    return sum(it["buffer_full"] for it in counts)


def test_outage_of_half_an_hour() -> None:
    """Memory stays flat, the oldest lines go, each is accounted for, and the newest arrive."""
    with (
        LogzioDestination(keep=number_of) as destination,
        LambdaServices(shutdown_seconds=SHUTDOWN_SECONDS) as services,
        # Less than the first pause once a destination counts as down.
        start(
            services, destination, FLUSH_BUDGET_MS="2400", EXTENSION_LOG_LEVEL="debug"
        ) as extension,
    ):
        services.invoke()
        destination.misbehave(status(503))
        count, resident = 0, []
        for _ in range(MINUTES):
            count = log_a_minute(services, count)
            services.invoke()
            resident.append(extension.rss_bytes().current)
        destination.behave()
        recover(services, destination, count - 1)
        memory = extension.rss_bytes()
        ended = extension.shutdown()
        counted = account(extension)
    arrived = [it for it in destination.records if isinstance(it, int)]
    assert arrived == list(range(count - len(arrived), count))
    content = sum(it.content_bytes for it in destination.arrivals if it.stored)
    assert content + NEEDED_BESIDE * len(arrived) > 0.9 * KEPT_BYTES
    assert lost(destination.records) == count - len(arrived)
    assert counted["sent"] == len(destination.records)
    assert counted["buffer_full"] == count - len(arrived)
    assert counted["received"] == counted["sent"] + counted["buffer_full"]
    assert counted["pending"] == 0
    before, later = resident[: MINUTES // 2], resident[MINUTES // 2 :]
    # What grows stays; a body that is just being encoded is there in single readings only.
    assert statistics.median(later) < max(before) + 2_000_000
    assert max(later) < max(before) + 8_000_000
    assert memory.peak <= MOST_BYTES
    assert (ended.exit_code, ended.killed) == (0, False)
