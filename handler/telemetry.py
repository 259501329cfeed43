"""Log lines and EMF metrics of the function.

No line and no metric holds a token, a key or a part of one; the beginning of its SHA-256 stands
for a token.
"""

import contextlib
import hashlib
import json
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from converters.convert import Conversion
from converters.reasons import DropReason, WarnReason
from handler.account import Sent
from handler.delivery import Delivery
from handler.redaction import cut
from handler.result import DeliveryResult, malformed_records
from handler.settings import LOG_LEVELS, SERVICE

_NAMESPACE = "MetricStreamLambda"

# Of metrics that do not count.
_UNITS = {
    "DeliveryMilliseconds": MetricUnit.Milliseconds,
    "OldestPointAgeSeconds": MetricUnit.Seconds,
}

# Every line of a delivery has these keys.
_KEYS = ("firehose_request_id", "source_arn", "account", "lambda_request_id", "token_id")

# No line exceeds 64 kB: it has at most two long texts beside the five keys. A text is cut before it
# is searched for secrets, which takes time in proportion to it.
_MAX_TEXT = 10_000
_MAX_TEXT_BYTES = 24_000
_MAX_KEY_BYTES = 2_000

# Thousands of records may be malformed; nobody reads that many lines.
_MAX_ERROR_LINES = 10

# Warnings about metrics, by the converter's reasons.
_METRIC_WARNINGS = {
    DropReason.CASE_COLLISION: "two metrics differ only in what lower-casing, sanitising or "
    "MAX_LABELS removes and became one series; LABEL_VALUE_CASE=keep keeps their values apart",
    DropReason.NAME_COLLISION: "two metrics or label sets have the same names in NAMING_PROFILE's "
    "profile and became one series; only the points with the larger count were sent",
    DropReason.RELABEL: "WRITE_RELABEL_CONFIGS made one series of several that have points of the "
    "same time, so only those with the larger count were sent",
    DropReason.UNIT_CONFLICT: "points of one series have different units and the same time, so "
    "only those with the larger count were sent; UNIT_LABEL=true keeps the units apart",
    DropReason.IN_THE_FUTURE: "points are more than 10 minutes ahead of the delivery's time, and "
    "were not sent; the clock of what publishes them may be wrong",
    WarnReason.MANY_LABELS: "series have more than 30 labels, which many servers refuse or cut; "
    "MAX_LABELS leaves point attributes out",
    WarnReason.METADATA: "metrics with one name have different units or types; the metadata that "
    "was sent is that of the first one",
    WarnReason.ATTRIBUTES_LEFT_OUT: "point attributes were left out of the labels of series, which "
    "would have had more than MAX_LABELS",
}

# Of each reason at most this many metrics are named.
_MAX_METRICS_LOGGED = 100

# The caller of a method of Telemetry is the place that a line names.
_CALLER = 3


def token_id(token: str | None) -> str:
    """Return what may be logged of a token: the first 8 hex digits of its SHA-256."""
    if not token:
        return ""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def traceback_of(error: BaseException, *, with_text: bool = True) -> str:
    """Return where an error was raised, and why unless its text may hold an unknown secret.

    Of a long one the end is returned, where the reason is.
    """
    if with_text:
        pieces = traceback.format_exception(error)
    else:
        pieces = traceback.format_tb(error.__traceback__)
    while len(pieces) > 1 and sum(map(len, pieces)) > _MAX_TEXT:
        pieces = pieces[1 + len(pieces) // 10 :]
    return cut("".join(pieces), _MAX_TEXT)


class Telemetry:
    """Writes log lines and metrics to standard output, where Lambda collects them.

    Args:
        environ: The function's environment variables.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        level = environ.get("POWERTOOLS_LOG_LEVEL", "").strip().upper()
        self._logger = Logger(
            service=environ.get("POWERTOOLS_SERVICE_NAME") or SERVICE,
            # An unknown level is a settings error, which has to be logged too.
            level=level if level in LOG_LEVELS else "INFO",
        )
        self._redact: Callable[[str], str] = str
        self._function_name = environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
        self._metrics_logged: dict[str, set[str]] = {reason: set() for reason in _METRIC_WARNINGS}

    @contextlib.contextmanager
    def delivery(self) -> Iterator[None]:
        """Add the keys of one delivery to every line in the block, empty until they are known."""
        self._logger.append_keys(**dict.fromkeys(_KEYS, ""))
        try:
            yield
        finally:
            # Lines between deliveries must not carry the keys of the last one.
            self._logger.remove_keys(_KEYS)
            self._redact = str

    def redact_with(self, redact: Callable[[str], str]) -> None:
        """Apply a redactor to every further text of this delivery."""
        self._redact = redact

    def add_keys(self, **keys: str) -> None:
        """Add keys to every further line of this delivery."""
        self._logger.append_keys(**self._redacted(keys, _MAX_KEY_BYTES))

    def add_stream_keys(self, request_id: str, source_arn: str) -> None:
        """Add what is known of the request and of its Firehose stream, likewise."""
        # arn:aws:firehose:<region>:<account>:deliverystream/<name>
        parts = source_arn.split(":")
        self.add_keys(
            firehose_request_id=request_id,
            source_arn=source_arn,
            account=parts[4] if len(parts) > 4 else "",
        )

    def info(self, message: str, **values: Any) -> None:
        """Write a line of level INFO."""
        self._logger.info(self._shown(message), extra=self._redacted(values), stacklevel=_CALLER)

    def warning(self, message: str, **values: Any) -> None:
        """Write a line of level WARNING."""
        self._logger.warning(self._shown(message), extra=self._redacted(values), stacklevel=_CALLER)

    def error(self, message: str, **values: Any) -> None:
        """Write a line of level ERROR."""
        self._logger.error(self._shown(message), extra=self._redacted(values), stacklevel=_CALLER)

    def _redacted(
        self, values: Mapping[str, Any], max_bytes: int = _MAX_TEXT_BYTES
    ) -> dict[str, Any]:
        return {
            key: self._shown(value, max_bytes) if isinstance(value, str) else value
            for key, value in values.items()
        }

    def _shown(self, text: str, max_bytes: int = _MAX_TEXT_BYTES) -> str:
        """Return a text without secrets, and cut to what it takes in a line of JSON."""
        text = self._redact(cut(text, _MAX_TEXT))
        while len(json.dumps(text, ensure_ascii=False).encode("utf-8", "replace")) > max_bytes:
            text = cut(text, len(text) // 2)
        return text

    def report(
        self,
        delivery: Delivery,
        conversion: Conversion,
        sent: Sent,
        result: DeliveryResult,
        milliseconds: float,
        now: float,
    ) -> None:
        """Write a line for each problem of a delivery, then one with its numbers, and metrics.

        Samples made = accepted + rejected + dropped + undelivered.

        Args:
            delivery: The delivery.
            conversion: The bodies made of it, and what was dropped.
            sent: What happened to the samples in the bodies.
            result: What is answered.
            milliseconds: How long it took.
            now: The time of the answer, in seconds since the epoch.
        """
        self._log_errors(result)
        self.report_sending(sent)
        self.warn_of_metrics(conversion)
        malformed = len(malformed_records(delivery, conversion))
        self.info(
            "delivery",
            status=result.status,
            records=len(delivery.records),
            malformed_records=malformed,
            **numbers_of(conversion, sent),
            duration_ms=round(milliseconds, 1),
        )
        values = {
            "Records": len(delivery.records),
            "DataPoints": conversion.data_points,
            "SamplesSent": sent.accepted,
            "SamplesRejected": sent.rejected,
            "PointsDropped": sum(conversion.dropped_points.values()),
            "MalformedRecords": malformed,
            "ListenerRetries": sent.retries,
            "DeliveryMilliseconds": milliseconds,
        }
        if conversion.oldest_ms is not None:
            values["OldestPointAgeSeconds"] = max(0.0, now - conversion.oldest_ms / 1000)
        if conversion.attributes_left_out:
            values["AttributesLeftOut"] = conversion.attributes_left_out
        if sent.settled_unknown:
            values["SettledUnknown"] = sent.settled_unknown
        self.write_metrics(values)
        for reason, points in conversion.dropped_points.items():
            self.write_metrics({"PointsDropped": points}, Reason=reason)
        for reason, samples in sent.rejected_by_reason.items():
            self.write_metrics({"SamplesRejected": samples}, Reason=reason)

    def _log_errors(self, result: DeliveryResult) -> None:
        for words in result.errors[:_MAX_ERROR_LINES]:
            self.error(words)
        if len(result.errors) > _MAX_ERROR_LINES:
            self.error(f"and {len(result.errors) - _MAX_ERROR_LINES} more errors")

    def report_sending(self, sent: Sent) -> None:
        """Write a line for each thing that the listener said beside accepting everything."""
        for error in sent.errors:
            self.error("unforeseen error", traceback=traceback_of(error))
        for refusal in sent.refusals:
            self.warning(
                "the listener rejected samples for good",
                reason=str(refusal.reason),
                samples=refusal.samples,
                listener_words=refusal.words,
                settled_unknown=refusal.settled_unknown,
                example=refusal.example,
            )
        for words in sent.warnings:
            self.warning("the listener accepted samples with a warning", listener_words=words)

    def warn_of_metrics(self, conversion: Conversion) -> None:
        """Write a line for each metric that the converter warns of, once for each reason."""
        for reason, metrics in conversion.warnings.items():
            logged = self._metrics_logged[reason]
            new = sorted({cut(metric, _MAX_TEXT) for metric in metrics} - logged)[
                : _MAX_METRICS_LOGGED - len(logged)
            ]
            logged.update(new)
            for metric in new:
                self.warning(_METRIC_WARNINGS[reason], metric=metric)

    def write_metrics(self, values: Mapping[str, float], **dimensions: str) -> None:
        """Write metrics of the function, with further dimensions."""
        # A new object for each document: the shared one of Powertools keeps its dimensions.
        metrics = EphemeralMetrics(namespace=_NAMESPACE)
        # Powertools makes the variable POWERTOOLS_SERVICE_NAME a dimension, which no alarm has.
        metrics.service = ""
        if self._function_name:
            metrics.add_dimension("FunctionName", self._function_name)
        for name, text in dimensions.items():
            metrics.add_dimension(name, text)
        for name, value in values.items():
            metrics.add_metric(name, _UNITS.get(name, MetricUnit.Count), value)
        metrics.flush_metrics()


def numbers_of(conversion: Conversion, sent: Sent) -> dict[str, Any]:
    """Return what a log line says about points, samples and requests."""
    return {
        "points": conversion.data_points,
        "points_dropped": dict(conversion.dropped_points),
        "points_without_statistics": conversion.points_without_statistics,
        "series": conversion.series,
        "samples": conversion.samples,
        "samples_sent": sent.accepted,
        "samples_rejected": sent.rejected,
        "samples_rejected_by_reason": dict(sent.rejected_by_reason),
        "settled_unknown": sent.settled_unknown,
        "samples_dropped": dict(conversion.dropped_samples),
        "samples_undelivered": sent.undelivered,
        "attributes_left_out": conversion.attributes_left_out,
        "bytes": sent.bytes,
        "requests": sent.requests,
        "retries": sent.retries,
    }
