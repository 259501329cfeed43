"""Every variable of the four original extensions is honoured, or reported as ineffective."""

import json
from typing import Any

import pytest

from extension.destinations import choose
from extension.settings import Settings
from tests.support.log_destinations import ACCOUNT, ENOUGH, FUNCTION, NOW, body_of, record

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
    ("loki", "DISPATCH_MIN_BATCH_SIZE", "10"),
    ("openobserve", "O2_MAX_BUFFER_SIZE_MB", "7"),
    ("openobserve", "O2_REQUEST_TIMEOUT_MS", "500"),
    ("openobserve", "O2_MAX_RETRIES", "1"),
    ("openobserve", "O2_INITIAL_RETRY_DELAY_MS", "50"),
    ("openobserve", "O2_MAX_RETRY_DELAY_MS", "60"),
    ("openobserve", "O2_BATCH_SIZE", "5"),
    ("openobserve", "O2_FLUSH_INTERVAL_MS", "5"),
]


TWENTY = ",".join(f"l{number}=x" for number in range(20))


def behaviour(name: str, environ: dict[str, str]) -> Any:
    """Return all that the extension does with some variables."""
    settings = Settings(environ)
    assert settings.destination_names == (name,)
    (made,) = choose(
        [name], {**FUNCTION, **environ}, ACCOUNT, str, lambda: NOW, lambda: 0.0
    ).destinations
    request = made.request([made.encode(record({"a": 1}))])
    return (
        {**vars(settings), "warnings": ()},
        (request.url, request.headers, body_of(request)),
        (made.types, made.max_body_bytes),
    )


def warnings_of(environ: dict[str, str]) -> list[str]:
    """Return what is reported to the operator at the start."""
    settings = Settings(environ)
    chosen = choose(settings.destination_names, {**FUNCTION, **environ}, ACCOUNT, str, lambda: NOW)
    return [*settings.warnings, *chosen.warnings, *chosen.unusable]


@pytest.mark.parametrize(
    ("name", "variable", "value"),
    [(name, *pair) for name, pairs in HONOURED.items() for pair in pairs],
)
def test_honoured(name: str, variable: str, value: str) -> None:
    """A variable that is honoured changes what the extension does, without a warning."""
    changed = {**ENOUGH[name], variable: value}
    assert warnings_of(changed) == []
    assert behaviour(name, changed) != behaviour(name, ENOUGH[name])


@pytest.mark.parametrize(("name", "variable", "value"), WITHOUT_EFFECT)
def test_without_effect(name: str, variable: str, value: str) -> None:
    """A variable that cannot be honoured changes nothing, and one warning gives the reason."""
    changed = {**ENOUGH[name], variable: value}
    (warning,) = warnings_of(changed)
    assert warning.startswith(f"{variable} does nothing: ")
    assert value not in warning
    assert behaviour(name, changed) == behaviour(name, ENOUGH[name])


@pytest.mark.parametrize("name", sorted(ENOUGH))
def test_not_meant(name: str) -> None:
    """A variable that other software uses too is not reported."""
    environ = {
        **ENOUGH[name],
        "NODE_ENV": "production",
        "AWS_SAM_LOCAL": "true",
        "LOG_LEVEL": "verbose",
    }
    assert Settings(environ).warnings == ()


@pytest.mark.parametrize(
    ("environ", "labels", "warnings"),
    [
        ({"OTEL_LABEL_Env": "prod"}, {"env": "prod"}, 0),
        ({"OTEL_LABEL_A": "b=c=d"}, {"a": "b=c=d"}, 0),
        ({"OTEL_LABEL_A": ""}, {}, 0),
        ({"OTEL_LABEL_": "x"}, {}, 1),
        ({"OTEL_LABEL_1A": "x"}, {}, 1),
        ({"LOKI_LABELS": "a=1", "OTEL_LABEL_A": "2"}, {"a": "1"}, 0),
        ({"LOKI_LABELS": "a-b=1,ok=2"}, {"ok": "2"}, 1),
        ({"LOKI_LABELS": "env=prod,team=a=b"}, {"env": "prod", "team": "a=b"}, 0),
        # Loki accepts fifteen labels, of which three are ours.
        ({"LOKI_LABELS": TWENTY}, {f"l{number}": "x" for number in range(12)}, 1),
        ({"LOKI_LABELS": "service_name=mine"}, {"service_name": "mine"}, 0),
        ({"LOKI_LABELS": "source=mine", "OTEL_LABEL_FUNCTION": "mine"}, {}, 2),
    ],
)
def test_labels(environ: dict[str, str], labels: dict[str, str], warnings: int) -> None:
    """OTEL_LABEL_<K> is the label <k>; what cannot be a label is reported."""
    environ = {**ENOUGH["loki"], **environ}
    (made,) = choose(["loki"], {**FUNCTION, **environ}, ACCOUNT, str, lambda: NOW).destinations
    body = json.loads(body_of(made.request([made.encode(record("x"))])))
    ours = {"source": "lambda", "function": "my-fn", "service_name": "my-fn"}
    assert body["streams"][0]["stream"] == {**ours, **labels}
    assert len(warnings_of(environ)) == warnings
