"""Cortex: the good samples beside a refused one are stored."""

from collections.abc import Sequence
from typing import ClassVar

from testing.backends.backend import (
    Backend,
    Limits,
    Refusal,
    braced,
    failure,
    first,
    named,
    quoted,
    rfc3339,
)
from testing.backends.head import Kind
from testing.http_server import Reply

_MAX_SHOWN = 200


class Cortex(Backend):
    """A Cortex with one ingester."""

    default_limits: ClassVar[Limits] = Limits(max_labels=30, max_value=2048)
    limit_status: ClassVar[int] = 400
    """The status where a tenant has too many series."""
    limit_text: ClassVar[str] = (
        "user=fake: per-user series limit of {most} exceeded, please contact administrator to "
        "raise it (local limit: 0 global limit: {most} actual local limit: {most})"
    )

    def _refuse(self, refusals: Sequence[Refusal]) -> Reply:
        refusal = first(refusals)
        kind, limits = refusal.kind, self.limits
        if kind is Kind.SERIES_LIMIT:
            return failure(self.limit_status, self.limit_text.format(most=limits.max_series))
        if kind in (Kind.FUTURE, Kind.PAST):
            name = dict(refusal.labels)["__name__"][:_MAX_SHOWN]
            age = "new" if kind is Kind.FUTURE else "old"
            return failure(400, f"timestamp too {age}: {refusal.at_ms} metric: {quoted(name)}")
        series = named(refusal.labels)
        if kind is Kind.MANY_LABELS:
            return failure(
                400,
                f"series has too many labels (actual: {len(refusal.labels)}, limit: "
                f"{limits.max_labels}) series: '{series}'",
            )
        if kind is Kind.LONG_VALUE:
            label, value = max(refusal.labels, key=lambda pair: len(pair[1].encode()))
            return failure(
                400,
                f"label value too long for metric (actual: {len(value.encode())}, limit: "
                f"{limits.max_value}) metric: {quoted(series[:_MAX_SHOWN])} label name: "
                f"{quoted(label)} label value: {quoted(value[:_MAX_SHOWN])}",
            )
        return failure(400, f"user=fake: {_ingested(refusal)}")


def _ingested(refusal: Refusal) -> str:
    """Return the ingester's words about a sample that the head refuses."""
    series = braced(refusal.labels)
    if refusal.kind is Kind.DUPLICATE:
        return f"err: {refusal.kind.value}. series={series}"
    return f"err: {refusal.kind.value}. timestamp={rfc3339(refusal.at_ms)}, series={series}"
