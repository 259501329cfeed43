"""Promise 1: whatever is wrong, the function is left alone, and one line says what it is."""

import itertools

import pytest

from testing.lambda_services.faults import Faults
from testing.log_destinations.logzio import LogzioDestination
from testing.log_destinations.treatment import Treatment, status
from testing.misbehaving import nobody, raw_listener
from tests.extension_process.left_alone import assert_left_alone
from tests.extension_process.running import (
    ANSWERING,
    FUNCTION_ONLY,
    PROMPT,
    messages,
    shipping,
)

MALFORMED = {
    "LOGS_DESTINATION": "nowhere",
    "RECEIVER_ADDRESS": "not a host",
    "RECEIVER_PORT": "many",
    "MAX_ITEMS": "few",
    "MAX_BYTES": "-1",
    "TIMEOUT_MS": "soon",
    "TELEMETRY_TYPES": "nonsense",
    "BUFFER_MAX_BYTES": "1e9",
    "FLUSH_BUDGET_MS": "0",
    "EXTENSION_LOG_LEVEL": "loud",
    "LOGS_REDACT": "(",
    "LOGS_SAMPLE_RATE": "nan",
    "LOGS_MIN_LEVEL": "quiet",
    "CUSTOM_FIELDS": "nothing",
    "LOGZIO_LISTENER": "no url",
}


class TestSettings:
    """What the operator has set."""

    @pytest.mark.parametrize(
        ("environ", "words"),
        [
            ({"LOGZIO_LOGS_TOKEN": ""}, "set LOGZIO_LOGS_TOKEN to the token"),
            ({"LOGZIO_LOGS_TOKEN": "to\tken"}, "LOGZIO_LOGS_TOKEN has characters"),
            ({"LOGZIO_LOGS_TOKEN_ARN": "arn:aws:x"}, "LOGZIO_LOGS_TOKEN or LOGZIO_LOGS_TOKEN_ARN"),
            ({"LOGZIO_LISTENER": "no url"}, "LOGZIO_LISTENER must be a URL"),
            ({"LOGZIO_LISTENER": "https://u:p@127.0.0.1"}, "LOGZIO_LISTENER must be a URL"),
            ({"LOGZIO_LISTENER": "ftp://127.0.0.1"}, "LOGZIO_LISTENER must be a URL"),
        ],
    )
    def test_unusable(self, logzio: LogzioDestination, environ: dict[str, str], words: str) -> None:
        """A destination that cannot be used is named with the variable that has to be set."""
        with shipping(logzio, environ=environ) as run:
            assert_left_alone(run, words)
        assert logzio.connections == 0

    def test_missing_everywhere(self) -> None:
        """Without any variable the default destination is named."""
        with shipping() as run:
            assert_left_alone(run, "nothing is sent to logzio: set LOGZIO_LOGS_TOKEN")

    def test_all_malformed(self, logzio: LogzioDestination) -> None:
        """With every setting malformed at once each is named once."""
        names = MALFORMED.keys()
        with shipping(logzio, environ=MALFORMED) as run:
            assert_left_alone(run, *(rf"(?<![A-Z_]){name}(?![A-Z_])" for name in names))

    def test_token_refused(self, logzio: LogzioDestination) -> None:
        """A token that the destination refuses is told, and nothing more is sent."""
        with shipping(logzio, environ={"LOGZIO_LOGS_TOKEN": "old", **FUNCTION_ONLY}) as run:
            assert_left_alone(run, "logzio refuses the token .*401")
        assert len(logzio.arrivals) == 1

    def test_port_in_use(self, logzio: LogzioDestination) -> None:
        """A port in use is replaced, told, and everything arrives all the same."""
        taken = LogzioDestination()
        port = taken.url.rpartition(":")[2]
        with taken, shipping(logzio, environ={"RECEIVER_PORT": port, **FUNCTION_ONLY}) as run:
            assert_left_alone(run, f"cannot listen on RECEIVER_PORT {port}")
        assert messages(logzio)[:2] == ["line 0", "line 1"]


class TestLambdaServices:
    """What the services do."""

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
    def test_telemetry(self, logzio: LogzioDestination, faults: Faults, words: str) -> None:
        """Without telemetry invocations are held for nothing."""
        with shipping(logzio, faults=faults) as run:
            assert run.services.invoke(["line"]).added_seconds < PROMPT
            assert_left_alone(run, words)
        assert logzio.arrivals == []

    def test_older_schema(self, logzio: LogzioDestination) -> None:
        """Where the newest schema is not known, the one before it is used, and nothing said."""
        with shipping(
            logzio, faults=Faults(only_schema="2022-12-13"), environ=FUNCTION_ONLY
        ) as run:
            assert_left_alone(run)
        assert messages(logzio)[:2] == ["line 0", "line 1"]

    @pytest.mark.parametrize("failure", [500, "reset"])
    def test_register(self, logzio: LogzioDestination, failure: int) -> None:
        """Registering is tried until it succeeds; then everything arrives."""
        faults = Faults(register_failures=2, register_failure=failure)
        with shipping(logzio, faults=faults, environ=FUNCTION_ONLY) as run:
            assert_left_alone(run, "registration is retried: ")
        assert messages(logzio)[:2] == ["line 0", "line 1"]

    def test_invoke_refused(self, logzio: LogzioDestination) -> None:
        """Where INVOKE is refused, SHUTDOWN alone is registered for, and everything arrives."""
        with shipping(logzio, managed_instances=True, environ=FUNCTION_ONLY) as run:
            assert [it.events for it in run.services.extensions] == [{"SHUTDOWN"}]
            for number in range(3):
                run.services.invoke([f"line {number}"])
            logzio.wait_for(3)
            run.end()
            assert run.said == []
        assert messages(logzio) == ["line 0", "line 1", "line 2"]

    @pytest.mark.parametrize("failure", [500, "reset", 403])
    def test_next(self, logzio: LogzioDestination, failure: int) -> None:
        """A call of next that fails is made again, and nothing is lost."""
        faults = Faults(next_failure_every=2, next_failure=failure)
        with shipping(logzio, faults=faults, environ=FUNCTION_ONLY) as run:
            assert_left_alone(run, "next")
            calls = run.services.calls.of("/event/next")
        assert len([call for call in calls if call.status != 200]) >= 2
        assert messages(logzio)[:2] == ["line 0", "line 1"]


class TestDestination:
    """What the destination does."""

    def test_down(self, logzio: LogzioDestination) -> None:
        """Nobody listens: it is told once, however many attempts are made."""
        with (
            nobody() as url,
            shipping(logzio, environ={"LOGZIO_LISTENER": url, **ANSWERING}) as run,
        ):
            assert_left_alone(run, "logzio cannot be reached .*Connection refused", at_least=10)

    @pytest.mark.parametrize(
        "garbage",
        [
            (
                b"",
                b"\x00\xff\xfe garbage\r\n\r\n",
                b"HTTP/1.1 banana\r\n\r\n",
                b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
            ),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                b"HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n",
                b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
                b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
            ),
        ],
        ids=["no HTTP", "bad HTTP"],
    )
    def test_garbage(self, logzio: LogzioDestination, garbage: tuple[bytes, ...]) -> None:
        """What is no response of HTTP is no response, so nothing counts as sent."""
        kinds = itertools.cycle(garbage)
        with (
            raw_listener(lambda _connection, _request: next(kinds) or None) as url,
            shipping(logzio, environ={"LOGZIO_LISTENER": url, **ANSWERING, **FUNCTION_ONLY}) as run,
        ):
            assert_left_alone(run, "logzio cannot be reached")
            assert run.account().sent == 0

    @pytest.mark.parametrize(
        ("treatment", "words"),
        [
            (status(500), "logzio cannot be reached .*500"),
            (status(400, b"\xff" * 100_000), "logzio did not accept . records .*400"),
            (status(404), "logzio did not accept . records .*404"),
        ],
        ids=["500", "400", "404"],
    )
    def test_refusing(self, logzio: LogzioDestination, treatment: Treatment, words: str) -> None:
        """A destination that fails, or never takes anything, is told once."""
        logzio.misbehave(treatment)
        with shipping(logzio, environ={**ANSWERING, **FUNCTION_ONLY}) as run:
            assert_left_alone(run, words, at_least=4)
