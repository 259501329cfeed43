"""
What the function tells about itself: log lines and EMF metrics.

No line and no metric holds a token, a key or a part of one. What is told of a
token is the beginning of its SHA-256.
"""

from __future__ import annotations

import contextlib
import hashlib
import sys
from typing import IO, TYPE_CHECKING, Any, NamedTuple, cast

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from handler.redaction import Redactor
from handler.settings import LOG_LEVELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from converters.convert import Conversion
    from handler.account import Sent

_NAMESPACE = "MetricStreamLambda"
_SERVICE = "metric-stream-lambda"


class Report(NamedTuple):
    """
    A delivery in numbers. Samples made = accepted + rejected + dropped + undelivered.

    Attributes:
        records: How many records the delivery had.
        malformed: How many of them could not be decoded.
        conversion: What the converter made of them.
        sent: What became of the samples that were to be sent.
        status: What was answered.
        milliseconds: How long it took.
        oldest_age_seconds: The age of the oldest point; None without points.
    """

    records: int
    malformed: int
    conversion: Conversion
    sent: Sent
    status: int
    milliseconds: float
    oldest_age_seconds: float | None


def token_id(token: str | None) -> str:
    """Return what may be told of a token: the first 8 hex digits of its SHA-256."""
    if not token:
        return ""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()[:8]


# What every line of a delivery carries.
_KEYS = ("firehose_request_id", "source_arn", "account", "lambda_request_id", "token_id")

# The caller of a method here, as the place where a line was written.
_CALLER = 3


class _StandardOutput:
    """What is standard output at the time of writing, not at the time of the import."""

    def write(self, text: str) -> int:
        return sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


class Telemetry:
    """
    Writes log lines and metrics to standard output, where Lambda collects them.

    Args:
        environ: The function's environment variables.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        level = environ.get("POWERTOOLS_LOG_LEVEL", "").strip().upper()
        self._logger = Logger(
            service=environ.get("POWERTOOLS_SERVICE_NAME") or _SERVICE,
            # A level that does not exist is a problem of the settings, told there.
            level=level if level in LOG_LEVELS else "INFO",
            stream=cast("IO[str]", _StandardOutput()),
        )
        self._redact = Redactor()
        self._function_name = environ.get("AWS_LAMBDA_FUNCTION_NAME", "")

    @contextlib.contextmanager
    def one_delivery(self) -> Iterator[None]:
        """Make every line in the block carry the keys of one delivery, empty as long as unknown."""
        self._logger.append_keys(**dict.fromkeys(_KEYS, ""))
        try:
            yield
        finally:
            # Lines between deliveries must not carry the last one's keys.
            self._logger.remove_keys(_KEYS)
            self._redact = Redactor()

    def keep_out(self, redact: Redactor) -> None:
        """Let no line of this delivery hold any of the secrets."""
        self._redact = redact

    def learn(self, **keys: str) -> None:
        """Tell these keys of the delivery in every line from here on."""
        self._logger.append_keys(**self._redacted(keys))

    def info(self, message: str, **values: Any) -> None:
        """Write a line of level INFO."""
        self._logger.info(self._redact(message), extra=self._redacted(values), stacklevel=_CALLER)

    def warning(self, message: str, **values: Any) -> None:
        """Write a line of level WARNING."""
        self._logger.warning(
            self._redact(message), extra=self._redacted(values), stacklevel=_CALLER
        )

    def error(self, message: str, **values: Any) -> None:
        """Write a line of level ERROR."""
        self._logger.error(self._redact(message), extra=self._redacted(values), stacklevel=_CALLER)

    def _redacted(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {k: self._redact(v) if isinstance(v, str) else v for k, v in values.items()}

    def delivered(self, report: Report) -> None:
        """Write the one line of a delivery, and its metrics."""
        conversion, sent = report.conversion, report.sent
        self.info(
            "delivery",
            status=report.status,
            records=report.records,
            malformed_records=report.malformed,
            points=conversion.data_points,
            points_dropped=dict(conversion.dropped_points),
            series=conversion.series,
            samples=conversion.samples,
            samples_sent=sent.accepted,
            samples_rejected=sent.rejected,
            samples_dropped=dict(conversion.dropped_samples),
            samples_undelivered=sent.undelivered,
            bytes=sent.bytes,
            requests=sent.requests,
            retries=sent.retries,
            duration_ms=round(report.milliseconds, 1),
        )
        self._write_metrics(report)

    def _write_metrics(self, report: Report) -> None:
        conversion, sent = report.conversion, report.sent
        counts = {
            "Records": report.records,
            "DataPoints": conversion.data_points,
            "SamplesSent": sent.accepted,
            "SamplesRejected": sent.rejected,
            "PointsDropped": sum(conversion.dropped_points.values()),
            "MalformedRecords": report.malformed,
            "ListenerRetries": sent.retries,
        }
        metrics = self._metrics()
        for name, count in counts.items():
            metrics.add_metric(name, MetricUnit.Count, count)
        metrics.add_metric("DeliveryMilliseconds", MetricUnit.Milliseconds, report.milliseconds)
        if report.oldest_age_seconds is not None:
            metrics.add_metric(
                "OldestPointAgeSeconds", MetricUnit.Seconds, report.oldest_age_seconds
            )
        metrics.flush_metrics()
        for reason, points in conversion.dropped_points.items():
            by_reason = self._metrics()
            by_reason.add_dimension("Reason", reason)
            by_reason.add_metric("PointsDropped", MetricUnit.Count, points)
            by_reason.flush_metrics()

    def _metrics(self) -> EphemeralMetrics:
        # An object of its own for each document: the shared one keeps dimensions.
        metrics = EphemeralMetrics(namespace=_NAMESPACE)
        if self._function_name:
            metrics.add_dimension("FunctionName", self._function_name)
        return metrics
