"""Promise 6: no output in the steady state, no token, no user's line, no loop."""

import pytest

from testing.log_destinations.destination import LogDestination
from testing.log_destinations.logzio import LogzioDestination
from testing.log_destinations.loki import LokiDestination
from testing.log_destinations.treatment import Treatment, redirected, status
from tests.extension_process.running import ANSWERING, messages, shipping

LINE = "canary-of-a-line"
TOKEN = "canary-of-a-token"
ALL_TYPES = {"TELEMETRY_TYPES": "function,platform,extension"}


def test_steady_state(destination: LogDestination) -> None:
    """At each destination, whatever is logged, not a byte is printed."""
    with shipping(destination, environ=ALL_TYPES, ship_output=True) as run:
        for number in range(10):
            run.services.invoke([f"line {number}", {"level": "ERROR", "message": "object"}, None])
        run.services.invoke(["x" * 300_000])
        run.services.invoke()
        run.end()
        assert run.printed == []


@pytest.mark.parametrize(
    "treatment",
    [
        status(400, f"refused: {LINE} {TOKEN}".encode()),
        status(401, TOKEN.encode()),
        redirected(f"http://127.0.0.1:9/?token={TOKEN}"),
        status(503, LINE.encode(), headers={"Retry-After": TOKEN}),
    ],
    ids=["400", "401", "redirect", "503"],
)
def test_canaries(destination: LogDestination, treatment: Treatment) -> None:
    """No token and no user's line is ever printed, even if the destination repeats them."""
    destination.token = f"Basic {TOKEN}" if destination.name == "openobserve" else TOKEN
    if isinstance(destination, LokiDestination):
        destination.username = TOKEN
    environ = {
        "EXTENSION_LOG_LEVEL": "debug",
        **ANSWERING,
        "LOGS_REDACT": f'["{TOKEN}"]',
        **ALL_TYPES,
    }
    destination.misbehave(treatment)
    with shipping(destination, environ=environ) as run:
        run.services.invoke([LINE, {"message": LINE, "level": "ERROR"}, f"{LINE} {TOKEN}"])
        run.services.post(f'[{{"type":"function","record":"{LINE}'.encode())
        run.services.invoke([LINE])
        destination.behave()
        run.end()
        assert run.output != ""
        assert LINE not in run.output
        assert TOKEN not in run.output


@pytest.mark.parametrize("variable", ["LOGZIO_LOGS_TOKEN", "LOGZIO_LISTENER", "CUSTOM_FIELDS"])
def test_canaries_in_settings(logzio: LogzioDestination, variable: str) -> None:
    """A token in the wrong variable is not repeated."""
    environ = {variable: f"https://{TOKEN}:{TOKEN}@\x7f", "LOGS_REDACT": f"({TOKEN}"}
    with shipping(logzio, environ=environ) as run:
        run.services.invoke([LINE])
        run.end()
        assert len(run.warnings) >= 2
        assert TOKEN not in run.output


def test_own_lines(logzio: LogzioDestination) -> None:
    """At the level `debug` each request causes a line, and no line causes a request."""
    environ = {**ALL_TYPES, "EXTENSION_LOG_LEVEL": "debug"}
    with shipping(logzio, environ=environ, ship_output=True) as run:
        for number in range(10):
            run.services.invoke([f"line {number}"])
        run.end()
        # And one line is the account at the end.
        assert len(run.output.splitlines()) <= len(logzio.arrivals) + 1
    assert [it for it in messages(logzio, "extension") if "metric-stream-logs" in it] == []
