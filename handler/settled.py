"""What the listener has already said about data points that it was sent one by one.

A delivery with many bad samples may need more requests than its time allows. What they have
settled is remembered, so that the redelivery goes on instead of beginning anew.
"""

import hashlib
import threading
from collections.abc import Mapping

from converters.split import DataPoint
from handler.verdict import Reason

MAX_SETTLED = 20_000


class SettledPoints:
    """The data points that a listener has accepted or refused; safe for several threads.

    Only a body that is refused is looked up here, point by point.

    Args:
        known: What an earlier object of this class has remembered.
    """

    def __init__(self, known: Mapping[str, str] | None = None) -> None:
        self._lock = threading.Lock()
        self._reasons = dict(known or {})

    def reason_for(self, digest: str) -> Reason | None:
        """Return why a point was refused; None where it was accepted.

        Raises:
            KeyError: It is not remembered.
        """
        reason = self._reasons[digest]
        return Reason(reason) if reason else None

    def remember(self, digest: str, reason: Reason | None) -> None:
        """Remember a point that was accepted (None), or refused for a reason that lasts."""
        if reason is not None and not reason.lasts:
            return
        with self._lock:
            self._reasons[digest] = reason or ""
            if len(self._reasons) > MAX_SETTLED:
                del self._reasons[next(iter(self._reasons))]

    def snapshot(self) -> dict[str, str]:
        """Return what is remembered, to be given to a new object as `known`."""
        with self._lock:
            return self._reasons.copy()


def digest_of(point: DataPoint, scope: bytes) -> str:
    """Return the key of a data point in `SettledPoints`.

    Args:
        point: The data point.
        scope: The `scope` of the endpoint that it is sent to.
    """
    return hashlib.sha256(scope + point.content).hexdigest()[:32]
