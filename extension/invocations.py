"""Which invocation a log line belongs to, and when an invocation has ended."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

# A line may arrive some invocations late, after a freeze.
_REMEMBERED = 32


class _Invocation(NamedTuple):
    began: str
    request_id: str


class Invocations:
    """The last invocations of this environment; safe for several threads.

    Args:
        one_at_a_time: Whether a line's time shows its invocation. On Managed Instances several
            run at once, and only the record itself shows it.

    Attributes:
        last_record: When telemetry last arrived, on the clock.
    """

    def __init__(self, clock: Callable[[], float], *, one_at_a_time: bool = True) -> None:
        self._clock = clock
        self._one_at_a_time = one_at_a_time
        self._recent: deque[_Invocation] = deque(maxlen=_REMEMBERED)
        self._done: dict[str, float] = {}
        self._changed = threading.Condition()
        self.last_record = clock()

    def invoked(self, request_id: str, time: str) -> None:
        """Note an INVOKE event that came at `time` (ISO 8601), before its `platform.start`."""
        with self._changed:
            # A retry has the request id of its first try, and a time of its own.
            if not self._recent or self._recent[-1].request_id != request_id:
                self._recent.append(_Invocation(time, request_id))

    def started(self, request_id: str, time: str) -> None:
        """Note a `platform.start`; its time is the platform's own and takes precedence."""
        with self._changed:
            # The try before a retry may have ended; the retry has not.
            self._done.pop(request_id, None)
            newest = len(self._recent) - 1
            for index in range(newest, -1, -1):
                known = self._recent[index]
                # A later start of an older request is a retry of it.
                if known.request_id == request_id and (
                    index == newest or time <= self._recent[newest].began
                ):
                    self._recent[index] = _Invocation(min(time, known.began), request_id)
                    return
            self._recent.append(_Invocation(time, request_id))

    def done(self, request_id: str, created: float) -> None:
        """Note a `platform.runtimeDone`, and when the platform created it, on the clock."""
        with self._changed:
            self._done[request_id] = created
            if len(self._done) > _REMEMBERED:
                del self._done[next(iter(self._done))]
            self._changed.notify_all()

    def of_line(self, named: str | None, time: str, *, by_time: bool) -> str | None:
        """Return the request id of a line, if known.

        Args:
            named: The request id in the line itself, which may be something else of the user's.
            time: When it was written.
            by_time: Whether to use the time of a line that names no invocation.
        """
        if not self._one_at_a_time:
            return named
        with self._changed:
            if any(known.request_id == named for known in self._recent):
                return named
            # Both times are the platform's ISO 8601 in UTC, which sorts as text.
            began = (it.request_id for it in reversed(self._recent) if time >= it.began)
            return next(began, None) if by_time else None

    def wait_until_done(
        self, request_id: str, until: float, quiet: float = math.inf
    ) -> float | None:
        """Wait for a request's `runtimeDone` until a moment on the clock.

        The wait also ends when no telemetry has come for `quiet` seconds.

        Returns:
            When the platform created it, on the clock; None if it did not come.
        """
        with self._changed:
            self.last_record = self._clock()
            waited_until = -math.inf
            while request_id not in self._done:
                now = self._clock()
                end = min(self.last_record + quiet, until)
                if end <= waited_until:
                    break
                self._changed.wait_for(lambda: request_id in self._done, max(end - now, 0.0))
                waited_until = end
            # Removed, since a retry has the same request id, and an end of its own.
            return self._done.pop(request_id, None)

    def is_done(self, request_id: str) -> bool:
        """Return whether a request's `runtimeDone` has come, however late."""
        with self._changed:
            return request_id in self._done
