"""The settings: defaults, every variable, and all problems in one message."""

import re

import pytest

from converters.profiles.logzio import Logzio
from converters.profiles.yace import Yace
from converters.statistics import selection_of
from handler.auth import Auth, BasicAuth, BearerAuth
from handler.endpoint import endpoint_at
from handler.errors import SettingsError
from handler.secrets import Secret
from handler.settings import VARIABLES, read_settings

US = {"AWS_REGION": "us-east-1"}

ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:x-a1B2c3"
PARAMETER = "arn:aws-us-gov:ssm:us-gov-west-1:123456789012:parameter/a/b"
CHINESE = ARN.replace(":aws:", ":aws-cn:")


def problem(**environ: str) -> str:
    """Return the message about an environment that is not good."""
    with pytest.raises(SettingsError) as raised:
        read_settings(US | environ)
    return str(raised.value)


def test_defaults() -> None:
    """An environment with nothing but a region gives the documented defaults."""
    settings = read_settings(US)
    values = dict(settings.values)
    assert not values.pop("WRITE_RELABEL_CONFIGS")
    assert values == {
        "LOGZIO_METRICS_LISTENER": "https://listener.logz.io:8053",
        "LOGZIO_REGION": "",
        "REMOTE_WRITE_AUTH": BearerAuth,
        "SIGV4_REGION": "",
        "SIGV4_SERVICE": "aps",
        "SIGV4_ROLE_ARN": None,
        "SIGV4_EXTERNAL_ID": None,
        "REMOTE_WRITE_HEADERS": {},
        "REMOTE_WRITE_HEADERS_ARN": None,
        "NAMING_PROFILE": Logzio,
        "STATISTICS": None,
        "EXTERNAL_LABELS": {},
        "DIMENSION_LABELS": "keep",
        "LABEL_VALUE_CASE": None,
        "UNIT_LABEL": False,
        "MAX_LABELS": None,
        "NATIVE_HISTOGRAMS": False,
        "SEND_METADATA": None,
        "REMOTE_WRITE_PROTOBUF_MESSAGE": "prometheus.WriteRequest",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "",
        "OTEL_EXPORTER_OTLP_METRICS_HEADERS": {},
        "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT": 10_000,
        "OTEL_EXPORTER_OTLP_METRICS_COMPRESSION": "none",
        "OTLP_DIMENSIONS": "flatten",
        "LOGZIO_METRICS_TOKEN": None,
        "LOGZIO_METRICS_TOKEN_ARN": None,
        "FIREHOSE_ACCESS_KEY": None,
        "FIREHOSE_ACCESS_KEY_ARN": None,
        "P8S_LOGZIO_NAME": "logzio-otlp-metrics-stream",
        "LISTENER_ALLOWED_HOSTS": ("*.logz.io",),
        "REMOTE_WRITE_MAX_BYTES": 1_000_000,
        "REMOTE_WRITE_CONCURRENCY": 4,
        "DELIVERY_BUDGET_SECONDS": 25.0,
        "LISTENER_TIMEOUT_SECONDS": 10.0,
        "TRANSFORM_RESULT": "Dropped",
        "POWERTOOLS_LOG_LEVEL": "INFO",
        "POWERTOOLS_SERVICE_NAME": "metric-stream-lambda",
        "SETTINGS": {},
        "AWS_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_NAME": "",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": None,
    }
    assert settings.warnings == ()


@pytest.mark.parametrize(
    ("region", "listener"),
    [
        ("us-east-1", "https://listener.logz.io:8053"),
        ("eu-central-1", "https://listener-eu.logz.io:8053"),
        ("eu-west-2", "https://listener-uk.logz.io:8053"),
        ("ca-central-1", "https://listener-ca.logz.io:8053"),
        ("ap-southeast-2", "https://listener-au.logz.io:8053"),
    ],
)
def test_listener_of_the_region(region: str, listener: str) -> None:
    """An AWS region has the listener of its Logz.io region; LOGZIO_REGION takes precedence."""
    assert read_settings({"AWS_REGION": region}).listener == listener
    code = listener.removeprefix("https://listener").partition(".")[0].strip("-") or "us"
    for given in (code, code.upper()):
        elsewhere = {"AWS_REGION": "sa-east-1", "LOGZIO_REGION": given}
        assert read_settings(elsewhere).listener == listener


@pytest.mark.parametrize("environ", [{}, {"AWS_REGION": "sa-east-1"}, {"LOGZIO_REGION": "nl"}])
def test_region_without_a_listener(environ: dict[str, str]) -> None:
    """Another region without a listener is an error that names the variable to set."""
    with pytest.raises(SettingsError, match="LOGZIO_METRICS_LISTENER") as raised:
        read_settings(environ)
    assert "LOGZIO_REGION" in str(raised.value)


@pytest.mark.parametrize(
    ("variable", "value", "field", "expected"),
    [
        ("LOGZIO_METRICS_LISTENER", "https://a.b/x?y=1", "listener", "https://a.b/x?y=1"),
        *(
            ("LOGZIO_METRICS_LISTENER", url, "listener", url)
            for url in ("https://my_prom:9090/write", "https://prom.example.com./write?tenant=a")
        ),
        ("REMOTE_WRITE_AUTH", "basic", "scheme", BasicAuth),
        ("REMOTE_WRITE_AUTH", "NONE", "scheme", Auth),
        ("REMOTE_WRITE_HEADERS", '{"X-Scope-OrgID": "a b"}', "headers", {"X-Scope-OrgID": "a b"}),
        ("NAMING_PROFILE", "YACE", "naming_profile", Yace),
        ("STATISTICS", " Sum,average ", "statistics", selection_of(["Sum", "Average"])),
        ("STATISTICS", "p*, p99.9", "statistics", selection_of(["p*"])),
        (
            "EXTERNAL_LABELS",
            '{"env": "prod", "_": ""}',
            "external_labels",
            {"env": "prod", "_": ""},
        ),
        ("LABEL_VALUE_CASE", "Keep", "label_value_case", "keep"),
        ("UNIT_LABEL", "true", "unit_label", True),
        ("MAX_LABELS", "30", "max_labels", 30),
        ("MAX_LABELS", " ", "max_labels", None),
        ("NATIVE_HISTOGRAMS", "true", "native_histograms", True),
        ("NATIVE_HISTOGRAMS", "False", "native_histograms", False),
        ("LOGZIO_METRICS_TOKEN", " abc ", "token", "abc"),
        ("LOGZIO_METRICS_TOKEN", "  ", "token", None),
        ("FIREHOSE_ACCESS_KEY", "k", "access_key", "k"),
        ("P8S_LOGZIO_NAME", "Prod Metrics", "p8s_logzio_name", "Prod Metrics"),
        ("P8S_LOGZIO_NAME", "", "p8s_logzio_name", "logzio-otlp-metrics-stream"),
        ("LISTENER_ALLOWED_HOSTS", "A.b, *.C.d,[::1]", "allowed_hosts", ("a.b", "*.c.d", "[::1]")),
        ("REMOTE_WRITE_MAX_BYTES", "3000000", "max_bytes", 3_000_000),
        ("REMOTE_WRITE_MAX_BYTES", "10000", "max_bytes", 10_000),
        ("REMOTE_WRITE_CONCURRENCY", "1", "concurrency", 1),
        ("DELIVERY_BUDGET_SECONDS", "12.5", "budget_seconds", 12.5),
        ("DELIVERY_BUDGET_SECONDS", "2", "budget_seconds", 2.0),
        ("LISTENER_TIMEOUT_SECONDS", "0.25", "timeout_seconds", 0.25),
        ("TRANSFORM_RESULT", "ok", "transform_result", "Ok"),
        ("LOGZIO_METRICS_TOKEN_ARN", ARN, "token_arn", ARN),
        ("LOGZIO_METRICS_TOKEN_ARN", f"  {CHINESE}", "token_arn", CHINESE),
        ("FIREHOSE_ACCESS_KEY_ARN", PARAMETER, "access_key_arn", PARAMETER),
        ("REMOTE_WRITE_HEADERS_ARN", ARN, "headers_arn", ARN),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512", "memory_bytes", 512 * 1024 * 1024),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "५१२", "memory_bytes", None),
    ],
)
def test_variable(variable: str, value: str, field: str, expected: object) -> None:
    """Each variable sets its field."""
    assert getattr(read_settings(US | {variable: value}), field) == expected


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LOGZIO_METRICS_LISTENER", "listener.example.com"),
        ("LOGZIO_METRICS_LISTENER", "https://user:pw@a.example"),
        ("LOGZIO_METRICS_LISTENER", "https://a.example/#f"),
        ("LOGZIO_METRICS_LISTENER", "https://a.example:99999"),
        ("LOGZIO_METRICS_LISTENER", "https://a.example:port/"),
        ("LOGZIO_METRICS_LISTENER", "ftp://a.example/"),
        ("LOGZIO_METRICS_LISTENER", "https:///write"),
        ("LOGZIO_METRICS_LISTENER", "https:// a.example"),
        ("LOGZIO_METRICS_LISTENER", "https://a.example/\r\nx"),
        ("REMOTE_WRITE_AUTH", "hmac"),
        ("NAMING_PROFILE", "prometheus"),
        *(("STATISTICS", text) for text in ("Median", ",", "Sum;Average", "p0", "p100", "p")),
        *(
            ("EXTERNAL_LABELS", text)
            for text in ("a=b", '["a"]', '{"a": 1}', '{"a-b": "c"}', '{"9a": "c"}', '{"": "c"}')
        ),
        *(("EXTERNAL_LABELS", f'{{"{it}": "x"}}') for it in ("__name__", "quantile", "le")),
        ("EXTERNAL_LABELS", '{"a": "\\ud800"}'),
        ("EXTERNAL_LABELS", '{"a": "x", "a": "y"}'),
        ("DIMENSION_LABELS", "camel"),
        ("WRITE_RELABEL_CONFIGS", "[{action: remove}]"),
        ("REMOTE_WRITE_HEADERS", "X-A: b"),
        ("REMOTE_WRITE_HEADERS", '["a"]'),
        ("REMOTE_WRITE_HEADERS", '{"X-A": 1}'),
        ("REMOTE_WRITE_HEADERS", '{"X A": "b"}'),
        ("REMOTE_WRITE_HEADERS", '{"X-A": "b\\r\\nX-B: c"}'),
        ("REMOTE_WRITE_HEADERS", '{"X-A": "\\u2028"}'),
        ("REMOTE_WRITE_HEADERS", '{"X-A": "\\u00a0b"}'),
        ("REMOTE_WRITE_HEADERS", '{"X-A": "b", "x-a": "c"}'),
        ("REMOTE_WRITE_HEADERS", '{"X-A": "b", "X-A": "c"}'),
        ("REMOTE_WRITE_HEADERS", '{"Content-Encoding": "gzip"}'),
        ("REMOTE_WRITE_HEADERS", '{"user-agent": "x"}'),
        ("REMOTE_WRITE_HEADERS", '{"Authorization": "x"}'),
        ("REMOTE_WRITE_HEADERS", "[" * 100_000),
        ("LABEL_VALUE_CASE", "upper"),
        ("P8S_LOGZIO_NAME", "\udcff"),
        ("NATIVE_HISTOGRAMS", "1"),
        ("UNIT_LABEL", "unit"),
        ("MAX_LABELS", "none"),
        ("MAX_LABELS", "9"),
        ("MAX_LABELS", "1001"),
        ("LOGZIO_METRICS_TOKEN", "a\nb"),
        ("LOGZIO_METRICS_TOKEN", "tok\u20acn"),
        ("FIREHOSE_ACCESS_KEY", "a\x00b"),
        ("LISTENER_ALLOWED_HOSTS", "https://a.example"),
        ("LISTENER_ALLOWED_HOSTS", "*"),
        ("LISTENER_ALLOWED_HOSTS", "a.*.example"),
        ("LISTENER_ALLOWED_HOSTS", "*example.com"),
        ("REMOTE_WRITE_MAX_BYTES", "1e6"),
        ("REMOTE_WRITE_MAX_BYTES", "0"),
        ("REMOTE_WRITE_MAX_BYTES", "9999"),
        ("REMOTE_WRITE_MAX_BYTES", "-1"),
        ("LOGZIO_METRICS_TOKEN_ARN", "a-token-in-the-wrong-variable"),
        ("LOGZIO_METRICS_TOKEN_ARN", ARN.replace("secret:", "parameter/")),
        ("LOGZIO_METRICS_TOKEN_ARN", ARN.replace("123456789012", "1234")),
        ("LOGZIO_METRICS_TOKEN_ARN", ARN.partition("x-")[0]),
        ("FIREHOSE_ACCESS_KEY_ARN", PARAMETER.replace("parameter/", "secret:")),
        ("FIREHOSE_ACCESS_KEY_ARN", PARAMETER.replace("us-gov-west-1", "")),
        ("FIREHOSE_ACCESS_KEY_ARN", "arn:aws:kms:eu-central-1:123456789012:key/x"),
        ("FIREHOSE_ACCESS_KEY_ARN", f"{PARAMETER} y"),
        ("REMOTE_WRITE_CONCURRENCY", "four"),
        ("REMOTE_WRITE_CONCURRENCY", "0"),
        ("REMOTE_WRITE_CONCURRENCY", "129"),
        ("DELIVERY_BUDGET_SECONDS", "25s"),
        ("DELIVERY_BUDGET_SECONDS", "0"),
        ("DELIVERY_BUDGET_SECONDS", "1.999"),
        ("DELIVERY_BUDGET_SECONDS", "inf"),
        ("LISTENER_TIMEOUT_SECONDS", "nan"),
        ("LISTENER_TIMEOUT_SECONDS", "-3"),
        ("LISTENER_TIMEOUT_SECONDS", "0.0"),
        ("TRANSFORM_RESULT", "ProcessingFailed"),
        ("POWERTOOLS_LOG_LEVEL", "LOUD"),
    ],
)
def test_bad_value_names_its_variable(variable: str, value: str) -> None:
    """A bad value is an error that names the variable, and it alone."""
    message = problem(**{variable: value})
    assert value not in message or len(value) < 3
    assert variable in message
    named = set(re.findall(r"[A-Z0-9_]+", message)) & set(VARIABLES)
    assert named <= {variable, "REMOTE_WRITE_AUTH"}


def test_all_problems_are_reported_together() -> None:
    """One message holds every problem, so that one attempt fixes them all."""
    anything = {"LOGZIO_REGION", "P8S_LOGZIO_NAME", "POWERTOOLS_SERVICE_NAME"}
    bad = {name for name in VARIABLES if not name.startswith("AWS_")} - anything
    message = problem(**dict.fromkeys(bad, "x\n\x01/"))
    assert [variable for variable in bad if variable not in message] == []


def test_messages_and_representation_hold_no_secret() -> None:
    """Neither the settings' representation nor a message about them shows a secret."""
    secrets = {
        "LOGZIO_METRICS_TOKEN": "sec-ret-token",
        "FIREHOSE_ACCESS_KEY": "sec-ret-key",
        "REMOTE_WRITE_HEADERS": '{"X-Tenant": "sec-ret-tenant"}',
    }
    settings = read_settings(US | secrets)
    endpoint = endpoint_at(settings.listener, settings, Secret("sec-ret-token"), None)
    assert "sec-ret" not in f"{settings!r} {settings} {endpoint!r}"
    bad = {name: f"sec-ret\x01{value}" for name, value in secrets.items()}
    assert "sec-ret" not in problem(**bad)
    assert "sec-ret" not in problem(REMOTE_WRITE_AUTH="basic", LOGZIO_METRICS_TOKEN="sec-ret")
    assert "sec-ret" not in problem(REMOTE_WRITE_HEADERS='{"X-Tenant": ["sec-ret"]}')
    assert "sec-ret" not in problem(LOGZIO_METRICS_LISTENER="https://sec-ret:sec-ret@a.example")


@pytest.mark.parametrize("name", ["LOGZIO_METRICS_TOKEN", "FIREHOSE_ACCESS_KEY"])
def test_secret_and_its_arn(name: str) -> None:
    """A secret that is given twice is an error, since it is unclear which one counts."""
    said = problem(**{name: "sec-ret", f"{name}_ARN": ARN})
    assert said == f"settings: {name}_ARN must not be set together with {name}"


def test_basic_needs_user_and_password() -> None:
    """A token for basic that is no user:password is an error."""
    assert "user:password" in problem(REMOTE_WRITE_AUTH="basic", LOGZIO_METRICS_TOKEN="x")
    read_settings(US | {"REMOTE_WRITE_AUTH": "basic", "LOGZIO_METRICS_TOKEN": "u:p"})


def test_own_authorization_where_auth_is_none() -> None:
    """REMOTE_WRITE_AUTH=none leaves Authorization to the operator's own headers."""
    headers = {"REMOTE_WRITE_AUTH": "none", "REMOTE_WRITE_HEADERS": '{"Authorization": "Custom x"}'}
    assert read_settings(US | headers).headers == {"Authorization": "Custom x"}


def test_http_listener_is_warned_of() -> None:
    """A listener of the operator over http works, with a warning."""
    assert len(read_settings({"LOGZIO_METRICS_LISTENER": "http://a.example/w"}).warnings) == 1


def test_dimension_labels_belong_to_yace() -> None:
    """Another profile with DIMENSION_LABELS is an error that says what to do."""
    chosen = read_settings(US | {"NAMING_PROFILE": "yace", "DIMENSION_LABELS": "Snake_Case"})
    assert chosen.dimension_labels == "snake_case"
    said = problem(NAMING_PROFILE="otel", DIMENSION_LABELS="snake_case")
    assert "DIMENSION_LABELS must be keep with NAMING_PROFILE=otel" in said
    assert "set NAMING_PROFILE=yace" in said
