"""Prometheus as a receiver: of a request of 1.0 all is stored or nothing, of 2.0 what is good."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from testing.backends.backend import Backend, Limits, Refusal, braced, failure
from testing.backends.head import Kind, Sample
from testing.http_server import Reply


class PrometheusStandIn(Backend):
    """A Prometheus; `testing.servers.Prometheus` runs a real one.

    Args:
        limits: Those of labels and series do not apply. `future_ms` applies from 2.54 on.
        version: Before 2.45 a sample that is older than an out-of-order window is answered with
            500. Before 2.54 a sample ahead of the clock is stored, and samples an hour older
            than it are refused from then on.
    """

    whole: ClassVar[bool] = True

    def __init__(self, limits: Limits | None = None, version: tuple[int, int] = (3, 0)) -> None:
        super().__init__(limits)
        self._version = version

    def _accept(self) -> Reply:
        return Reply(204)

    def _refuse(self, refusals: Sequence[Refusal]) -> Reply:
        kind = refusals[0].kind
        status = 500 if kind is Kind.TOO_OLD and self._version < (2, 45) else 400
        return failure(status, kind.value)

    def _invalid(self, sample: Sample) -> Kind | None:
        return None if self._version < (2, 54) else super()._invalid(sample)


class PrometheusOf2(PrometheusStandIn):
    """A Prometheus that gets remote write 2.0 alone, and says how much it has written."""

    whole: ClassVar[bool] = False

    def _take(self, samples: Sequence[Sample]) -> list[Refusal]:
        refusals = super()._take(samples)
        self._written = len(samples) - len(refusals)
        return refusals

    def _refuse(self, refusals: Sequence[Refusal]) -> Reply:
        written = {"X-Prometheus-Remote-Write-Samples-Written": str(self._written)}
        lines = [f"{kind.value} for series {braced(labels)}" for kind, labels, *_ in refusals]
        return replace(failure(400, "\n".join(lines)), headers=written)
