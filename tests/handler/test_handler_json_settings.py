"""SETTINGS: a JSON object whose members count as variables of their own."""

import json

import pytest

from extension import settings as extension_settings
from handler import app
from handler.auth import Auth
from handler.errors import SettingsError
from handler.further_variables import EXTENSION_VARIABLES, OTEL_LABELS
from handler.settings import VARIABLES, known_variables, read_settings
from tests.support.invoking import REQUEST_ID, answered, deliver, delivery, json_lines

US = {"AWS_REGION": "us-east-1"}


def problem(text: str, **environ: str) -> str:
    """Return the message about an environment with a SETTINGS that is wrong."""
    with pytest.raises(SettingsError) as raised:
        read_settings(US | environ | {"SETTINGS": text})
    return str(raised.value)


@pytest.mark.parametrize(
    ("text", "field", "expected"),
    [
        ('{"LABEL_VALUE_CASE": "keep"}', "label_value_case", "keep"),
        ('{"MAX_LABELS": 30}', "max_labels", 30),
        ('{"LISTENER_TIMEOUT_SECONDS": 2.50}', "timeout_seconds", 2.5),
        ('{"UNIT_LABEL": true}', "unit_label", True),
        ('{"UNIT_LABEL": false}', "unit_label", False),
        ('{"MAX_LABELS": " "}', "max_labels", None),
        ('{"REMOTE_WRITE_AUTH": "none"}', "scheme", Auth),
        (
            '{"REMOTE_WRITE_HEADERS": "{\\"X-Scope-OrgID\\":\\"a\\"}"}',
            "headers",
            {"X-Scope-OrgID": "a"},
        ),
        ('{"REMOTE_WRITE_HEADERS": {"X-Scope-OrgID": 7}}', "headers", {"X-Scope-OrgID": "7"}),
        (
            '{"EXTERNAL_LABELS": {"env": "\u00fc", "v": 1.50}}',
            "external_labels",
            {"env": "ü", "v": "1.50"},
        ),
        ('{"LOGZIO_METRICS_LISTENER": "https://a.b/w"}', "listener", "https://a.b/w"),
        ('{"LOKI_USERNAME": "1", "OTEL_LABEL_team": "a"}', "max_labels", None),
        ('{"LOGS_REDACT": ["a"], "LOGS_EXCLUDE": ["b"]}', "max_labels", None),
        ("{}", "max_labels", None),
        ("  ", "max_labels", None),
    ],
)
def test_member(text: str, field: str, expected: object) -> None:
    """Texts, numbers and booleans count as the variable's text; a blank variable does not."""
    environ = US | dict.fromkeys(VARIABLES[:4], " ") | {"SETTINGS": text}
    assert getattr(read_settings(environ), field) == expected
    assert getattr(read_settings(known_variables(environ)), field) == expected


def test_rules_need_no_escapes() -> None:
    """Relabelling rules may stand in SETTINGS as the list that they are."""
    rules = [
        {"source_labels": ["a", "b"], "regex": '("|\\\\).*', "action": "drop"},
        {"source_labels": ["a"], "modulus": 1, "target_label": "n", "action": "hashmod"},
    ]
    text = json.dumps({"WRITE_RELABEL_CONFIGS": rules})
    relabel = read_settings(US | {"SETTINGS": text}).relabel_configs
    labels = {"__name__": "up", "a": "x"}
    assert relabel.apply({**labels, "b": "y"}) == {**labels, "b": "y", "n": "0"}
    assert relabel.apply({**labels, "a": '"'}) is None


OBJECT = "SETTINGS must be a JSON object of variables and their values"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("LABEL_VALUE_CASE=keep", OBJECT),
        ('["LABEL_VALUE_CASE"]', OBJECT),
        ('"keep"', OBJECT),
        ("[" * 100_000, OBJECT),
        (
            '{"LABEL_VALUE_CAS": "sec-ret"}',
            "SETTINGS must not set LABEL_VALUE_CAS, which is unknown",
        ),
        (
            '{"label_value_case": "keep"}',
            "SETTINGS must not set label_value_case, which is unknown",
        ),
        (
            '{"LABEL_VALUE_CASE": "keep", "MAX_LABELS": 30, "LABEL_VALUE_CASE": "sec-ret"}',
            "SETTINGS must not set LABEL_VALUE_CASE twice",
        ),
        ('{"MAX_LABELS": 30, "MAX_LABEL\\u0053": 30}', "SETTINGS must not set MAX_LABELS twice"),
        ('{"sec-ret": 1, "sec-ret": 1}', "SETTINGS must not set a name twice"),
        (
            '{"REMOTE_WRITE_HEADERS": "{\\"X-A\\":\\"b\\",\\"X-A\\":\\"c\\"}"}',
            "SETTINGS must not set a name twice",
        ),
        (
            '{"WRITE_RELABEL_CONFIGS": [{"regex": "a", "regex": "b", "action": "labeldrop"}]}',
            "SETTINGS must not set regex twice",
        ),
        (
            '{"WRITE_RELABEL_CONFIGS": [{"regex": "a", "action": "sec"}]}',
            "WRITE_RELABEL_CONFIGS rule 1: action",
        ),
        ('{"EXTERNAL_LABELS": ["sec-ret"]}', "EXTERNAL_LABELS must be a JSON object of label"),
        (
            '{"REMOTE_WRITE_HEADERS": {"X-Api-Key": "sec-ret-sec-ret"}}',
            "SETTINGS must not set the header X-Api-Key, which is a secret; use REMOTE_WRITE_",
        ),
        ('{"SETTINGS": "{}"}', "SETTINGS must not set SETTINGS, which is unknown"),
        ('{"AWS_REGION": "x"}', "SETTINGS must not set AWS_REGION, which is unknown"),
        ('{"sec-ret": 1}', "SETTINGS must not set a name that no variable has"),
        ('{"MAX_LABELS": null}', "SETTINGS must set MAX_LABELS to text, a number or a boolean"),
        (
            '{"MAX_LABELS": ["sec-ret"]}',
            "SETTINGS must set MAX_LABELS to text, a number or a boolean",
        ),
        *(
            (f'{{"{name}": "sec-ret"}}', f"SETTINGS must not set {name}, which is a secret")
            for name in (
                "LOGZIO_METRICS_TOKEN",
                "FIREHOSE_ACCESS_KEY",
                "LOGZIO_LOGS_TOKEN",
                "LOKI_PASSWORD",
                "O2_AUTHORIZATION_HEADER",
                "BD_TAP_CLIENT_TOKEN",
            )
        ),
        (
            '{"REMOTE_WRITE_HEADERS": "{\\"X-Api-Key\\":\\"sec-ret-sec-ret\\"}"}',
            "SETTINGS must not set the header X-Api-Key, which is a secret; use REMOTE_WRITE_",
        ),
        (
            '{"LOKI_HEADERS": "sec-ret"}',
            "SETTINGS must not set LOKI_HEADERS, which may be a secret",
        ),
        ('{"TIMEOUT_MS": 9}', "SETTINGS must not set TIMEOUT_MS, which is unknown"),
        ('{"MAX_LABELS": "sec-ret"}', "MAX_LABELS must be a whole number from 10 to 1,000"),
        (
            '{"MAX_LABELS": NaN, "UNIT_LABEL": 1}',
            "UNIT_LABEL must be one of true, false; MAX_LABELS must be a whole number from 10",
        ),
        (
            '{"A": 1, "B": 2}',
            "SETTINGS must not set A, which is unknown; SETTINGS must not set B, ",
        ),
    ],
)
def test_wrong(text: str, said: str) -> None:
    """What is wrong is an error that names the variable, and repeats no value."""
    message = problem(text)
    assert message.removeprefix("settings: ").startswith(said)
    assert "sec-ret" not in message


@pytest.mark.parametrize("name", ["MAX_LABELS", "LOGS_MIN_LEVEL", "OTEL_LABEL_team"])
def test_set_both_ways(name: str) -> None:
    """A variable that is set as such too is an error, since it is unclear which value counts."""
    environ = {name: "30"}
    text = json.dumps(environ)
    said = f"settings: SETTINGS must not set {name}, which is also a variable of its own"
    assert problem(text, **environ) == said
    with pytest.raises(SettingsError, match=said):
        read_settings(known_variables(US | environ | {"SETTINGS": text}))


@pytest.mark.parametrize(
    "members",
    [
        {"LOGZIO_METRICS_TOKEN": REQUEST_ID},
        {"REMOTE_WRITE_HEADERS": json.dumps({"X-Api-Key": REQUEST_ID})},
    ],
)
def test_secret_is_redacted_while_settings_are_wrong(
    members: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    """A secret that SETTINGS must not hold is in no line, also where a delivery repeats it."""
    answer, _ = deliver(event=delivery(), settings={"SETTINGS": json.dumps(members)})
    assert answer.status == 500
    lines = json.dumps(json_lines(capfd.readouterr().out))
    assert "SETTINGS must not set " in lines
    assert REQUEST_ID not in lines


def test_extension_has_these_variables() -> None:
    """The function knows the names of the extension's variables, which its code does not share."""
    declared = [s.name for group in extension_settings.DECLARED.values() for s in group]
    assert {*EXTENSION_VARIABLES, f"{OTEL_LABELS}*", "LOKI_HEADERS"} == set(declared)


def test_handler(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """The handler reads SETTINGS, its log level and service too, again when it has changed."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    for level, lines in (("INFO", 1), ("ERROR", 0)):
        service = f"test-json-settings-{level}"
        settings = {
            "LOGZIO_REGION": "eu",
            "POWERTOOLS_SERVICE_NAME": service,
            "POWERTOOLS_LOG_LEVEL": level,
        }
        monkeypatch.setenv("SETTINGS", json.dumps(settings))
        assert answered(app.lambda_handler(delivery(), None)).status == 200
        logged = [it for it in json_lines(capfd.readouterr().out) if it.get("service") == service]
        assert len(logged) == lines
