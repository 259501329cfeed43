"""The operator's settings, in the process."""

import pytest

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
    """Return the kinds of records that a destination has."""
    return {row_of(record).type.partition(".")[0] for record in destination.records}


def test_default(destination: LogDestination) -> None:
    """Without TELEMETRY_TYPES each destination gets the types of the existing extension."""
    with shipping(destination, environ={"TELEMETRY_TYPES": ""}) as run:
        run.services.emit("extension", "another extension")
        run.services.invoke(["line"])
        run.end()
    assert kinds(destination) == DEFAULT_KINDS[destination.name]


@pytest.mark.parametrize("wanted", [*KINDS, "function,platform", " Extension , FUNCTION "])
def test_chosen(logzio: LogzioDestination, wanted: str) -> None:
    """With it exactly those are shipped; `runtimeDone` is still waited for."""
    with shipping(logzio, environ={"TELEMETRY_TYPES": wanted}) as run:
        run.services.emit("extension", "another extension")
        assert run.services.invoke(["line"]).added_seconds < PROMPT
        run.end()
    assert kinds(logzio) == {kind.strip().lower() for kind in wanted.split(",")}


def test_redact(destination: LogDestination) -> None:
    """Matches of LOGS_REDACT are never sent: in lines, objects, names, and malformed bodies."""
    environ = {"LOGS_REDACT": r'["\\d{4}-\\d{4}", "(?i)secret"]'}
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
    sent = str(destination.records).lower()
    assert "secret" not in sent
    assert "1234-5678" not in sent
    assert messages(destination)[0] == "card [redacted]"
    assert len(messages(destination)) == 5


def test_json_settings(logzio: LogzioDestination) -> None:
    """What SETTINGS holds counts as variables do, beside settings of the function."""
    environ = {"SETTINGS": '{"LABEL_VALUE_CASE":"keep","LOGS_REDACT":"secret"}'}
    with shipping(logzio, environ=environ) as run:
        run.services.invoke(["the secret"])
        run.end()
    assert messages(logzio) == ["the [redacted]"]


@pytest.mark.parametrize("how", ["down", "stalled"])
def test_one_down(logzio: LogzioDestination, how: str) -> None:
    """One that is down neither delays the others nor costs them a record."""
    logzio.misbehave(status(503) if how == "down" else stalled())
    environ = {**DEBUG, **ANSWERING}
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


def test_own_variables(destination: LogDestination) -> None:
    """The destination is found without LOGS_DESTINATION, by the variables that are there."""
    with shipping(destination, environ={"LOGS_DESTINATION": ""}) as run:
        run.services.invoke(["line"])
        run.end()
        assert run.printed == []
    assert messages(destination) == ["line"]
