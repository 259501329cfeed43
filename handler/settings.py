"""The operator's settings: environment variables, read once into one immutable object.

A setting is declared once, as an attribute of `Settings`: its variable, its parser, its default
and its docstring. `make docs` writes the table of docs/settings.md from that.
"""

from collections.abc import Mapping
from typing import Any

from converters.profiles.logzio import Logzio
from converters.relabel import parse_relabel_configs
from handler import naming, otlp_settings
from handler.auth import Auth
from handler.contradictions import contradictions
from handler.errors import SettingsError
from handler.json_settings import members_in
from handler.listener import MESSAGES, further_headers, otlp_headers
from handler.logzio_regions import logzio_listener
from handler.schemes import SCHEMES
from handler.sigv4 import external_id, role_arn, scope_name
from handler.variables import (
    Setting,
    choice,
    host_patterns,
    listener_url,
    mebibytes,
    optional,
    seconds,
    seconds_from,
    secret,
    secret_arn,
    true_or_false,
    utf_8,
    whole_number,
)

SERVICE = "metric-stream-lambda"

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def _scheme(text: str) -> type[Auth]:
    return SCHEMES[choice(*SCHEMES)(text)]


def _members(text: str) -> Mapping[str, str]:
    return members_in(text, VARIABLES)


class Settings:
    """All settings, checked. Its representation shows no value, since some are secrets.

    Args:
        values: The value of each variable in `DECLARED`.
        warnings: What works but deserves the operator's attention.
    """

    listener = Setting("LOGZIO_METRICS_LISTENER", listener_url)
    """The remote-write URL: `https://`, or `http://` with a warning. Default: the listener of
    `LOGZIO_REGION`."""

    logzio_region = Setting("LOGZIO_REGION", str.lower)
    """Region of the Logz.io account: `us`, `eu`, `uk`, `ca` or `au`. Default: in us-east-1,
    eu-central-1, eu-west-2, ca-central-1 and ap-southeast-2 the one of that AWS region. `none` with
    another endpoint."""

    scheme = Setting("REMOTE_WRITE_AUTH", _scheme, "bearer")
    """How requests are authenticated: with the token as `bearer` or `basic` (the token is
    `user:password`), not at all (`none`), or with AWS's signature (`sigv4`), as Amazon Managed
    Prometheus wants."""

    sigv4_region = Setting("SIGV4_REGION", scope_name)
    """AWS region that `sigv4` signs for. Default: the one in the URL, or the function's."""

    sigv4_service = Setting("SIGV4_SERVICE", scope_name, "aps")
    """AWS service that `sigv4` signs for."""

    sigv4_role_arn = Setting("SIGV4_ROLE_ARN", role_arn)
    """ARN of a role to assume before `sigv4` signs, such as one in the account of the workspace."""

    sigv4_external_id = Setting("SIGV4_EXTERNAL_ID", external_id)
    """External id that the trust policy of that role asks for."""

    message = Setting("REMOTE_WRITE_PROTOBUF_MESSAGE", choice(*MESSAGES), MESSAGES[0])
    """`prometheus.WriteRequest` (remote write 1.0) or `io.prometheus.write.v2.Request` (2.0); to a
    listener that does not know 2.0, 1.0 is sent."""

    headers = Setting("REMOTE_WRITE_HEADERS", further_headers, "{}")
    """JSON object of further headers, such as `{"X-Scope-OrgID":"tenant"}`. A `CUSTOM_LISTENER`
    gets them only if its host is that of `LOGZIO_METRICS_LISTENER`."""

    headers_arn = Setting("REMOTE_WRITE_HEADERS_ARN", secret_arn)
    """ARN of a secret or an SSM parameter that contains that object, instead."""

    naming_profile = Setting("NAMING_PROFILE", naming.profile, "logzio")
    """Names and labels of CloudWatch's series: `logzio`, `yace`, `cloudwatch_exporter` or `otel`;
    see [profiles.md](profiles.md)."""

    statistics = Setting("STATISTICS", optional(naming.statistics))
    """Comma list of the statistics to make of CloudWatch's points: `Average`, `Sum`, `Minimum`,
    `Maximum`, `SampleCount`, `p*` (all percentiles) or single ones, such as `p99.9`. Default: all
    that the profile has; `logzio` and `otel` have `Average` only if it is in the list."""

    external_labels = Setting("EXTERNAL_LABELS", naming.external_labels, "{}")
    """JSON object of labels for every series that has none of that name, such as
    `{"env":"production"}`."""

    dimension_labels = Setting("DIMENSION_LABELS", choice("keep", "snake_case"), "keep")
    """Labels of dimensions in the profile `yace`: `keep` (`dimension_InstanceId`) or `snake_case`
    (`dimension_instance_id`)."""

    relabel_configs = Setting("WRITE_RELABEL_CONFIGS", parse_relabel_configs)
    """Rules that change labels and drop series: Prometheus' `write_relabel_configs`, in YAML or
    JSON; see [relabelling.md](relabelling.md)."""

    label_value_case = Setting("LABEL_VALUE_CASE", optional(choice("lower", "keep")))
    """`lower` lower-cases label values, as Logz.io's dashboards expect; `keep` does not. Default:
    `lower` in the profile `logzio`, `keep` in all others."""

    unit_label = Setting("UNIT_LABEL", true_or_false, "false")
    """`true` adds the label `unit` with the metric's unit, such as `s` or `ms`, so that the points
    of one metric in two units stay apart."""

    # Eight labels are the converter's own: the name, the quantile and six of CloudWatch's metrics.
    max_labels = Setting("MAX_LABELS", optional(whole_number(10, 1_000)))
    """Most labels of a series, 10 to 1000: further point attributes are left out and counted.
    Default: no limit."""

    native_histograms = Setting("NATIVE_HISTOGRAMS", true_or_false, "false")
    """`true` sends exponential histograms as native histograms, in requests of their own."""

    send_metadata = Setting("SEND_METADATA", optional(true_or_false))
    """`true` sends type, unit and help of each metric: once an hour, or with remote write 2.0 in
    each request. Default: `true`, but with 1.0 and the profile `logzio` `false`."""

    otlp_endpoint = Setting(otlp_settings.ENDPOINT, listener_url)
    """URL of an OTLP endpoint, as it is, such as `https://collector.example.com/v1/metrics`. It
    takes the place of the listener, and the data points are sent in OTLP."""

    otlp_headers = Setting(otlp_settings.HEADERS, otlp_headers)
    """Its further headers: `name=value` in a list separated by commas, percent-encoded. A secret
    goes into `REMOTE_WRITE_HEADERS_ARN`."""

    otlp_milliseconds = Setting(otlp_settings.TIMEOUT, whole_number(1, 9_999_999), "10000")
    """Time for one request to it, as a whole, in milliseconds."""

    otlp_compression = Setting(
        "OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", choice("none", "gzip"), "none"
    )
    """`gzip` compresses the requests to it; `none` does not."""

    otlp_dimensions = Setting("OTLP_DIMENSIONS", choice("flatten", "keep"), "flatten")
    """`flatten` makes the members of CloudWatch's attribute `Dimensions` attributes of their own;
    `keep` leaves them in that map."""

    token = Setting("LOGZIO_METRICS_TOKEN", secret)
    """The token to ship with. Default: the access key of the request."""

    token_arn = Setting("LOGZIO_METRICS_TOKEN_ARN", secret_arn)
    """ARN of a secret or an SSM parameter that contains that token."""

    access_key = Setting("FIREHOSE_ACCESS_KEY", secret)
    """The access key that Firehose has to send. HTTP deliveries need it if there is a token or
    `REMOTE_WRITE_HEADERS_ARN`, if `REMOTE_WRITE_AUTH` is `none` or `sigv4`, or if one of the
    headers in another setting is a credential."""

    access_key_arn = Setting("FIREHOSE_ACCESS_KEY_ARN", secret_arn)
    """ARN of a secret or an SSM parameter that contains that key."""

    p8s_logzio_name = Setting("P8S_LOGZIO_NAME", utf_8, "logzio-otlp-metrics-stream")
    """Value of the label `p8s_logzio_name`. The default is that of the profile `logzio`; all others
    have no such label by default."""

    allowed_hosts = Setting("LISTENER_ALLOWED_HOSTS", host_patterns, "*.logz.io")
    """Hosts that the common attribute `CUSTOM_LISTENER` may name, separated by commas; by https
    only, except for loopback hosts."""

    # Fewer bytes may not hold one series with all its labels; the converter would drop every point.
    max_bytes = Setting("REMOTE_WRITE_MAX_BYTES", whole_number(10_000, 999_999_999), "1000000")
    """Largest size of a request before compression, at least 10000."""

    # Each concurrent request takes a connection and a thread.
    concurrency = Setting("REMOTE_WRITE_CONCURRENCY", whole_number(1, 128), "4")
    """Concurrent requests of one delivery, 1 to 128."""

    # Work stops half a second earlier, and an attempt needs a second.
    budget_seconds = Setting("DELIVERY_BUDGET_SECONDS", seconds_from(2), "25")
    """Time for a delivery, at least 2; keep it below the ingress's timeout (API Gateway: 29 s)."""

    timeout_seconds = Setting("LISTENER_TIMEOUT_SECONDS", seconds, "10")
    """Time for one request, as a whole."""

    transform_result = Setting("TRANSFORM_RESULT", choice("Dropped", "Ok"), "Dropped")
    """Result of a delivered record of a Firehose transformation: `Dropped` or `Ok`."""

    log_level = Setting("POWERTOOLS_LOG_LEVEL", choice(*LOG_LEVELS), "INFO")
    """Lowest level of log lines: `DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`."""

    service = Setting("POWERTOOLS_SERVICE_NAME", str, SERVICE)
    """The key `service` of log lines."""

    members = Setting("SETTINGS", _members, "{}")
    """JSON object of further variables, of the function or of the logs extension, such as
    `{"LABEL_VALUE_CASE":"keep","MAX_LABELS":30}`. It may name none that is set as a variable of its
    own, and hold no token, key or password."""

    aws_region = Setting("AWS_REGION", str)
    """Set by Lambda; decides Logz.io's region."""

    function_name = Setting("AWS_LAMBDA_FUNCTION_NAME", str)
    """Set by Lambda; the dimension `FunctionName` of metrics."""

    memory_bytes = Setting("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", mebibytes)
    """Set by Lambda; bounds the size of a delivery."""

    def __init__(self, values: Mapping[str, Any], warnings: tuple[str, ...] = ()) -> None:
        self.values = values
        self.warnings = warnings


DECLARED = tuple(value for value in vars(Settings).values() if isinstance(value, Setting))
"""Every setting, in the order of the documents."""

VARIABLES: tuple[str, ...] = tuple(setting.variable for setting in DECLARED)


_DEFAULTS: Mapping[str, Any] = {
    setting.variable: setting.parse(setting.default) for setting in DECLARED
}


def known_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the part of an environment that the settings are made of.

    What SETTINGS holds becomes variables of their own. If something is wrong with it, it stays as
    it is, for `read_settings` to report.
    """
    known = {name: environ[name] for name in VARIABLES if name in environ}
    try:
        members = _members(known.get("SETTINGS", "").strip() or "{}")
    except ValueError:
        return known
    twice = {name: environ[name] for name in members if environ.get(name, "").strip()}
    if twice:
        return known | twice
    known.pop("SETTINGS", None)
    return {**known, **members}


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Return the settings of an environment.

    Raises:
        SettingsError: One message with every problem found.
    """
    given = {name: text.strip() for name, text in known_variables(environ).items()}
    values: dict[str, Any] = {}
    problems: list[str] = []
    for setting in DECLARED:
        try:
            value = setting.parse(given.get(setting.variable) or setting.default)
        except ValueError as error:
            problems.append(f"{setting.variable} {error}")
            value = _DEFAULTS[setting.variable]
        values[setting.variable] = value
    problems += contradictions(values, given)
    problems += otlp_settings.contradictions(values, given, _DEFAULTS)
    if values["NAMING_PROFILE"] is not Logzio and not given.get("P8S_LOGZIO_NAME"):
        values["P8S_LOGZIO_NAME"] = ""
    if values[otlp_settings.ENDPOINT]:
        values |= otlp_settings.in_place_of_listener(values)
    elif not given.get("LOGZIO_METRICS_LISTENER") and not given.get(otlp_settings.ENDPOINT):
        try:
            values["LOGZIO_METRICS_LISTENER"] = logzio_listener(
                values["LOGZIO_REGION"], values["AWS_REGION"]
            )
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise SettingsError("settings: " + "; ".join(problems))
    if values["LOGZIO_METRICS_LISTENER"].lower().startswith("http:"):
        name = otlp_settings.ENDPOINT if values[otlp_settings.ENDPOINT] else otlp_settings.LISTENER
        return Settings(values, (f"{name} is an http:// URL: the token is sent unencrypted",))
    return Settings(values)
