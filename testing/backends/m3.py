"""M3: the time of a sample decides, not its order; the good samples beside it are stored."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar

from testing.backends.backend import Backend, Limits, Refusal, braced
from testing.backends.head import Kind, Sample
from testing.http_server import Reply


class M3(Backend):
    """A coordinator with one node of the database.

    Args:
        limits: Only `now_ms`, `past_ms` and `future_ms` apply.
    """

    default_limits: ClassVar[Limits] = Limits(past_ms=600_000, future_ms=120_000)

    def _judge(self, samples: Sequence[Sample]) -> list[Kind | None]:
        return [self._invalid(sample) for sample in samples]

    def _store(self, samples: Sequence[Sample]) -> None:
        # Of several values for a time the last one stays.
        for labels, at_ms, value in samples:
            self.stored.setdefault(labels, {})[at_ms] = value

    def _refuse(self, refusals: Sequence[Refusal]) -> Reply:
        last = (
            "failed to meet consistency level majority with 0/1 success, 1 nodes responded, "
            "errors: [error writing to host m3db_local: Error({Type:BAD_REQUEST Message:"
            f"{self._off(refusals[-1])} Flags:0}})]"
        )
        text = f"bad_request_errors: count={len(refusals)}, last={last}"
        body = json.dumps({"status": "error", "error": text}, separators=(",", ":"))
        return Reply(400, {"Content-Type": "application/json"}, body.encode() + b"\n")

    def _off(self, refusal: Refusal) -> str:
        """Return by how much a sample is too far off."""
        limits = self.limits
        assert limits.now_ms is not None
        if refusal.kind is Kind.FUTURE:
            side, limit_ms = "future", limits.now_ms() + limits.future_ms
        else:
            side, limit_ms = "past", limits.now_ms() - (limits.past_ms or 0)
        limit_ms = limit_ms // 1000 * 1000
        return (
            f"datapoint too far in {side}: id={braced(refusal.labels).replace(', ', ',')}, "
            f"off_by={_duration(abs(refusal.at_ms - limit_ms))}, "
            f"timestamp={_rfc822(refusal.at_ms)}, {side}_limit={_rfc822(limit_ms)}, "
            f"timestamp_unix_nanos={refusal.at_ms}000000, {side}_limit_unix_nanos={limit_ms}000000"
        )


def _rfc822(at_ms: int) -> str:
    """Write a time as Go's `time.RFC822Z`, in UTC."""
    return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%d %b %y %H:%M +0000}"


def _duration(milliseconds: int) -> str:
    """Write a duration as Go does: `1h40m0.5s`."""
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{rest / 1000:g}s"
    return (
        f"{hours}h{minutes}m{seconds}" if hours else f"{minutes}m{seconds}" if minutes else seconds
    )
