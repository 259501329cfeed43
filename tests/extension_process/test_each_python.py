"""The promises, on each version of Python that is installed."""

from pathlib import Path

from testing.log_destinations.certificates import Certificate, CertificateAuthority
from testing.log_destinations.destination import LogDestination
from testing.log_destinations.logzio import LogzioDestination
from tests.extension_process.running import (
    AT_ONCE,
    MALFORMED,
    ORDERS,
    PROMPT,
    WINDOW,
    health_check,
    in_time,
    messages,
    settings,
    shipping,
)


def test_malformed_settings(each_python: Path, logzio: LogzioDestination) -> None:
    """Settings of which none is valid do not affect the function."""
    with shipping(logzio, environ=MALFORMED, python=each_python) as run:
        assert run.services.invoke(["line"]).added_seconds < PROMPT
        run.end()
    assert logzio.connections == 0


def test_last_line_and_silence(each_python: Path, destination: LogDestination) -> None:
    """In any order the last line is acknowledged before `next`, and nothing is printed."""
    with shipping(destination, environ=WINDOW, python=each_python, platform=AT_ONCE) as run:
        for order in ORDERS:
            done = run.services.invoke([order, {"message": "object"}], order=order)
            if order != "done-then-line" or in_time(run, done):
                assert messages(destination)[-2:] == [order, "object"]
                assert done.next_at is not None
                assert destination.acknowledged[-1][1] < done.next_at
        run.end()
        assert run.printed == []


def test_health_check_and_tls(each_python: Path, tmp_path: Path) -> None:
    """The health check sends a record to a host whose certificate is valid, and to no other."""
    authority = CertificateAuthority(tmp_path)
    trust = {"SSL_CERT_FILE": str(authority.file)}
    with LogzioDestination(tls=authority.server()) as good:
        assert health_check({**settings([good]), **trust}, each_python) == (0, "logzio: ok\n")
        assert messages(good) == ["metric-stream-logs: health check"]
    with LogzioDestination(tls=authority.server(Certificate.SELF_SIGNED)) as bad:
        code, said = health_check({**settings([bad]), **trust}, each_python)
    assert code == 1
    assert "certificate verify failed" in said
    assert bad.arrivals == []
