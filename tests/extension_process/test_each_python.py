"""The promises, on each version of Python that is installed."""

from pathlib import Path

import pytest

from testing.log_destinations.certificates import Certificate, CertificateAuthority
from testing.log_destinations.destination import LogDestination
from testing.log_destinations.logzio import LogzioDestination
from testing.log_destinations.treatment import status
from tests.extension_process.running import (
    ANSWERING,
    AT_ONCE,
    DEBUG,
    FUNCTION_ONLY,
    ORDERS,
    PROMPT,
    WINDOW,
    health_check,
    in_time,
    messages,
    settings,
    shipping,
)

MALFORMED = {
    "LOGS_DESTINATION": "nowhere",
    "LOGZIO_LISTENER": "no url",
    "RECEIVER_PORT": "many",
    "TIMEOUT_MS": "soon",
    "LOGS_REDACT": "(",
    "LOGS_SAMPLE_RATE": "often",
}


def test_malformed_settings(each_python: Path, logzio: LogzioDestination) -> None:
    """Settings of which none is valid do not affect the function."""
    with shipping(logzio, environ=MALFORMED, python=each_python) as run:
        assert run.services.invoke(["line"]).added_seconds < PROMPT
        run.end()
    assert logzio.connections == 0


def test_last_line_and_silence(each_python: Path, destination: LogDestination) -> None:
    """In any order the last line is acknowledged before `next`, and nothing is printed."""
    environ = {**FUNCTION_ONLY, **WINDOW}
    with shipping(destination, environ=environ, python=each_python, platform=AT_ONCE) as run:
        for order in ORDERS:
            done = run.services.invoke([order, {"message": "object"}], order=order)
            if order != "done-then-line" or in_time(run, done):
                assert messages(destination)[-2:] == [order, "object"]
                assert done.next_at is not None
                assert destination.acknowledged[-1][1] < done.next_at
        run.end()
        assert run.said == []


@pytest.mark.large
def test_outage(each_python: Path, logzio: LogzioDestination) -> None:
    """In an outage the oldest records are dropped, and the losses are reported afterwards."""
    # Nothing is in flight while the lines come: that would stay, whatever its age.
    logzio.misbehave(status(503, retry_after=10))
    environ = {**FUNCTION_ONLY, **DEBUG, **ANSWERING, "BUFFER_MAX_BYTES": "1048576"}
    lines = [f"{number:04d} {'x' * 1000}" for number in range(1500)]
    with shipping(logzio, environ=environ, python=each_python) as run:
        run.services.invoke(["first"])
        run.services.invoke(lines)
        logzio.behave()
        logzio.wait_for(lambda it: lines[-1] in messages(it) and bool(messages(it, "extension")))
        run.end()
        account = run.account()
    arrived = messages(logzio)
    assert len(arrived) > 200
    assert arrived == lines[-len(arrived) :]
    assert account.dropped == {"buffer_full": 1 + len(lines) - len(arrived)}
    assert account.balanced


def test_health_check_and_tls(each_python: Path, tmp_path: Path) -> None:
    """The health check sends a record to a host whose certificate is valid, and to no other."""
    authority = CertificateAuthority(tmp_path)
    trust = {"SSL_CERT_FILE": str(authority.file), **FUNCTION_ONLY}
    with LogzioDestination(tls=authority.server()) as good:
        assert health_check({**settings([good]), **trust}, each_python) == (0, "logzio: ok\n")
        assert messages(good) == ["metric-stream-logs: health check"]
    with LogzioDestination(tls=authority.server(Certificate.SELF_SIGNED)) as bad:
        code, said = health_check({**settings([bad]), **trust}, each_python)
    assert code == 1
    assert "certificate verify failed" in said
    assert bad.arrivals == []
