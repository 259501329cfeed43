"""Finding the data points that a listener refuses among those that it would take.

Prometheus refuses a whole WriteRequest for one bad sample. So a refused body is cut apart, and each
part sent once, down to a single data point; only what is refused alone is rejected.
"""

from collections import deque
from collections.abc import Iterable, Sequence

from converters.split import DataPoint

Part = Sequence[DataPoint]

# A request finds out the most where about half of them are refused. So a refusal makes the parts
# smaller, and an acceptance larger; where most points are bad, single ones stay single.
_SMALLER = 1 / 2
_LARGER = 2 ** (1 / 3)


class Isolation:
    """What is left to find out about one refused body.

    The size of the parts follows what the listener refuses: halves where little is bad, single
    points where most is.

    Args:
        periods: The body's data points, those of one series in different periods. The points of a
            period are settled before those of the next one are sent.
    """

    def __init__(self, periods: Iterable[Part]) -> None:
        self._periods = deque(filter(None, periods))
        # The smallest possible parts at the end, which are sent first.
        self._unsent: list[tuple[Part, bool]] = []
        self._under_way = 0
        self._points = sum(map(len, self._periods))
        self._size = max(1.0, self._points / 2)

    @property
    def is_settled(self) -> bool:
        """Whether every point is settled."""
        return not (self._periods or self._unsent or self._under_way)

    def take(self) -> Part | None:
        """Return what to send next; None while that has to wait for what is under way."""
        if not self._unsent:
            if self._under_way or not self._periods:
                return None
            self._unsent.append((self._periods.popleft(), False))
        points, refused = self._unsent.pop()
        size = int(self._size)
        if refused:
            # The same body is never sent again.
            size = min(size, len(points) // 2)
        if size < len(points):
            self._unsent.append((points[size:], False))
        self._under_way += 1
        return points[:size]

    def settle(self) -> None:
        """Note that the listener has settled a part."""
        self._under_way -= 1
        self._size = min(self._points, self._size * _LARGER)

    def refuse(self, part: Part) -> DataPoint | None:
        """Note that the listener has refused a part; return the point if it was a single one."""
        self._under_way -= 1
        self._size = max(1.0, self._size * _SMALLER)
        if len(part) == 1:
            return part[0]
        self._unsent.append((part, True))
        return None
