"""Each setting of the extension, a row each; a wrong value never prevents the start."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extension import settings as module
from extension.destinations.destination import TYPES
from extension.settings import Settings, with_json_settings
from tests.support.properties import examples

DEFAULTS: dict[str, Any] = {
    "receiver_address": "sandbox.localdomain",
    "receiver_port": 4243,
    "max_items": 10_000,
    "max_bytes": 262_144,
    "timeout_ms": 25,
    "types": None,
    "buffer_max_bytes": 8_388_608,
    "flush_budget_ms": 1_000,
    "log_level": "warn",
    "redact": (),
    "sample_rate": 1.0,
    "min_level": "",
    "destination_names": ("logzio",),
    "exclude": (),
    "request_timeout_ms": 10_000,
    "warnings": (),
}

DATA_TAP = {"BD_TAP_CLIENT_TOKEN": "t"}
ROWS: list[tuple[dict[str, str], str, Any, bool]] = [
    # Variables, the setting, its value, whether there is a warning.
    ({"RECEIVER_ADDRESS": "sandbox"}, "receiver_address", "sandbox", False),
    ({"RECEIVER_ADDRESS": "http://sandbox"}, "receiver_address", "sandbox.localdomain", True),
    ({"RECEIVER_PORT": "8124"}, "receiver_port", 8124, False),
    ({"RECEIVER_PORT": " 8124 "}, "receiver_port", 8124, False),
    ({"RECEIVER_PORT": "9001"}, "receiver_port", 4243, True),
    ({"RECEIVER_PORT": "09001"}, "receiver_port", 4243, True),
    ({"RECEIVER_PORT": "0"}, "receiver_port", 1, True),
    ({"RECEIVER_PORT": "70000"}, "receiver_port", 65535, True),
    ({"RECEIVER_PORT": "http"}, "receiver_port", 4243, True),
    ({"RECEIVER_PORT": "¹"}, "receiver_port", 4243, True),
    ({"LOGS_MAX_ITEMS": "1000"}, "max_items", 1_000, False),
    ({"LOGS_MAX_ITEMS": "999"}, "max_items", 1_000, True),
    ({"LOGS_MAX_ITEMS": "10001"}, "max_items", 10_000, True),
    ({"LOGS_MAX_ITEMS": "1e3"}, "max_items", 10_000, True),
    ({"LOGS_MAX_BYTES": "1048576"}, "max_bytes", 1_048_576, False),
    ({"LOGS_MAX_BYTES": "1"}, "max_bytes", 262_144, True),
    ({"LOGS_MAX_BYTES": "10485760"}, "max_bytes", 1_048_576, True),
    ({"LOGS_TIMEOUT_MS": "400"}, "timeout_ms", 400, False),
    ({"LOGS_TIMEOUT_MS": "1000"}, "timeout_ms", 500, True),
    ({"LOGS_TIMEOUT_MS": "20000"}, "timeout_ms", 500, True),
    ({"LOGS_TIMEOUT_MS": "24"}, "timeout_ms", 25, True),
    ({"TELEMETRY_TYPES": "function"}, "types", frozenset({"function"}), False),
    (
        {"TELEMETRY_TYPES": " Platform , function,"},
        "types",
        frozenset({"platform", "function"}),
        False,
    ),
    ({"TELEMETRY_TYPES": "function,logs"}, "types", frozenset({"function"}), True),
    ({"TELEMETRY_TYPES": "logs"}, "types", None, True),
    ({"TELEMETRY_TYPES": ""}, "types", None, False),
    ({"BUFFER_MAX_BYTES": "1"}, "buffer_max_bytes", 65_536, True),
    ({"FLUSH_BUDGET_MS": "500"}, "flush_budget_ms", 500, False),
    ({"FLUSH_BUDGET_MS": "0"}, "flush_budget_ms", 10, True),
    ({"EXTENSION_LOG_LEVEL": "DEBUG"}, "log_level", "debug", False),
    ({"EXTENSION_LOG_LEVEL": "loud"}, "log_level", "warn", True),
    ({"LOGS_EXT_LOG_LEVEL": "info"}, "log_level", "info", False),
    ({"LOGS_EXT_LOG_LEVEL": "panic"}, "log_level", "fatal", False),
    ({"EXTENSION_LOG_LEVEL": "error", "LOGS_EXT_LOG_LEVEL": "info"}, "log_level", "error", False),
    ({"LOG_LEVEL": "DEBUG"}, "log_level", "warn", False),
    ({"LOG_LEVEL": "DEBUG", "LOGS_DESTINATION": "openobserve"}, "log_level", "debug", False),
    ({"LOG_LEVEL": "loud", "LOGS_DESTINATION": "openobserve"}, "log_level", "warn", False),
    ({"LOG_LEVEL": "DEBUG", "LOGS_DESTINATION": "openobserve,loki"}, "log_level", "debug", False),
    (
        {"LOGS_EXT_LOG_LEVEL": "info", "LOGS_DESTINATION": "logzio,openobserve"},
        "log_level",
        "info",
        False,
    ),
    ({"LOGS_SAMPLE_RATE": "0.25"}, "sample_rate", 0.25, False),
    ({"LOGS_SAMPLE_RATE": "0"}, "sample_rate", 0.0, False),
    ({"LOGS_SAMPLE_RATE": "1"}, "sample_rate", 1.0, False),
    ({"LOGS_SAMPLE_RATE": "25"}, "sample_rate", 1.0, True),
    ({"LOGS_SAMPLE_RATE": "nan"}, "sample_rate", 1.0, True),
    ({"LOGS_SAMPLE_RATE": "half"}, "sample_rate", 1.0, True),
    ({"LOGS_MIN_LEVEL": "info"}, "min_level", "INFO", False),
    ({"LOGS_MIN_LEVEL": "Warning"}, "min_level", "WARN", False),
    ({"LOGS_MIN_LEVEL": "CRITICAL"}, "min_level", "FATAL", False),
    ({"LOGS_MIN_LEVEL": "loud"}, "min_level", "", True),
    ({"LOGS_REQUEST_TIMEOUT_MS": "5000"}, "request_timeout_ms", 5_000, False),
    ({"LOGS_REQUEST_TIMEOUT_MS": "1"}, "request_timeout_ms", 10, True),
    # Names of the original extension for a Data Tap, and of many functions.
    ({"TIMEOUT_MS": "5000", "MAX_ITEMS": "few"}, "timeout_ms", 25, False),
    ({**DATA_TAP, "TIMEOUT_MS": "400"}, "timeout_ms", 400, False),
    ({**DATA_TAP, "TIMEOUT_MS": "5000"}, "timeout_ms", 500, True),
    ({**DATA_TAP, "TIMEOUT_MS": "400", "LOGS_TIMEOUT_MS": "300"}, "timeout_ms", 300, False),
    ({**DATA_TAP, "MAX_ITEMS": "few"}, "max_items", 10_000, True),
    ({**DATA_TAP, "LOKI_URL": "x", "TIMEOUT_MS": "400"}, "timeout_ms", 25, False),
    ({"HTTPS_PROXY": "http://user:secret@proxy:3128"}, "sample_rate", 1.0, False),
    ({"HTTPS_PROXY": "socks5://user:secret@proxy"}, "sample_rate", 1.0, True),
    ({"LOGS_DESTINATION": "loki"}, "destination_names", ("loki",), False),
    ({"LOGS_DESTINATION": "Loki, logzio,loki"}, "destination_names", ("loki", "logzio"), False),
    ({"LOGS_DESTINATION": "loki,splunk"}, "destination_names", ("loki",), True),
    ({"LOGS_DESTINATION": "splunk"}, "destination_names", ("logzio",), True),
    ({"LOGS_DESTINATION": "../../x"}, "destination_names", ("logzio",), True),
    ({"LOGZIO_LOGS_TOKEN": "t"}, "destination_names", ("logzio",), False),
    ({"LOKI_URL": "x"}, "destination_names", ("loki",), False),
    ({"LOKI_IP": "x"}, "destination_names", ("loki",), False),
    ({"O2_AUTHORIZATION_HEADER": "x"}, "destination_names", ("openobserve",), False),
    ({"BD_TAP_CLIENT_TOKEN": "x"}, "destination_names", ("datatap",), False),
    ({"BD_TAP_CLIENT_TOKEN_ARN": "x"}, "destination_names", ("datatap",), False),
    (
        {"BD_TAP_CLIENT_TOKEN": "x", "LOKI_IP": "x"},
        "destination_names",
        ("loki", "datatap"),
        False,
    ),
    ({"LOKI_IP": "x", "LOGS_DESTINATION": "logzio"}, "destination_names", ("logzio",), False),
]


def values(environ: dict[str, str]) -> dict[str, Any]:
    """Return the settings of an environment by their names."""
    settings = Settings(environ)
    return {name: getattr(settings, name) for name in DEFAULTS}


def test_defaults() -> None:
    """Without any variable everything has its default, and nothing is reported."""
    assert values({}) == DEFAULTS


@pytest.mark.parametrize(("environ", "setting", "value", "is_reported"), ROWS)
def test_setting(environ: dict[str, str], setting: str, value: Any, is_reported: bool) -> None:
    """A variable changes its setting and no other; a wrong value is reported with its name."""
    changed = values(environ)
    warnings = changed.pop("warnings")
    expected = {**DEFAULTS, setting: value}
    if setting != "destination_names":
        expected["destination_names"] = changed["destination_names"]
    assert {**changed, "warnings": ()} == expected
    assert len(warnings) == is_reported
    assert not any(re.search("(variables|destination|default) is used", it) for it in warnings)
    assert all(any(name in text for name in environ) for text in warnings)


def test_declared_once() -> None:
    """Every variable is declared once."""
    names = [setting.name for group in module.DECLARED.values() for setting in group]
    assert len(names) == len(set(names)) > 40
    assert {"LOGZIO_LOGS_TOKEN_ARN", "LOKI_PASSWORD_ARN", "OTEL_LABEL_*"} <= set(names)


@pytest.mark.parametrize(
    ("text", "patterns", "reported"),
    [
        (r"\d{16}", [r"\d{16}"], 0),
        ("a+\n b \n", ["a+", "b"], 0),
        (r'["\\d{16}", "x,y", ""]', [r"\d{16}", "x,y"], 0),
        ("[0-9]{16}", ["[0-9]{16}"], 0),
        ("[1]", ["[1]"], 0),
        ("(", [], 1),
        ("x*", [], 1),
        ("ok\n(", ["ok"], 1),
        ("a{99999999999999999999}", [], 1),
        ("[[a]", ["[[a]"], 0),
        ("(?i)secret", ["(?i)secret"], 0),
    ],
)
def test_redact(text: str, patterns: list[str], reported: int) -> None:
    """LOGS_REDACT is a JSON array, or one on each line; a wrong one is reported by its number."""
    settings = Settings({"LOGS_REDACT": text})
    assert [pattern.pattern for pattern in settings.redact] == patterns
    assert len(settings.warnings) == reported
    assert not any("99999" in warning for warning in settings.warnings)


VARIABLES = [setting.name for group in module.DECLARED.values() for setting in group]


@pytest.mark.slow
@examples(500)
@given(
    st.dictionaries(
        st.sampled_from(VARIABLES) | st.text(max_size=5),
        st.text(st.characters(exclude_categories=()), max_size=30)
        | st.integers().map(str)
        | st.sampled_from(["logzio,loki,openobserve,datatap", "9" * 5_000, "a=b,=,c", "[["]),
    )
)
def test_any_environment(environ: dict[str, str]) -> None:
    """Whatever the variables hold, there are settings within what AWS allows."""
    settings = Settings(environ)
    assert settings.receiver_port != 9001
    assert 1 <= settings.receiver_port <= 65_535
    assert 1_000 <= settings.max_items <= 10_000
    assert 262_144 <= settings.max_bytes <= 1_048_576
    assert 25 <= settings.timeout_ms <= 30_000
    assert 0 <= settings.sample_rate <= 1
    assert settings.types is None or settings.types <= set(TYPES)
    assert settings.types != frozenset()
    assert settings.destination_names
    assert len(set(settings.warnings)) == len(settings.warnings)


def test_window_within_the_budget() -> None:
    """The platform's buffering time is at most half of the budget, in which it is waited for."""
    settings = Settings({"LOGS_TIMEOUT_MS": "15000", "FLUSH_BUDGET_MS": "4000"})
    assert settings.timeout_ms == 2_000
    assert ["LOGS_TIMEOUT_MS" in warning for warning in settings.warnings] == [True]


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ('{"LOGS_MIN_LEVEL": "warn"}', {"LOGS_MIN_LEVEL": "warn"}),
        (
            '{"LOKI_USERNAME": 1, "LOGS_SAMPLE_RATE": 0.1}',
            {"LOKI_USERNAME": "1", "LOGS_SAMPLE_RATE": "0.1"},
        ),
        ('{"ENABLE_PLATFORM_LOGS": true}', {"ENABLE_PLATFORM_LOGS": "true"}),
        ('{"OTEL_LABEL_team": "a"}', {"OTEL_LABEL_team": "a"}),
        ('{"LOKI_TENANT_ID": "t"}', {"LOKI_TENANT_ID": "t"}),
        ('{"LOGS_MAX_BYTES": "1"}', {}),
        ('{"LABEL_VALUE_CASE": "keep", "PATH": "/x", "SETTINGS": "y"}', {}),
        ('{"LOKI_PASSWORD": "p", "LOGZIO_LOGS_TOKEN": "t", "LOKI_HEADERS": "{}"}', {}),
        ('{"TIMEOUT_MS": 30, "LOG_LEVEL": "debug"}', {}),
        # A text that is JSON may stand there as it is: not to redact would be worse.
        ('{"LOGS_REDACT": ["a\\\\b"]}', {"LOGS_REDACT": '["a\\\\b"]'}),
        ('{"LOGS_EXCLUDE": ["a", "b"]}', {"LOGS_EXCLUDE": '["a","b"]'}),
        ('{"LOGS_MIN_LEVEL": null}', {}),
        ("a value of the function's own", {}),
        ('["LOGS_MIN_LEVEL"]', {}),
        ("[" * 100_000, {}),
        ("", {}),
    ],
)
def test_json_settings(text: str, taken: dict[str, str]) -> None:
    """From SETTINGS the extension takes what is its own, and is no secret or set as a variable."""
    environ = {"SETTINGS": text, "LOGS_MAX_BYTES": "300000", "LOKI_TENANT_ID": " ", "PATH": "/bin"}
    assert with_json_settings(environ) == environ | taken
