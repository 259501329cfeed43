"""Every variable of the four existing extensions is honoured, or says why it does nothing."""

from typing import Any

import pytest

from extension.destinations import choose
from extension.settings import read_settings
from extension.variables import custom_fields, loki_labels
from tests.support.log_destinations import ENOUGH, IDENTITY, NOW, body_of, record

# With each destination's own settings: a value, and how the extension differs for it.
HONOURED: dict[str, list[tuple[str, str]]] = {
    "logzio": [
        ("LOGZIO_LOGS_TOKEN", "other"),
        ("LOGZIO_LISTENER", "https://listener-nl.logz.io:8071"),
        ("LOGZIO_LOGS_TYPE", "mine"),
        ("ENABLE_PLATFORM_LOGS", "true"),
        ("CUSTOM_FIELDS", "k=v"),
        ("JSON_FIELDS_UNDER_ROOT", "true"),
        ("LOGS_EXT_LOG_LEVEL", "debug"),
    ],
    "loki": [
        ("LOKI_URL", "https://other.example.com"),
        ("OTEL_LABEL_TEAM", "a=b"),
    ],
    "openobserve": [
        ("O2_ORGANIZATION_ID", "other"),
        ("O2_AUTHORIZATION_HEADER", "Basic other"),
        ("O2_ENDPOINT", "https://other.example.com"),
        ("O2_STREAM", "other"),
        ("O2_MAX_BUFFER_SIZE_MB", "2"),
        ("O2_REQUEST_TIMEOUT_MS", "500"),
        ("O2_MAX_RETRIES", "1"),
        ("O2_INITIAL_RETRY_DELAY_MS", "50"),
        ("O2_MAX_RETRY_DELAY_MS", "60"),
        ("LOG_LEVEL", "debug"),
    ],
    "datatap": [
        ("BD_TAP_CLIENT_TOKEN", "other"),
        ("BD_DATA_TAP_URL", "https://other.example.com/"),
        ("RECEIVER_ADDRESS", "sandbox"),
        ("RECEIVER_PORT", "4244"),
        ("MAX_ITEMS", "1000"),
        ("MAX_BYTES", "300000"),
        ("TIMEOUT_MS", "100"),
        ("EXTENSION_NAME", "mine"),
    ],
}
WITHOUT_EFFECT = [
    ("logzio", "GROK_PATTERNS", '{"A":"b"}'),
    ("logzio", "LOGS_FORMAT", "%{A:a}"),
    ("logzio", "AWS_SAM_LOCAL", "true"),
    ("loki", "DISPATCH_MIN_BATCH_SIZE", "10"),
    ("openobserve", "O2_BATCH_SIZE", "5"),
    ("openobserve", "O2_FLUSH_INTERVAL_MS", "5"),
    ("datatap", "AWS_LAMBDA_RUNTIME_EXTENSION_API_VERSION", "2020-01-01"),
    ("datatap", "AWS_LAMBDA_RUNTIME_TELEMETRY_API_VERSION", "2022-07-01"),
    ("datatap", "AWS_LAMBDA_RUNTIME_TELEMETRY_SCHEMA_VERSION", "2022-12-13"),
    ("datatap", "NODE_ENV", "production"),
]


def behaviour(name: str, environ: dict[str, str]) -> Any:
    """Return all that the extension does with some variables."""
    settings = read_settings(environ)
    assert settings.destination_names == (name,)
    (made,) = choose([name], environ, IDENTITY, str, lambda: NOW).destinations
    known: Any = made
    request = made.request([made.encode(record({"a": 1}))])
    retry_settings = getattr(known, "retry_settings", None)
    return (
        settings._replace(warnings=()),
        (request.url, request.headers, body_of(request)),
        (made.default_types, made.max_body_bytes, retry_settings),
    )


@pytest.mark.parametrize(
    ("name", "variable", "value"),
    [(name, *pair) for name, pairs in HONOURED.items() for pair in pairs],
)
def test_honoured(name: str, variable: str, value: str) -> None:
    """A variable that is honoured changes what the extension does, and nothing is said."""
    changed = {**ENOUGH[name], variable: value}
    assert read_settings(changed).warnings == ()
    assert behaviour(name, changed) != behaviour(name, ENOUGH[name])


@pytest.mark.parametrize(("name", "variable", "value"), WITHOUT_EFFECT)
def test_without_effect(name: str, variable: str, value: str) -> None:
    """A variable that cannot be honoured changes nothing, and one warning says why."""
    changed = {**ENOUGH[name], variable: value}
    (warning,) = read_settings(changed).warnings
    assert warning.startswith(f"{variable} does nothing: ")
    assert value not in warning
    assert behaviour(name, changed) == behaviour(name, ENOUGH[name])


@pytest.mark.parametrize("name", ["logzio", "loki", "openobserve"])
def test_not_meant(name: str) -> None:
    """What other software calls its variables too is not taken for a wrong setting of ours."""
    environ = {**ENOUGH[name], "NODE_ENV": "production", "LOG_LEVEL": "verbose"}
    assert read_settings(environ).warnings == ()


@pytest.mark.parametrize(
    ("text", "fields", "said"),
    [
        ("", {}, 0),
        ("a=1", {"a": "1"}, 0),
        (" a = 1 , b=2,", {"a": "1", "b": "2"}, 0),
        ("a=b=c", {"a": "b=c"}, 0),
        ("a=", {"a": ""}, 0),
        ("a=1,a=2", {"a": "1"}, 0),
        ("a", {}, 1),
        ("=v,a=1", {"a": "1"}, 1),
        ("a,b,c=1", {"c": "1"}, 1),
        ("a=" + "x" * 40_000, {}, 1),
    ],
)
def test_custom_fields(text: str, fields: dict[str, str], said: int) -> None:
    """CUSTOM_FIELDS is pairs; what is none costs one warning and no other pair."""
    found, warnings = custom_fields({"CUSTOM_FIELDS": text})
    assert found == fields
    assert len(warnings) == said
    settings = read_settings({"LOGZIO_LOGS_TOKEN": "t", "CUSTOM_FIELDS": text})
    assert settings.warnings == warnings


@pytest.mark.parametrize(
    ("environ", "labels", "said"),
    [
        ({"OTEL_LABEL_Env": "prod"}, {"env": "prod"}, 0),
        ({"OTEL_LABEL_A": "b=c=d"}, {"a": "b=c=d"}, 0),
        ({"OTEL_LABEL_A": ""}, {}, 0),
        ({"OTEL_LABEL_": "x"}, {}, 1),
        ({"OTEL_LABEL_1A": "x"}, {}, 1),
        ({"LOKI_LABELS": "a=1", "OTEL_LABEL_A": "2"}, {"a": "1"}, 0),
        ({"LOKI_LABELS": "a-b=1,ok=2"}, {"ok": "2"}, 1),
    ],
)
def test_labels(environ: dict[str, str], labels: dict[str, str], said: int) -> None:
    """OTEL_LABEL_<K> is the label <k>; what cannot be a label's name is said."""
    found, warnings = loki_labels(environ)
    assert found == labels
    assert len(warnings) == said
    assert read_settings({"LOKI_URL": "x", **environ}).warnings == warnings


@pytest.mark.parametrize(
    "variable", ["O2_REQUEST_TIMEOUT_MS", "O2_MAX_RETRIES", "O2_MAX_BUFFER_SIZE_MB"]
)
def test_wrong_numbers(variable: str) -> None:
    """A number of OpenObserve's that is none is said with its variable."""
    (warning,) = read_settings({**ENOUGH["openobserve"], variable: "x"}).warnings
    assert variable in warning
