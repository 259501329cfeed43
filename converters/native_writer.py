"""Native histograms of a delivery, written into bodies of their own."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from converters.points import DropReason
from converters.series import VALUE
from converters.wire import encode_field

if TYPE_CHECKING:
    from collections.abc import Iterable

    from converters.bodies import Lanes
    from converters.points import NativePoint


class NativeWriter:
    """
    Writes native histograms; a server without the feature refuses their bodies whole.

    Args:
        lanes: Where the bodies are put together.
        late_before: Histograms before this time, in ms since the epoch, go first.

    Attributes:
        series: How many series were written.
        dropped: How many points, each one histogram, were not written, by reason.
        collided: Metric base names of identities that became one series.
    """

    def __init__(self, lanes: Lanes, late_before: int) -> None:
        self._lanes = lanes
        self._late_before = late_before
        self.series = 0
        self.dropped: Counter[str] = Counter()
        self.collided: set[str] = set()

    def write(self, points: Iterable[NativePoint]) -> None:
        """Write all points, each series sorted by time, each time of a series once."""
        by_series: dict[bytes, dict[int, NativePoint]] = {}
        for point in points:
            slots = by_series.setdefault(point.group.series_labels(VALUE), {})
            self._place(slots, point)
        for labels, slots in by_series.items():
            self._write_series(labels, [point for _, point in sorted(slots.items())])

    def _place(self, slots: dict[int, NativePoint], new: NativePoint) -> None:
        """Of two histograms with one timestamp keep the larger count's, the later if equal."""
        milliseconds = new.histogram.timestamp
        old = slots.get(milliseconds)
        if old is None or new.count >= old.count:
            slots[milliseconds] = new
        if old is not None:
            same = old.group is new.group
            self.dropped[DropReason.DUPLICATE if same else DropReason.CASE_COLLISION] += 1
            if not same:
                self.collided.add(new.group.metric.base)

    def _write_series(self, labels: bytes, points: list[NativePoint]) -> None:
        self.series += 1
        late = [point for point in points if point.histogram.timestamp < self._late_before]
        for writer, part in (
            (self._lanes.native_earlier, late),
            (self._lanes.native_later, points[len(late) :]),
        ):
            whole = _encode(labels, part)
            if len(whole) <= self._lanes.max_bytes:
                if part:
                    writer.add(whole, len(part))
                continue
            for point in part:
                piece = _encode(labels, [point])
                if len(piece) > self._lanes.max_bytes:
                    self.dropped[DropReason.OVERSIZED] += 1
                else:
                    writer.add(piece, 1)


def _encode(labels: bytes, points: Iterable[NativePoint]) -> bytes:
    """Return a TimeSeries with its histograms in field 4."""
    histograms = [encode_field(b"\x22", p.histogram.SerializeToString()) for p in points]
    return encode_field(b"\x0a", labels + b"".join(histograms))
