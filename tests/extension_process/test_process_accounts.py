"""Promise 5: every record is accounted for, and losses are reported as soon as possible."""

from typing import Any

import pytest

from extension.buffer import RecordAccount
from testing.lambda_services.telemetry_stream import Platform
from testing.log_destinations.destination import LogDestination
from testing.log_destinations.logzio import LogzioDestination
from testing.log_destinations.treatment import Treatment, closed, reset, stalled, status
from tests.extension_process.running import (
    ANSWERING,
    DEBUG,
    messages,
    shipping,
)
from tests.support.extension_parts import is_balanced

LINES = 5
# Both faults and the answer after them come within a flush.
ANSWERING_SOON = {"FLUSH_BUDGET_MS": "15000", "LOGS_REQUEST_TIMEOUT_MS": "3000"}


def losses(destination: LogDestination) -> list[dict[str, Any]]:
    """Return the counts in the records about losses, in order."""
    found = [it.get("message_nested", {}) for it in destination.records]
    return [it["logsDropped"] for it in found if "logsDropped" in it]


@pytest.mark.large
@pytest.mark.parametrize(
    "treatment",
    [
        pytest.param(Treatment(), id="none"),
        pytest.param(status(503), id="503"),
        pytest.param(status(429), id="429"),
        pytest.param(reset(), id="reset"),
        pytest.param(reset(stores=True), id="reset after all"),
        pytest.param(closed(), id="closed"),
        pytest.param(closed(stores=True), id="closed after all"),
        pytest.param(stalled(), id="stalled"),
        pytest.param(status(404), id="404"),
        pytest.param(status(413), id="413"),
    ],
)
def test_account(logzio: LogzioDestination, treatment: Treatment) -> None:
    """After a fault of two requests the account agrees with what the destination has counted."""
    with shipping(logzio, environ={**DEBUG, **ANSWERING_SOON}) as run:
        logzio.misbehave_once(treatment, treatment)
        for number in range(LINES):
            run.services.invoke([f"line {number}"])
        run.end()
        account = run.account()
    reported = losses(logzio)
    lost = account.dropped
    assert is_balanced(account)
    assert account.pending == 0
    assert account.sent == logzio.acknowledged_count
    assert account.received == LINES + len(reported)
    # A batch that was stored without an answer is there twice; nothing else is.
    assert len(set(messages(logzio))) + sum(lost.values()) == LINES
    assert {key: sum(it.get(key, 0) for it in reported) for key in lost} == lost


def test_account_of_an_outage(logzio: LogzioDestination) -> None:
    """Records that could not be sent until the end are pending, which is logged as a warning."""
    logzio.misbehave(status(503))
    with shipping(logzio, environ=ANSWERING) as run:
        for number in range(3):
            run.services.invoke([f"line {number}"])
        run.end()
        assert run.account() == RecordAccount(3, 0, {}, 3)


@pytest.mark.large
def test_own_drops_and_those_of_the_platform(logzio: LogzioDestination) -> None:
    """After an outage one record reports the losses here and those of the platform."""
    # Nothing is in flight while the lines come: that would stay, whatever its age.
    logzio.misbehave(status(503, retry_after=10))
    environ = {**DEBUG, **ANSWERING, "BUFFER_MAX_BYTES": "1048576"}
    lines = [f"{number:04d} {'x' * 1000}" for number in range(1500)]
    dropped = {"droppedRecords": 7, "droppedBytes": 70, "reason": "too many"}
    with shipping(logzio, environ=environ) as run:
        run.services.invoke(["first"])
        run.services.invoke(lines)
        for _ in range(3):
            run.services.emit("platform.logsDropped", dropped)
            run.services.invoke()
        logzio.behave()
        logzio.wait_for(lambda it: bool(losses(it)) and lines[-1] in messages(it), 120.0)
        run.end()
        account = run.account()
    arrived = messages(logzio)
    assert arrived == lines[-len(arrived) :]
    assert losses(logzio) == [
        {
            "buffer_full": 1 + len(lines) - len(arrived),
            "platformDroppedRecords": 21,
            "platformDroppedBytes": 210,
        }
    ]
    assert account.sent == logzio.acknowledged_count == len(arrived) + 1
    assert is_balanced(account)


def test_platform_without_memory(logzio: LogzioDestination) -> None:
    """The platform's drops are reported by one record, and nothing else is lost."""
    # Less memory than for one delivery, and few deliveries: however slowly lines are written,
    # most do not fit.
    platform = Platform(memory_bytes=100_000, window_seconds=0.5)
    with shipping(logzio, environ=DEBUG, platform=platform) as run:
        lines = [f"{number} {'x' * 1000}" for number in range(2000)]
        run.services.invoke(lines)
        run.services.invoke(["after"])
        run.end()
        dropped = run.services.dropped_records
        account = run.account()
    assert dropped > 0
    assert sum(it["platformDroppedRecords"] for it in losses(logzio)) == dropped
    assert len(messages(logzio)) == len(lines) + 1 - dropped
    assert account.sent == logzio.acknowledged_count == account.received


def test_what_the_operator_left_out(logzio: LogzioDestination) -> None:
    """Records that are sampled out or below the level are counted, and are no losses."""
    environ = {**DEBUG, "LOGS_SAMPLE_RATE": "0.25", "LOGS_MIN_LEVEL": "WARN"}
    with shipping(logzio, environ=environ) as run:
        run.services.invoke([{"level": "INFO", "message": "low"}] * 3)
        run.services.invoke([{"level": "ERROR", "message": "high"}] * 20)
        run.end()
        account = run.account()
        assert run.warnings == []
    assert account.dropped == {"below_level": 3, "sampled": 15}
    assert account.sent == logzio.count == 5
    assert losses(logzio) == []
