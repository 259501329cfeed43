"""What the operator can set, as it works in the process."""

import pytest

from testing.log_destinations.arrival import query_of
from testing.log_destinations.datatap import DataTapDestination
from testing.log_destinations.destination import LogDestination
from testing.log_destinations.log_table import row_of
from testing.log_destinations.logzio import LogzioDestination
from testing.log_destinations.loki import LokiDestination
from testing.log_destinations.openobserve import OpenObserveDestination
from testing.log_destinations.treatment import stalled, status
from tests.extension_process.running import (
    ANSWERING,
    DEBUG,
    FUNCTION_ONLY,
    PROMPT,
    messages,
    shipping,
)

KINDS = ("function", "platform", "extension")
DEFAULT_KINDS = {
    "logzio": {"function"},
    "loki": {"function"},
    "openobserve": set(KINDS),
    "datatap": set(KINDS),
}


def kinds(destination: LogDestination) -> set[str]:
    """Give which of the three kinds of records a destination has."""
    return {row_of(record).type.partition(".")[0] for record in destination.records}


class TestTypes:
    """Which kinds of records are shipped."""

    def test_default(self, destination: LogDestination) -> None:
        """Without TELEMETRY_TYPES each destination gets what the existing extension sends there."""
        with shipping(destination) as run:
            run.services.emit("extension", "another extension")
            run.services.invoke(["line"])
            run.end()
        assert kinds(destination) == DEFAULT_KINDS[destination.name]

    @pytest.mark.parametrize("wanted", [*KINDS, "function,platform", " Extension , FUNCTION "])
    def test_chosen(self, logzio: LogzioDestination, wanted: str) -> None:
        """With it exactly those are shipped, and `runtimeDone` is waited for all the same."""
        with shipping(logzio, environ={"TELEMETRY_TYPES": wanted}) as run:
            run.services.emit("extension", "another extension")
            assert run.services.invoke(["line"]).added_seconds < PROMPT
            run.end()
        assert kinds(logzio) == {kind.strip().lower() for kind in wanted.split(",")}

    def test_platform_logs_of_logzio(self, logzio: LogzioDestination) -> None:
        """ENABLE_PLATFORM_LOGS of the existing extension adds the platform's records."""
        with shipping(logzio, environ={"ENABLE_PLATFORM_LOGS": "true"}) as run:
            run.services.invoke(["line"])
            run.end()
        assert kinds(logzio) == {"function", "platform"}


class TestSelection:
    """What is left out, or taken out."""

    def test_redact(self, destination: LogDestination) -> None:
        """What LOGS_REDACT finds never leaves: in lines, objects, names, and broken bodies."""
        environ = {"LOGS_REDACT": r'["\\d{4}-\\d{4}", "(?i)secret"]', **FUNCTION_ONLY}
        with shipping(destination, environ=environ) as run:
            run.services.invoke(
                [
                    "card 1234-5678",
                    {"message": "SECRET", "a Secret": ["1234-5678", {"deep": "secret"}]},
                    '{"text": "secret"}',
                ]
            )
            run.services.post(b'[{"type":"function","record":"secret 1234-5678')
            run.services.invoke(["after"])
            run.end()
        told = str(destination.records).lower()
        assert "secret" not in told
        assert "1234-5678" not in told
        assert messages(destination)[0] == "card [redacted]"
        assert len(messages(destination)) == 5

    def test_sample_rate(self, logzio: LogzioDestination) -> None:
        """LOGS_SAMPLE_RATE sends that share, and all of the platform's records."""
        environ = {"LOGS_SAMPLE_RATE": "0.1", "TELEMETRY_TYPES": "function,platform"}
        with shipping(logzio, environ=environ) as run:
            run.services.invoke([f"line {number}" for number in range(200)])
            run.end()
        assert len(messages(logzio)) == 20
        assert len(messages(logzio, "platform.runtimeDone")) == 1

    def test_min_level(self, logzio: LogzioDestination) -> None:
        """LOGS_MIN_LEVEL leaves out what says a lower level, in both formats, and nothing else."""
        text = "[{}]\t2026-01-01T00:00:00.000Z\t5f87a2f0-0000-4000-8000-000000000000\t{}\n"
        lines = [
            {"level": "INFO", "message": "low object"},
            {"level": "error", "message": "high object"},
            text.format("DEBUG", "low text"),
            text.format("ERROR", "high text"),
            '{"level": "trace", "message": "low line"}',
            "no level",
        ]
        with shipping(logzio, environ={"LOGS_MIN_LEVEL": "warn", **FUNCTION_ONLY}) as run:
            run.services.invoke(lines)
            run.end()
        told = " ".join(messages(logzio))
        assert "low" not in told
        assert [words in told for words in ("high object", "high text", "no level")] == [True] * 3


class TestSeveral:
    """Several destinations at once."""

    @pytest.mark.parametrize("how", ["down", "stalled"])
    def test_one_down(self, logzio: LogzioDestination, how: str) -> None:
        """One that is down neither holds the others up nor costs them a record."""
        logzio.misbehave(status(503) if how == "down" else stalled())
        environ = {**FUNCTION_ONLY, **DEBUG, **ANSWERING}
        with (
            LokiDestination() as loki,
            OpenObserveDestination() as openobserve,
            DataTapDestination() as datatap,
        ):
            others = (loki, openobserve, datatap)
            with shipping(logzio, *others, environ=environ) as run:
                for number in range(2):
                    run.services.invoke([f"line {number}"])
                    assert [messages(it)[-1:] for it in others] == [[f"line {number}"]] * 3
                logzio.behave()
                logzio.wait_for(2)
                run.end()
                accounts = [run.account(it.name) for it in (logzio, *others)]
        assert [(it.received, it.sent, it.dropped) for it in accounts] == [(2, 2, {})] * 4
        assert messages(logzio) == [f"line {number}" for number in range(2)]

    def test_types_of_each(self, logzio: LogzioDestination) -> None:
        """Each gets the kinds of records that it gets alone."""
        with DataTapDestination() as datatap:
            with shipping(logzio, datatap) as run:
                run.services.emit("extension", "another extension")
                run.services.invoke(["line"])
                run.end()
            assert (kinds(logzio), kinds(datatap)) == ({"function"}, set(KINDS))

    def test_one_unusable(self, logzio: LogzioDestination) -> None:
        """One that is not set up is told, and the other works."""
        environ = {"LOGS_DESTINATION": "logzio,loki", **FUNCTION_ONLY}
        with shipping(logzio, environ=environ) as run:
            run.services.invoke(["line"])
            run.end()
            assert len(run.complaints) == 1
            assert "nothing is sent to loki: set LOKI_URL" in run.complaints[0]
        assert messages(logzio) == ["line"]


class TestDropIn:
    """Only the layer is replaced: the variables are those of an existing extension."""

    def test_own_variables(self, destination: LogDestination) -> None:
        """The destination is found without LOGS_DESTINATION, by the variables that are there."""
        with shipping(destination, environ={"LOGS_DESTINATION": ""}) as run:
            run.services.invoke(["line"])
            run.end()
            assert run.said == []
        assert messages(destination) == ["line"]

    @pytest.mark.parametrize("form", ["{}", "{}/loki", "{}/", "{}/loki/api/v1/push"])
    def test_address_of_loki(self, form: str) -> None:
        """LOKI_IP is an address with or without the path that the existing extension needs."""
        with LokiDestination() as loki:
            environ = {
                "LOGS_DESTINATION": "",
                "LOKI_URL": "",
                "LOKI_IP": form.format(loki.url),
                "OTEL_LABEL_TEAM": "a=b",
                "LOKI_LABELS": "stage=prod",
            }
            with shipping(loki, environ=environ) as run:
                run.services.invoke(["line"])
                run.end()
                assert run.said == []
            (entry,) = loki.records
        labels = {"source": "lambda", "function": "sample-function"}
        assert entry.labels == {**labels, "team": "a=b", "stage": "prod"}

    def test_user_and_tenant_of_loki(self) -> None:
        """LOKI_USERNAME, LOKI_PASSWORD and LOKI_TENANT_ID reach it."""
        with LokiDestination() as loki:
            loki.username, loki.tenant = "user", "tenant"
            with shipping(loki) as run:
                run.services.invoke(["line"])
                run.end()
            assert messages(loki) == ["line"]

    @pytest.mark.parametrize(
        ("name", "variable", "value"),
        [
            ("logzio", "GROK_PATTERNS", '{"A":"%{WORD}"}'),
            ("logzio", "LOGS_FORMAT", "%{A}"),
            ("loki", "DISPATCH_MIN_BATCH_SIZE", "5"),
            ("openobserve", "O2_BATCH_SIZE", "100"),
            ("openobserve", "O2_FLUSH_INTERVAL_MS", "500"),
            ("datatap", "NODE_ENV", "production"),
            ("datatap", "AWS_LAMBDA_RUNTIME_TELEMETRY_SCHEMA_VERSION", "2022-12-13"),
        ],
    )
    def test_without_effect(self, name: str, variable: str, value: str) -> None:
        """A variable that does nothing here is told, once, with why."""
        made = {"logzio": LogzioDestination, "loki": LokiDestination}
        made |= {"openobserve": OpenObserveDestination, "datatap": DataTapDestination}
        with made[name]() as destination:
            with shipping(destination, environ={variable: value}) as run:
                run.services.invoke(["line"])
                run.end()
                assert len(run.complaints) == 1
                assert f"{variable} does nothing: " in run.complaints[0]
            assert messages(destination) == ["line"]

    def test_records_of_logzio(self, logzio: LogzioDestination) -> None:
        """CUSTOM_FIELDS, LOGZIO_LOGS_TYPE and JSON_FIELDS_UNDER_ROOT do what they did there."""
        environ = {
            "CUSTOM_FIELDS": "team=a=b,type=mine",
            "LOGZIO_LOGS_TYPE": "my-type",
            "JSON_FIELDS_UNDER_ROOT": "true",
            "EXTENSION_NAME": "label",
        }
        with shipping(logzio, environ=environ) as run:
            run.services.invoke([{"own": 1, "@timestamp": "theirs", "type": "theirs"}])
            run.end()
        (record,) = logzio.records
        assert (record["own"], record["team"], record["type"]) == (1, "a=b", "my-type")
        assert record["extension_name"] == "label"
        assert record["@timestamp"] != "theirs"
        assert record["message_nested"] == {"@timestamp": "theirs", "type": "theirs"}
        (arrival,) = logzio.arrivals
        assert query_of(arrival.request)["type"] == "my-type"
