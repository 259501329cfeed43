"""The settings of an OTLP endpoint."""

import json

import pytest

from handler.errors import SettingsError
from handler.settings import Settings, read_settings

URL = "https://otlp.example.com/v1/metrics"
OTLP = {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": URL}


def problem(**variables: str) -> str:
    """Return what is wrong with an environment."""
    with pytest.raises(SettingsError) as raised:
        read_settings(variables)
    return str(raised.value)


def headers(text: str) -> dict[str, str]:
    """Return the headers in a text."""
    return dict(read_settings(OTLP | {"OTEL_EXPORTER_OTLP_METRICS_HEADERS": text}).headers)


def test_endpoint_takes_the_place_of_the_listener() -> None:
    """It needs no region, and its URL, headers and timeout are what counts."""
    settings = read_settings(
        {
            **OTLP,
            "OTEL_EXPORTER_OTLP_METRICS_HEADERS": "x-tenant=a",
            "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT": "2500",
        }
    )
    assert (settings.listener, settings.timeout_seconds) == (URL, 2.5)
    assert settings.headers == {"x-tenant": "a"}
    assert read_settings(OTLP).timeout_seconds == 10


def test_defaults_of_a_stack_are_no_contradiction() -> None:
    """A stack sets some variables to their defaults; LOGZIO_REGION may be none anywhere."""
    stack = {"LOGZIO_METRICS_LISTENER": "", "P8S_LOGZIO_NAME": "logzio-otlp-metrics-stream"}
    for region in ("", "none"):
        assert read_settings(OTLP | stack | {"LOGZIO_REGION": region}).listener == URL


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("a=b", {"a": "b"}),
        (" a = b , C=d,", {"a": "b", "C": "d"}),
        ("Authorization=Basic%20dXNlcjpwdw%3D%3D", {"Authorization": "Basic dXNlcjpwdw=="}),
        ("a=b=c==", {"a": "b=c=="}),
        ("a=%2C%3D%25", {"a": ",=%"}),
    ],
)
def test_headers(text: str, expected: dict[str, str]) -> None:
    """The list is percent-encoded, as W3C Baggage."""
    if "Authorization" in text:
        settings = {"OTEL_EXPORTER_OTLP_METRICS_HEADERS": text, "REMOTE_WRITE_AUTH": "none"}
        assert read_settings(OTLP | settings).headers == expected
    else:
        assert headers(text) == expected


@pytest.mark.parametrize(
    "text",
    ["a", "a=b,c", "a=1,A=2", "a=%0A", "=b", "content-type=x", "authorization=x", "a="],
)
def test_bad_headers(text: str) -> None:
    """They are an error that names the variable, and repeats nothing of the value."""
    message = problem(**OTLP, OTEL_EXPORTER_OTLP_METRICS_HEADERS=text)
    assert "OTEL_EXPORTER_OTLP_METRICS_HEADERS" in message


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LOGZIO_METRICS_LISTENER", "https://listener.example.com"),
        ("LOGZIO_REGION", "eu"),
        ("REMOTE_WRITE_HEADERS", '{"X-Tenant":"a"}'),
        ("LISTENER_TIMEOUT_SECONDS", "5"),
        ("NAMING_PROFILE", "yace"),
        ("STATISTICS", "Sum"),
        ("EXTERNAL_LABELS", '{"env":"a"}'),
        ("WRITE_RELABEL_CONFIGS", '[{"regex":"a","action":"labeldrop"}]'),
        ("LABEL_VALUE_CASE", "keep"),
        ("UNIT_LABEL", "true"),
        ("MAX_LABELS", "20"),
        ("NATIVE_HISTOGRAMS", "true"),
        ("SEND_METADATA", "false"),
        ("REMOTE_WRITE_PROTOBUF_MESSAGE", "io.prometheus.write.v2.Request"),
        ("P8S_LOGZIO_NAME", "prod"),
        ("LISTENER_ALLOWED_HOSTS", "example.com"),
    ],
)
def test_what_does_not_apply_is_an_error(variable: str, value: str) -> None:
    """It would have no effect, or say twice where to send."""
    message = problem(**OTLP, **{variable: value})
    assert f"{variable} must not be set together with OTEL_EXPORTER_OTLP_METRICS_EN" in message


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "a=b"),
        ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "5000"),
        ("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "gzip"),
        ("OTLP_DIMENSIONS", "keep"),
    ],
)
def test_without_an_endpoint(variable: str, value: str) -> None:
    """The other settings of OTLP have no effect then, which is an error."""
    assert f"{variable} has no effect without" in problem(
        AWS_REGION="us-east-1", **{variable: value}
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "otlp.example.com"),
        ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "10s"),
        ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "0"),
        ("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "zstd"),
        ("OTLP_DIMENSIONS", "drop"),
    ],
)
def test_bad_values(variable: str, value: str) -> None:
    """A bad value is an error that names its variable."""
    assert f"{variable} must be" in problem(**{**OTLP, variable: value})


def test_malformed_endpoint_is_the_only_problem() -> None:
    """Nothing is said of other settings, which may be right."""
    endpoint = {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "otlp.example.com"}
    message = problem(**endpoint, OTEL_EXPORTER_OTLP_METRICS_HEADERS="a=b", LOGZIO_REGION="none")
    assert message.startswith("settings: OTEL_EXPORTER_OTLP_METRICS_ENDPOINT must be")
    assert ";" not in message


def test_region_none_without_an_endpoint() -> None:
    """Then there is nowhere to send, and the message says what to set."""
    message = problem(LOGZIO_REGION="none", AWS_REGION="us-east-1")
    assert "LOGZIO_METRICS_LISTENER must be set, or OTEL_EXPORTER" in message


def in_settings(**members: str) -> Settings:
    """Return the settings of a function whose stack has these in its parameter `Settings`."""
    return read_settings({"SETTINGS": json.dumps(members), "REMOTE_WRITE_AUTH": "none"})


def test_a_stack_sets_them_in_settings() -> None:
    """SETTINGS takes all of them, but no header that is a secret."""
    assert in_settings(**OTLP, OTLP_DIMENSIONS="keep").otlp_dimensions == "keep"
    tenant = in_settings(**OTLP, OTEL_EXPORTER_OTLP_METRICS_HEADERS="x-tenant=a")
    assert tenant.headers == {"x-tenant": "a"}
    with pytest.raises(SettingsError, match="header Api-Key, which is a secret"):
        in_settings(**OTLP, OTEL_EXPORTER_OTLP_METRICS_HEADERS="Api-Key=a")


def test_unencrypted_endpoint_is_warned_of() -> None:
    """The warning names the variable."""
    warnings = read_settings({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1"}).warnings
    assert len(warnings) == 1
    assert warnings[0].startswith("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT is an http:// URL")
