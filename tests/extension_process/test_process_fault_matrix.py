"""Promise 1: whatever fails, the function is not affected, and one line says what failed."""

import pytest

from testing.lambda_services.faults import Faults
from testing.log_destinations.logzio import LogzioDestination
from testing.log_destinations.treatment import Treatment, status
from testing.misbehaving import nobody
from tests.extension_process.running import (
    ANSWERING,
    MALFORMED,
    PROMPT,
    assert_left_alone,
    messages,
    shipping,
)


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"LOGZIO_LOGS_TOKEN": ""}, "set LOGZIO_LOGS_TOKEN to the token"),
        ({"LOGZIO_LOGS_TOKEN": "to\tken"}, "LOGZIO_LOGS_TOKEN has characters"),
        ({"LOGZIO_LOGS_TOKEN_ARN": "arn:aws:x"}, "LOGZIO_LOGS_TOKEN or LOGZIO_LOGS_TOKEN_ARN"),
        ({"LOGZIO_LISTENER": "no url"}, "LOGZIO_LISTENER must be a URL"),
    ],
)
def test_unusable(logzio: LogzioDestination, environ: dict[str, str], words: str) -> None:
    """The warning about an unusable destination names the variable to set."""
    with shipping(logzio, environ=environ) as run:
        assert_left_alone(run, words)
    assert logzio.connections == 0


def test_missing_everywhere() -> None:
    """Without any variable the warning is about the default destination."""
    with shipping() as run:
        assert_left_alone(run, "nothing is sent to logzio: set LOGZIO_LOGS_TOKEN")


def test_all_malformed(logzio: LogzioDestination) -> None:
    """With all settings malformed there is one warning about each."""
    names = MALFORMED.keys()
    with shipping(logzio, environ=MALFORMED) as run:
        assert_left_alone(run, *(rf"(?<![A-Z_]){name}(?![A-Z_])" for name in names))


def test_port_in_use(logzio: LogzioDestination) -> None:
    """A port in use is replaced with a warning, and everything arrives."""
    taken = LogzioDestination()
    port = taken.url.rpartition(":")[2]
    with taken, shipping(logzio, environ={"RECEIVER_PORT": port}) as run:
        assert_left_alone(run, f"cannot listen on RECEIVER_PORT {port}")
    assert messages(logzio)[:2] == ["line 0", "line 1"]


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        (Faults(telemetry_answer=202), "no logs are shipped: there is no Telemetry API here"),
        (Faults(telemetry_answer=400), "no logs are shipped: subscribe to telemetry: 400"),
        (Faults(telemetry_answer=403), "no logs are shipped: subscribe to telemetry: 403"),
        (Faults(telemetry_answer=500), "no logs are shipped: subscribe to telemetry: 500"),
        (Faults(telemetry_answer="reset"), "no logs are shipped: .*telemetry: no response"),
    ],
    ids=lambda value: str(value.telemetry_answer) if isinstance(value, Faults) else "",
)
def test_telemetry(logzio: LogzioDestination, faults: Faults, words: str) -> None:
    """Without telemetry invocations are not delayed."""
    with shipping(logzio, faults=faults) as run:
        assert run.services.invoke(["line"]).added_seconds < PROMPT
        assert_left_alone(run, words)
    assert logzio.arrivals == []


def test_older_schema(logzio: LogzioDestination) -> None:
    """If the newest schema is not known, the older one is used without a warning."""
    with shipping(logzio, faults=Faults(only_schema="2022-12-13")) as run:
        assert_left_alone(run)
    assert messages(logzio)[:2] == ["line 0", "line 1"]


@pytest.mark.parametrize("failure", [500, "reset"])
def test_register(logzio: LogzioDestination, failure: int) -> None:
    """Registration is retried until it succeeds; then everything arrives."""
    faults = Faults(register_failures=2, register_failure=failure)
    with shipping(logzio, faults=faults) as run:
        assert_left_alone(run, "registration is retried: ")
    assert messages(logzio)[:2] == ["line 0", "line 1"]


def test_invoke_refused(logzio: LogzioDestination) -> None:
    """If INVOKE is refused it registers only for SHUTDOWN, and everything arrives."""
    with shipping(logzio, managed_instances=True) as run:
        assert [it.events for it in run.services.extensions] == [{"SHUTDOWN"}]
        for number in range(3):
            run.services.invoke([f"line {number}"])
        logzio.wait_for(3)
        run.end()
        assert run.printed == []
    assert messages(logzio) == ["line 0", "line 1", "line 2"]


@pytest.mark.parametrize("failure", [500, "reset", 403])
def test_next(logzio: LogzioDestination, failure: int) -> None:
    """A call of next that fails is retried, and nothing is lost."""
    faults = Faults(next_failure_every=2, next_failure=failure)
    with shipping(logzio, faults=faults) as run:
        assert_left_alone(run, "next")
        statuses = run.services.calls.statuses("/event/next")
    assert len([status for status in statuses if status != 200]) >= 2
    assert messages(logzio)[:2] == ["line 0", "line 1"]


def test_down(logzio: LogzioDestination) -> None:
    """Nothing listens: there is one warning, however many attempts there are."""
    with (
        nobody() as url,
        shipping(logzio, environ={"LOGZIO_LISTENER": url, **ANSWERING}) as run,
    ):
        assert_left_alone(run, "logzio cannot be reached .*Connection refused", at_least=10)


@pytest.mark.parametrize(
    ("treatment", "words"),
    [
        (status(500), "logzio cannot be reached .*500"),
        (status(400, b"\xff" * 100_000), "logzio did not accept . records .*400"),
        (status(404), "logzio did not accept . records .*404"),
    ],
    ids=["500", "400", "404"],
)
def test_refusing(logzio: LogzioDestination, treatment: Treatment, words: str) -> None:
    """There is one warning about a destination that fails or refuses everything."""
    logzio.misbehave(treatment)
    with shipping(logzio, environ=ANSWERING) as run:
        assert_left_alone(run, words, at_least=4)
