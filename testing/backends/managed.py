"""Amazon Managed Service for Prometheus: Cortex, with 429 for a limit of the workspace."""

from collections.abc import Sequence
from typing import ClassVar

from testing.backends.backend import Limits, failure
from testing.backends.cortex import Cortex
from testing.backends.head import Sample
from testing.http_server import Reply


class Managed(Cortex):
    """A workspace, which refuses new series with 429 when it has too many.

    Args:
        limits: What it takes; None: what a workspace takes by default.
        throttled: How many requests, from the first on, exceed the ingestion rate; nothing of
            them is stored.
    """

    default_limits: ClassVar[Limits] = Limits(max_labels=70, max_value=2048)
    limit_status: ClassVar[int] = 429
    limit_text: ClassVar[str] = (
        "user=123456789012_ws-1: per-user series limit of {most} exceeded, please contact "
        "administrator to raise it"
    )

    def __init__(self, limits: Limits | None = None, throttled: int = 0) -> None:
        super().__init__(limits)
        self._throttled = throttled

    def _turn_away(self, samples: Sequence[Sample]) -> Reply | None:
        if not self._throttled:
            return None
        self._throttled -= 1
        return failure(
            429,
            f"ingestion rate limit (170000) exceeded while adding {len(samples)} samples and 0 "
            "metadata",
        )
