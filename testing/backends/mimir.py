"""Grafana Mimir, and Grafana Cloud: the good samples beside a refused one are stored."""

from collections.abc import Sequence
from typing import ClassVar

from testing.backends.backend import Backend, Limits, Refusal, failure, first, named, rfc3339
from testing.backends.head import Kind
from testing.http_server import Reply

_MAX_SHOWN = 200

_HEAD_TEXTS = {
    Kind.OUT_OF_ORDER: (
        "another sample with a more recent timestamp has already been ingested and out-of-order "
        "samples are not allowed (err-mimir-sample-out-of-order)"
    ),
    Kind.DUPLICATE: (
        "another sample with the same timestamp, but a different value, has already been "
        "ingested (err-mimir-sample-duplicate-timestamp)"
    ),
    Kind.TOO_OLD: (
        "another sample with a more recent timestamp has already been ingested and this sample "
        "is beyond the out-of-order time window of {hours}h (err-mimir-sample-timestamp-too-old)"
    ),
    Kind.OUT_OF_BOUNDS: "its timestamp is too old (err-mimir-sample-timestamp-too-old)",
}

_DISTRIBUTOR_TEXTS = {
    Kind.MANY_LABELS: (
        (
            "received a series whose number of labels exceeds the limit (actual: {labels}, limit: "
            "{max_labels}) series: '{series:.200}{ellipsis}' (err-mimir-max-label-names-per-series)"
        ),
        "validation.max-label-names-per-series",
    ),
    Kind.LONG_VALUE: (
        (
            "received a series whose label value length exceeds the limit, label: '{label}', "
            "value: '{value:.200}' (truncated) series: '{series:.200}' "
            "(err-mimir-label-value-too-long)"
        ),
        "validation.max-length-label-value",
    ),
    Kind.FUTURE: (
        (
            "received a sample whose timestamp is too far in the future, timestamp: {at_ms} "
            "series: '{name:.200}' (err-mimir-too-far-in-future)"
        ),
        "validation.create-grace-period",
    ),
    Kind.PAST: (
        (
            "received a sample whose timestamp is too far in the past, timestamp: {at_ms} "
            "series: '{name:.200}' (err-mimir-too-far-in-past)"
        ),
        "validation.past-grace-period",
    ),
}


class Mimir(Backend):
    """A Mimir with one ingester."""

    default_limits: ClassVar[Limits] = Limits(max_labels=30, max_value=2048)

    def _refuse(self, refusals: Sequence[Refusal]) -> Reply:
        refusal = first(refusals)
        if refusal.kind in _DISTRIBUTOR_TEXTS:
            return failure(400, self._checked(refusal))
        text = self._ingested(refusal)
        return failure(400, f"failed pushing to ingester mimir-1: user=anonymous: {text}")

    def _ingested(self, refusal: Refusal) -> str:
        """Return the ingester's words, in which the labels come after the id."""
        if refusal.kind is Kind.SERIES_LIMIT:
            text = f"per-user series limit of {self.limits.max_series} exceeded "
            return _adjustable(
                f"{text}(err-mimir-max-series-per-user)", "ingester.max-global-series-per-user"
            )
        reason = _HEAD_TEXTS[refusal.kind].format(hours=self.limits.window_ms // 3_600_000)
        return (
            f"the sample has been rejected because {reason}. The affected sample has timestamp "
            f"{rfc3339(refusal.at_ms)} and is from series {named(refusal.labels)}"
        )

    def _checked(self, refusal: Refusal) -> str:
        """Return the distributor's words, in which the labels come before the id."""
        text, flag = _DISTRIBUTOR_TEXTS[refusal.kind]
        series = named(refusal.labels)
        label, value = max(refusal.labels, key=lambda pair: len(pair[1].encode()))
        filled = text.format(
            labels=len(refusal.labels),
            max_labels=self.limits.max_labels,
            series=series,
            ellipsis="\u2026" if len(series) > _MAX_SHOWN else "",
            label=label,
            value=value,
            at_ms=refusal.at_ms,
            name=dict(refusal.labels)["__name__"],
        )
        return _adjustable(filled, flag)


def _adjustable(text: str, flag: str) -> str:
    return (
        f"{text}. To adjust the related per-tenant limit, configure -{flag}, or contact your "
        "service administrator."
    )
