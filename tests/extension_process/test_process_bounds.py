"""Promise 3: a destination that does not work adds a bounded time to an invocation."""

import statistics
import time
from pathlib import Path

import pytest

from testing.log_destinations.certificates import Certificate, CertificateAuthority
from testing.log_destinations.datatap import DataTapDestination
from testing.log_destinations.logzio import LogzioDestination
from testing.log_destinations.loki import LokiDestination
from testing.log_destinations.treatment import (
    Treatment,
    delayed,
    dripping,
    reset,
    stalled,
    status,
)
from tests.extension_process.running import (
    ANSWERING,
    PATIENT,
    PROMPT,
    Shipping,
    messages,
    shipping,
)

BUDGET = 1.5
BUDGETED = dict.fromkeys(("FLUSH_BUDGET_MS", "LOGS_REQUEST_TIMEOUT_MS"), str(int(BUDGET * 1000)))
OPEN_SECONDS = 120.0
ENDS = 5
"""The number of attempts; there is more than one only if the machine was too slow."""


def assert_bounded(run: Shipping, *names: str) -> None:
    """Fail unless the breaker opens, invocations are hardly delayed then, and SHUTDOWN works.

    Args:
        run: The extension, with destinations that do not work.
        names: Their names; there is one warning about each.
    """
    until = time.monotonic() + OPEN_SECONDS
    while len(run.warnings) < len(names) and time.monotonic() < until:
        assert run.services.invoke(["line"]).added_seconds < PROMPT
    held = [run.services.invoke(["line"]).added_seconds for _ in range(9)]
    # With a circuit that is not open each would be held for the budget.
    assert statistics.median(held) < BUDGET / 2
    assert run.end().seconds < PROMPT
    assert len(run.warnings) == len(names)
    for name in names:
        assert len([it for it in run.warnings if f"{name} cannot be reached" in it]) == 1


@pytest.mark.large
@pytest.mark.parametrize(
    "treatment",
    [
        stalled(),
        dripping(0.01, head=False),
        delayed(60.0),
        reset(),
    ],
    ids=["stalled", "dripping", "too slow", "reset"],
)
def test_treatment(logzio: LogzioDestination, treatment: Treatment) -> None:
    """A destination that answers never, too slowly, or with a fault."""
    logzio.misbehave(treatment)
    with shipping(logzio, environ=BUDGETED) as run:
        assert_bounded(run, "logzio")


def test_unknown_name() -> None:
    """A host name that does not exist (RFC 6761, 6.4)."""
    environ = {
        "LOGZIO_LISTENER": "https://listener.invalid:8071",
        "LOGZIO_LOGS_TOKEN": "token",
        **BUDGETED,
    }
    with shipping(environ=environ) as run:
        assert_bounded(run, "logzio")


def test_bad_certificates(tmp_path: Path) -> None:
    """Certificates that do not verify, each at a destination: none gets a byte of a request."""
    authority = CertificateAuthority(tmp_path)
    trust = {"SSL_CERT_FILE": str(authority.file), **BUDGETED}
    with (
        LogzioDestination(tls=authority.server(Certificate.SELF_SIGNED)) as self_signed,
        LokiDestination(tls=authority.server(Certificate.EXPIRED)) as expired,
        DataTapDestination(tls=authority.server(Certificate.WRONG_HOST)) as wrong_host,
    ):
        servers = (self_signed, expired, wrong_host)
        with shipping(*servers, environ=trust) as run:
            assert_bounded(run, *(server.name for server in servers))
        assert [server.arrivals for server in servers] == [[], [], []]


def test_deadline(logzio: LogzioDestination) -> None:
    """However large the budget is, an invocation is held until its deadline at most."""
    logzio.misbehave(stalled())
    with shipping(logzio, environ=PATIENT) as run:
        for _ in range(2):
            assert run.services.invoke(["line"], deadline=0.8).added_seconds < PROMPT
        logzio.behave()
        run.end()


def test_recovery(logzio: LogzioDestination) -> None:
    """When the destination is back, everything that waited arrives, in order and once."""
    with shipping(logzio, environ=ANSWERING) as run:
        logzio.misbehave(status(503))
        for number in range(3):
            run.services.invoke([f"line {number}"])
        logzio.behave()
        run.services.invoke(["line 3"])
        logzio.wait_for(4)
        run.end()
    assert messages(logzio) == [f"line {number}" for number in range(4)]


@pytest.mark.parametrize("reason", ["timeout", "FAILURE"])
def test_shutdown_after_a_failed_invocation(logzio: LogzioDestination, reason: str) -> None:
    """After a timeout or a crash the last lines arrive, and one record that says what happened."""
    logzio.misbehave(delayed(0.3))
    for _ in range(ENDS):
        records = len(logzio.records)
        with shipping(logzio) as run:
            if reason == "timeout":
                done = run.services.invoke(["last words"], status="timeout", deadline=0.3)
            else:
                done = run.services.invoke(["last words"], status="failure")
            assert run.end(reason).seconds < PROMPT
        arrived = {it["lambda.log.type"]: it for it in logzio.records[records:]}
        if len(arrived) == 2 or run.in_time:
            break
    assert len(logzio.records[records:]) == 2
    assert arrived["function"]["message"] == "last words"
    ended = arrived["extension"]
    assert ended["requestId"] == done.request_id
    assert reason.lower() in str(ended)
