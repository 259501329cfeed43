"""The operator's settings: environment variables, read once into one immutable object."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from handler.auth import SCHEMES, Auth
from handler.errors import SettingsError
from handler.listener import further_headers, is_header_value, is_listener_url
from handler.secret_stores import is_secret_arn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_T = TypeVar("_T")

VARIABLES = (
    "AWS_REGION",
    "LOGZIO_METRICS_LISTENER",
    "LOGZIO_REGION",
    "REMOTE_WRITE_AUTH",
    "REMOTE_WRITE_HEADERS",
    "LABEL_VALUE_CASE",
    "NATIVE_HISTOGRAMS",
    "LOGZIO_METRICS_TOKEN",
    "LOGZIO_METRICS_TOKEN_ARN",
    "FIREHOSE_ACCESS_KEY",
    "FIREHOSE_ACCESS_KEY_ARN",
    "P8S_LOGZIO_NAME",
    "LISTENER_ALLOWED_HOSTS",
    "REMOTE_WRITE_MAX_BYTES",
    "REMOTE_WRITE_CONCURRENCY",
    "DELIVERY_BUDGET_SECONDS",
    "LISTENER_TIMEOUT_SECONDS",
    "TRANSFORM_RESULT",
    "POWERTOOLS_LOG_LEVEL",
    # Not ours: what Lambda and Powertools set, told in log lines and metrics, and a bound.
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "POWERTOOLS_SERVICE_NAME",
)

# Logz.io's regions by the AWS region that they are in.
_LOGZIO_REGIONS = {
    "us-east-1": "us",
    "eu-central-1": "eu",
    "eu-west-2": "uk",
    "ca-central-1": "ca",
    "ap-southeast-2": "au",
}
_P8S_LOGZIO_NAME = "logzio-otlp-metrics-stream"

# A connection each, and a thread.
_MAX_CONCURRENCY = 128

# What POWERTOOLS_LOG_LEVEL may be.
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

_ALLOWED_HOST = re.compile(r"(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:.]+\]")


@dataclass(frozen=True)
class Settings:
    """
    All settings, checked. Secrets are left out of its representation.

    Attributes:
        listener: The remote-write URL.
        auth: `bearer`, `basic` or `none`.
        headers: Further headers of every request to the listener.
        keep_case: Leave the case of label values as it is.
        native_histograms: Send exponential histograms as native histograms.
        token: What to ship with; None for the access key of the request.
        token_arn: Where it is kept, instead.
        access_key: What Firehose has to send; None for no check.
        access_key_arn: Where it is kept, instead.
        p8s_logzio_name: The value of that label.
        allowed_hosts: The hosts that CUSTOM_LISTENER may name.
        max_bytes: The size of a WriteRequest before compression.
        concurrency: How many requests are under way at once.
        budget_seconds: The time for a delivery, counted from the handler's entry.
        timeout_seconds: The time for one attempt, as a whole.
        transform_result: The result of a delivered record of a transformation.
        memory_size: The function's memory in MiB, as Lambda tells it; empty elsewhere.
        warnings: What works but deserves the operator's attention.
    """

    listener: str
    auth: str
    headers: Mapping[str, str] = field(repr=False)
    keep_case: bool
    native_histograms: bool
    token: str | None = field(repr=False)
    token_arn: str | None
    access_key: str | None = field(repr=False)
    access_key_arn: str | None
    p8s_logzio_name: str
    allowed_hosts: tuple[str, ...]
    max_bytes: int
    concurrency: int
    budget_seconds: float
    timeout_seconds: float
    transform_result: str
    memory_size: str
    warnings: tuple[str, ...] = ()

    @property
    def scheme(self) -> type[Auth]:
        """The authentication scheme that `auth` names."""
        return SCHEMES[self.auth]


def known_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the part of an environment that the settings are made of."""
    return {name: environ[name] for name in VARIABLES if name in environ}


def read_settings(environ: Mapping[str, str]) -> Settings:
    """
    Return the settings of an environment.

    Raises:
        SettingsError: One message with every problem found.
    """
    reader = _Reader(environ)
    auth = reader.choice("REMOTE_WRITE_AUTH", tuple(SCHEMES), "bearer")
    token = reader.secret("LOGZIO_METRICS_TOKEN")
    problem = SCHEMES[auth].problem_with(token) if token is not None else ""
    if problem:
        reader.problem("LOGZIO_METRICS_TOKEN", problem)
    reader.choice("POWERTOOLS_LOG_LEVEL", LOG_LEVELS, "INFO")
    settings = Settings(
        listener=_listener(reader),
        auth=auth,
        headers=reader.parsed("REMOTE_WRITE_HEADERS", further_headers(SCHEMES[auth]), "{}"),
        keep_case=reader.choice("LABEL_VALUE_CASE", ("lower", "keep"), "lower") == "keep",
        native_histograms=reader.choice("NATIVE_HISTOGRAMS", ("true", "false"), "false") == "true",
        token=token,
        token_arn=reader.secret_arn("LOGZIO_METRICS_TOKEN"),
        access_key=reader.secret("FIREHOSE_ACCESS_KEY"),
        access_key_arn=reader.secret_arn("FIREHOSE_ACCESS_KEY"),
        p8s_logzio_name=reader.parsed("P8S_LOGZIO_NAME", _label_value, _P8S_LOGZIO_NAME),
        allowed_hosts=reader.parsed("LISTENER_ALLOWED_HOSTS", _allowed_hosts, "*.logz.io"),
        max_bytes=reader.parsed("REMOTE_WRITE_MAX_BYTES", _whole_number, "1000000"),
        concurrency=reader.parsed("REMOTE_WRITE_CONCURRENCY", _concurrency, "4"),
        budget_seconds=reader.parsed("DELIVERY_BUDGET_SECONDS", _seconds, "25"),
        timeout_seconds=reader.parsed("LISTENER_TIMEOUT_SECONDS", _seconds, "10"),
        transform_result=reader.choice("TRANSFORM_RESULT", ("Dropped", "Ok"), "Dropped"),
        memory_size=reader.text("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
        warnings=tuple(reader.warnings),
    )
    if reader.problems:
        raise SettingsError("settings: " + "; ".join(reader.problems))
    return settings


class _Reader:
    """
    Reads single variables, and collects what is wrong with them instead of stopping.

    No value is repeated: a token may stand in the wrong variable.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []
        self.warnings: list[str] = []

    def problem(self, name: str, text: str) -> None:
        self.problems.append(f"{name} {text}")

    def text(self, name: str) -> str:
        """Return a variable without the white space around it; empty where it is unset."""
        return self._environ.get(name, "").strip()

    def secret(self, name: str) -> str | None:
        """Return a token or key; a problem with it is told without any part of it."""
        value = self.text(name)
        if value and not is_header_value(value):
            self.problem(name, "has characters that an HTTP header cannot carry")
        return value or None

    def secret_arn(self, name: str) -> str | None:
        """Return the ARN in the variable that goes with a secret's own."""
        arn = self.text(f"{name}_ARN")
        if arn and not is_secret_arn(arn):
            self.problem(f"{name}_ARN", "must be the ARN of a secret or of an SSM parameter")
        if arn and self.text(name):
            self.problem(f"{name}_ARN", f"must not be set together with {name}")
        return arn or None

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        value = self.text(name) or default
        for choice in choices:
            if value.lower() == choice.lower():
                return choice
        self.problem(name, f"must be one of {', '.join(choices)}")
        return default

    def parsed(self, name: str, parse: Callable[[str], _T], default: str) -> _T:
        try:
            return parse(self.text(name) or default)
        except ValueError as error:
            self.problem(name, str(error))
            return parse(default)


def _listener(reader: _Reader) -> str:
    text = reader.text("LOGZIO_METRICS_LISTENER")
    if text:
        if not is_listener_url(text):
            reader.problem(
                "LOGZIO_METRICS_LISTENER",
                "must be an https:// URL without user, password, fragment or white space",
            )
        elif text.lower().startswith("http:"):
            reader.warnings.append(
                "LOGZIO_METRICS_LISTENER is an http:// URL: the token travels in the clear"
            )
        return text
    region = reader.text("LOGZIO_REGION")
    aws_region = reader.text("AWS_REGION")
    if not region:
        region = _LOGZIO_REGIONS.get(aws_region, "")
    if region.lower() not in _LOGZIO_REGIONS.values():
        choices = ", ".join(_LOGZIO_REGIONS.values())
        if region:
            reader.problem(
                "LOGZIO_REGION",
                f"must be one of {choices}; for another listener set "
                "LOGZIO_METRICS_LISTENER to its URL",
            )
        else:
            reader.problem(
                "LOGZIO_METRICS_LISTENER",
                f"must be set to the listener's URL, or LOGZIO_REGION to one of {choices}: no "
                f"Logz.io listener belongs to the AWS region {aws_region or 'unknown'}",
            )
        return ""
    suffix = "" if region.lower() == "us" else f"-{region.lower()}"
    return f"https://listener{suffix}.logz.io:8053"


def _allowed_hosts(text: str) -> tuple[str, ...]:
    hosts = tuple(host.strip().lower() for host in text.split(",") if host.strip())
    for host in hosts:
        if not _ALLOWED_HOST.fullmatch(host):
            raise ValueError("must list host names or *.domain")
    return hosts


def _whole_number(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
        raise ValueError("must be a whole number above zero")
    return int(text)


def _concurrency(text: str) -> int:
    number = _whole_number(text)
    if number > _MAX_CONCURRENCY:
        raise ValueError(f"must be at most {_MAX_CONCURRENCY}")
    return number


def _label_value(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("must be text in UTF-8") from None
    return text


def _seconds(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,6})?", text) or float(text) <= 0:
        raise ValueError("must be a number of seconds above zero")
    return float(text)
