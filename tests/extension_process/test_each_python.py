"""Each promise and each destination on every Python that is here; the details are elsewhere."""

from pathlib import Path

from testing.log_destinations.certificates import Certificate, CertificateAuthority
from testing.log_destinations.destination import LogDestination
from testing.log_destinations.logzio import LogzioDestination
from testing.log_destinations.treatment import stalled, status
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


def test_promise_1_malformed_settings(each_python: Path, logzio: LogzioDestination) -> None:
    """With settings of which none can be used the function is left alone."""
    with shipping(logzio, environ=MALFORMED, python=each_python) as run:
        for _ in range(3):
            assert run.services.invoke(["line"]).added_seconds < PROMPT
        run.end()
    assert logzio.connections == 0


def test_promise_2_last_line(each_python: Path, destination: LogDestination) -> None:
    """In any order the last line is acknowledged before `next`, at each destination."""
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


def test_promise_3_stalled_destination(each_python: Path, logzio: LogzioDestination) -> None:
    """A destination that never answers costs an invocation its budget, and SHUTDOWN no kill."""
    logzio.misbehave(stalled())
    with shipping(logzio, environ={"FLUSH_BUDGET_MS": "200"}, python=each_python) as run:
        assert run.services.invoke(["line"]).added_seconds < PROMPT
        assert run.end().seconds < PROMPT


def test_promises_4_and_5_outage(each_python: Path, logzio: LogzioDestination) -> None:
    """In an outage the oldest records go, and what was lost is told when it is over."""
    # Nothing is on its way while the lines come: that would stay, whatever its age.
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
    assert account.sent == logzio.acknowledged_count
    assert account.balanced


def test_promise_6_silence(each_python: Path, logzio: LogzioDestination) -> None:
    """In the steady state not a byte is printed, whatever is shipped."""
    environ = {"TELEMETRY_TYPES": "function,platform,extension"}
    with shipping(logzio, environ=environ, python=each_python, ship_output=True) as run:
        for number in range(5):
            run.services.invoke([f"line {number}"])
        run.end()
        assert run.said == []
    assert messages(logzio) == [f"line {number}" for number in range(5)]


def test_tls(each_python: Path, tmp_path: Path) -> None:
    """A certificate that verifies is taken, and a self-signed one is not."""
    authority = CertificateAuthority(tmp_path)
    trust = {"SSL_CERT_FILE": str(authority.file), **FUNCTION_ONLY}
    with (
        LogzioDestination(tls=authority.server()) as good,
        shipping(good, environ=trust, python=each_python) as run,
    ):
        run.services.invoke(["line"])
        assert messages(good) == ["line"]
        run.end()
    with LogzioDestination(tls=authority.server(Certificate.SELF_SIGNED)) as bad:
        code, said = health_check({**settings([bad]), **trust}, each_python)
    assert code == 1
    assert "certificate verify failed" in said
    assert bad.arrivals == []


def test_health_check(each_python: Path, logzio: LogzioDestination) -> None:
    """The health check sends a record, and ends well."""
    assert health_check(settings([logzio]), each_python) == (0, "logzio: ok\n")
    assert messages(logzio) == ["metric-stream-logs: health check"]
