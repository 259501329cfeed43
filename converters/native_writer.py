"""Native histograms of a delivery, written into bodies of their own."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from converters.points import DropReason
from converters.series import VALUE, encode_time_series
from converters.wire import encode_field, encode_varint

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
        written = 0
        late = [point for point in points if point.histogram.timestamp < self._late_before]
        for writer, part in (
            (self._lanes.native_earlier, late),
            (self._lanes.native_later, points[len(late) :]),
        ):
            for chunk in self._chunks(labels, part):
                writer.add(encode_time_series(labels, chunk), len(chunk))
                written += len(chunk)
        self.series += bool(written)

    def _chunks(self, labels: bytes, points: Iterable[NativePoint]) -> list[list[bytes]]:
        """
        Cut the histograms of one series, encoded in field 4, into runs that fit a request.

        A run ends only where the next histogram does not fit, so that no two
        runs of a series ever fit one body.
        """
        chunks: list[list[bytes]] = []
        size = 0
        for point in points:
            histogram = encode_field(b"\x22", point.histogram.SerializeToString())
            if not self._fits(len(labels) + len(histogram)):
                self.dropped[DropReason.OVERSIZED] += 1
            elif chunks and self._fits(size + len(histogram)):
                chunks[-1].append(histogram)
                size += len(histogram)
            else:
                chunks.append([histogram])
                size = len(labels) + len(histogram)
        return chunks

    def _fits(self, length: int) -> bool:
        """Tell whether a TimeSeries with a content of that length fits a request."""
        return 1 + len(encode_varint(length)) + length <= self._lanes.max_bytes
