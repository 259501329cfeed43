"""Promise 1: whatever is wrong, the function is left alone, and one line says what it is."""

import itertools
import re
import shutil
import time
from pathlib import Path

import pytest

from local.lambda_services.faults import Faults
from local.log_destinations.logzio import LogzioDestination
from local.log_destinations.treatment import Treatment, status
from tests.extension_process.running import (
    EXECUTABLE,
    FUNCTION_ONLY,
    OWN_PYTHON,
    Shipping,
    messages,
    settings,
    shipping,
)
from tests.support.misbehaving import nobody, raw_listener

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
# A fault may be told after some attempts, of which the last ones wait for seconds.
PATIENCE_SECONDS = 10.0
DEADLINE_SECONDS = 1.0
SHORT = {"FLUSH_BUDGET_MS": "50"}


def assert_left_alone(run: Shipping, *words: str, at_least: int = 3) -> None:
    """Fail unless invocations go on, and lines with these words, and no others, are printed.

    Args:
        run: The extension.
        words: A regular expression for each line.
        at_least: How many invocations there are; more until all lines are there.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    number = 0
    while number < at_least or (len(run.complaints) < len(words) and time.monotonic() < until):
        done = run.services.invoke([f"line {number}"], duration=0.02, deadline=DEADLINE_SECONDS)
        assert done.next_at is not None
        assert done.next_at < done.deadline
        number += 1
    run.end()
    assert len(run.complaints) == len(words), run.output
    for pattern in words:
        assert len([it for it in run.complaints if re.search(pattern, it)]) == 1, run.output


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
            assert_left_alone(run, f"RECEIVER_PORT {port} cannot be listened on")
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
            (Faults(telemetry_answer="reset"), "no logs are shipped: .*telemetry: no answer"),
        ],
        ids=lambda value: str(value.telemetry_answer) if isinstance(value, Faults) else "",
    )
    def test_telemetry(self, logzio: LogzioDestination, faults: Faults, words: str) -> None:
        """Without telemetry invocations are held for nothing."""
        with shipping(logzio, faults=faults) as run:
            assert run.services.invoke(["line"]).added_seconds < 0.1
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
            assert_left_alone(run, "registering is tried again: ")
        assert messages(logzio)[:2] == ["line 0", "line 1"]

    def test_invoke_refused(self, logzio: LogzioDestination) -> None:
        """Where INVOKE is refused, SHUTDOWN alone is registered for, and everything arrives."""
        with shipping(logzio, managed_instances=True, environ=FUNCTION_ONLY) as run:
            assert [it.events for it in run.services.extensions] == [{"SHUTDOWN"}]
            for number in range(3):
                run.services.invoke([f"line {number}"])
            logzio.wait_for(3)
            run.end()
            assert run.output == ""
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
        with nobody() as url, shipping(logzio, environ={"LOGZIO_LISTENER": url, **SHORT}) as run:
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
        """What is no answer of HTTP is no answer, so nothing counts as sent."""
        kinds = itertools.cycle(garbage)
        with (
            raw_listener(lambda _connection, _request: next(kinds) or None) as url,
            shipping(logzio, environ={"LOGZIO_LISTENER": url, **SHORT, **FUNCTION_ONLY}) as run,
        ):
            assert_left_alone(run, "logzio cannot be reached")
            assert run.account().sent == 0

    @pytest.mark.parametrize(
        ("treatment", "words"),
        [
            (status(500), "logzio cannot be reached .*500"),
            (status(400, b"\xff" * 100_000), "logzio did not take . records .*400"),
            (status(404), "logzio did not take . records .*404"),
        ],
        ids=["500", "400", "404"],
    )
    def test_refusing(self, logzio: LogzioDestination, treatment: Treatment, words: str) -> None:
        """A destination that fails, or never takes anything, is told once."""
        logzio.misbehave(treatment)
        with shipping(logzio, environ={**SHORT, **FUNCTION_ONLY}) as run:
            assert_left_alone(run, words, at_least=4)


class TestOwnFaults:
    """What goes wrong in the extension itself."""

    @pytest.fixture
    def wrapper(self, tmp_path: Path) -> Path:
        """Give an executable of the same name, which is still empty."""
        file = tmp_path / EXECUTABLE.name
        file.touch(0o755)
        return file

    @pytest.mark.parametrize("output", [">&- 2>&-", ">/dev/full 2>&1", "| true"])
    def test_no_output(self, logzio: LogzioDestination, wrapper: Path, output: str) -> None:
        """Standard output is closed, full, or read by nobody, and there is much to say."""
        command = f"{OWN_PYTHON} -I -S {EXECUTABLE} {output}"
        wrapper.write_text(f"#!/bin/sh\n{'' if '|' in output else 'exec '}{command}\n")
        environ = {**FUNCTION_ONLY, "EXTENSION_LOG_LEVEL": "debug", "MAX_ITEMS": "few"}
        with shipping(logzio, python=None, executable=wrapper, environ=environ) as run:
            assert_left_alone(run)
        assert messages(logzio) == ["line 0", "line 1", "line 2"]

    @pytest.mark.parametrize("kind", ["missing", "folder", "garbage"])
    def test_certificates(self, logzio: LogzioDestination, tmp_path: Path, kind: str) -> None:
        """A file of authorities that cannot be read matters to nobody who needs none."""
        path = tmp_path / kind
        if kind == "folder":
            path.mkdir()
        elif kind != "missing":
            path.write_bytes(b"\x00garbage")
        with shipping(logzio, environ={"SSL_CERT_FILE": str(path), **FUNCTION_ONLY}) as run:
            assert_left_alone(run)
        assert messages(logzio) == ["line 0", "line 1", "line 2"]

    @pytest.mark.parametrize(
        ("module", "broken"),
        [
            ("destinations/logzio", "Logzio.request"),
            ("destinations/logzio", "Logzio.judge"),
            ("exchange", "Exchanges.__init__"),
            ("intake", "Intake.read"),
            ("invocations", "Invocations.done"),
            ("lambda_api", "LambdaApi.subscribe"),
            ("receiver", "Receiver.listen"),
            ("buffer", "Buffer.take"),
            ("losses", "Losses.report"),
            ("life", "Pipeline.flush"),
        ],
    )
    def test_broken_layer(
        self, logzio: LogzioDestination, tmp_path: Path, module: str, broken: str
    ) -> None:
        """An error anywhere in the package, this one on purpose, is told once and ends nothing."""
        executable = broken_layer(tmp_path, module, broken)
        environ = {**SHORT, **FUNCTION_ONLY, **settings([logzio])}
        with shipping(executable=executable, environ=environ, faulty=True) as run:
            assert_left_alone(run, "ZeroDivisionError")

    def test_no_record_can_be_written(self, logzio: LogzioDestination, tmp_path: Path) -> None:
        """Where a destination's records cannot be written, it is told where, never repeatedly."""
        executable = broken_layer(tmp_path, "destinations/logzio", "Logzio.encode")
        environ = {**FUNCTION_ONLY, **settings([logzio])}
        with shipping(executable=executable, environ=environ, faulty=True) as run:
            for _ in range(5):
                assert run.services.invoke(["line"]).added_seconds < 0.5
            run.end()
            assert run.complaints
            assert len(set(run.complaints)) == len(run.complaints) <= 2
            assert all("ZeroDivisionError" in line for line in run.complaints)
            assert logzio.arrivals == []


def broken_layer(folder: Path, module: str, broken: str) -> Path:
    """Copy the extension, with one function of it that always fails; give the executable."""
    layer = folder / "extension"
    shutil.copytree(EXECUTABLE.parent, layer, ignore=shutil.ignore_patterns("__pycache__"))
    file = layer / f"{module}.py"
    text = f"\n\ndef _broken(*_: object, **__: object):\n    1 / 0\n\n\n{broken} = _broken\n"
    file.write_text(file.read_text(encoding="utf-8") + text, encoding="utf-8")
    return layer / EXECUTABLE.name
