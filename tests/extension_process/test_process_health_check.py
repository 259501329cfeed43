"""`--health-check`: its output and exit code."""

import pytest

from testing.log_destinations.destination import LogDestination
from testing.log_destinations.logzio import LogzioDestination
from testing.log_destinations.loki import LokiDestination
from testing.log_destinations.treatment import status
from testing.misbehaving import nobody
from tests.extension_process.running import health_check, settings

TOKEN = "canary-of-a-token"


@pytest.mark.parametrize("option", ["--health-check", "-h"])
def test_well(destination: LogDestination, option: str) -> None:
    """A destination that accepts the record: one line, exit code 0, and the record arrives."""
    assert health_check(settings([destination]), option=option) == (0, f"{destination.name}: ok\n")
    assert destination.count == 1
    assert destination.violations == []


@pytest.mark.parametrize("code", [401, 404, 500])
def test_refused(destination: LogDestination, code: int) -> None:
    """One that refuses it: the status in one line, exit code 1, no token."""
    destination.misbehave(status(code, TOKEN.encode()))
    exit_code, said = health_check(settings([destination]))
    assert exit_code == 1
    assert said.startswith(f"{destination.name}: failed: HTTP {code}")
    assert len(said.splitlines()) == 1
    assert destination.token not in said
    assert TOKEN not in said


def test_unreachable(logzio: LogzioDestination) -> None:
    """Nothing listens, or the name is not known."""
    with nobody() as url:
        for listener in (url.removesuffix("/write"), "https://listener.invalid:8071"):
            code, said = health_check({**settings([logzio]), "LOGZIO_LISTENER": listener})
            assert (code, said.count("\n")) == (1, 1)
            assert said.startswith("logzio: failed: ")


def test_several(logzio: LogzioDestination) -> None:
    """Each destination has a line; one failure makes the exit code 1."""
    with LokiDestination() as loki:
        environ = settings([logzio, loki])
        assert health_check(environ) == (0, "logzio: ok\nloki: ok\n")
        loki.misbehave(status(500))
        code, said = health_check(environ)
    assert code == 1
    assert said.startswith("logzio: ok\nloki: failed: HTTP 500")


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, "set LOGZIO_LOGS_TOKEN"),
        ({"LOGS_DESTINATION": "loki"}, "set LOKI_URL"),
        ({"LOGZIO_LOGS_TOKEN": TOKEN, "LOGZIO_LISTENER": f"http://{TOKEN}@x"}, "must be a URL"),
    ],
)
def test_missing(environ: dict[str, str], words: str) -> None:
    """The output names a setting that is missing or invalid."""
    code, said = health_check(environ)
    assert code == 1
    assert words in said
    assert TOKEN not in said


@pytest.mark.parametrize("environ", [{"LOGS_TIMEOUT_MS": "soon"}, {"CUSTOM_FIELDS": "a=b,c"}])
def test_malformed(logzio: LogzioDestination, environ: dict[str, str]) -> None:
    """A setting that is corrected gets a line; the check continues."""
    code, said = health_check({**settings([logzio]), **environ})
    assert code == 0
    assert f"{next(iter(environ))} must be" in said
    assert said.endswith("logzio: ok\n")


def test_usage() -> None:
    """An unknown option, or a start outside of Lambda, prints the usage."""
    code, said = health_check({}, option="--nonsense")
    assert code == 2
    assert said.startswith("usage: ")
