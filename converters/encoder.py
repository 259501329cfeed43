"""From the data points of a whole delivery to remote-write bodies."""

from __future__ import annotations

from collections import Counter
from operator import attrgetter, ge
from typing import TYPE_CHECKING

from converters.checkpoint import checked
from converters.merge import Merged, encode_sample
from converters.native_writer import NativeWriter
from converters.points import (
    ZERO,
    DropReason,
    Point,
    SummaryValues,
    double_bytes,
    percentiles_of,
    quantile_statistic,
    unsigned_of,
)
from converters.series import SAMPLE_HEADER, SeriesGroup, encode_time_series, one_sample_head
from converters.wire import encode_varint

if TYPE_CHECKING:
    from collections.abc import Iterable

    from converters.bodies import BodyWriter, Lanes
    from converters.checkpoint import Checkpoint
    from converters.delivery import DeliveryPoints
    from converters.meter import Meter
    from converters.points import NativePoint

# Sum, count, minimum and maximum: every CloudWatch point has them.
_PLAIN_SAMPLES = 4

# What a remembered percentile costs beside its own bytes.
_QUANTILE_OVERHEAD_BYTES = 300


class Encoder:
    """
    Writes the points of one delivery into lanes of bodies.

    Args:
        lanes: Where the bodies are put together.
        late_before: Samples before this time, in ms since the epoch, go apart.
        checkpoint: Called now and then; what it raises ends the work.
        meter: Told what merging takes.

    Attributes:
        series: How many series were written.
        samples: How many samples were made, the dropped ones included.
        dropped_points: How many points have no sample left, by reason.
        dropped_samples: How many samples were made but not written, by reason.
        collided: Metric base names of identities that became one series.
    """

    def __init__(
        self, lanes: Lanes, late_before: int, checkpoint: Checkpoint, meter: Meter
    ) -> None:
        self._lanes = lanes
        self._meter = meter
        self._checkpoint = checkpoint
        self._late_before = late_before
        self._timestamps: dict[bytes, bytes] = {}
        self._counts = _Counts()
        self.series = 0
        self.samples = 0
        self.dropped_points: Counter[str] = Counter()
        self.dropped_samples: Counter[str] = Counter()
        self.collided: set[str] = set()

    def write(self, points: DeliveryPoints) -> None:
        """
        Write all points, the simple ones first, each kind in the order of the delivery.

        What has to be merged is merged in the order of the wire too, since the
        later of two equal samples wins, whatever form its point has.
        """
        self._timestamps = {
            time: b"\x10" + encode_varint(milliseconds)
            for time, milliseconds in points.times.items()
        }
        ambiguous = _ambiguous_groups(points)
        self.samples += sum(len(point.samples) for point in points.general)
        to_merge = self._write_single(points, ambiguous)
        self.samples += sum(map(_samples_of, points.more.values()))
        for group, periods in points.more.items():
            if group in ambiguous or not self._write_periods(group, periods, points.times):
                to_merge.add(group)
        if to_merge or points.general:
            self._write_general(points.in_order(to_merge))
        if points.native:
            self._write_native(points.native)

    def _write_single(
        self, points: DeliveryPoints, ambiguous: set[SeriesGroup]
    ) -> set[SeriesGroup]:
        """
        Write the groups with one point; this is where nearly all of a delivery goes.

        Returns:
            Those that take more than writing them: ambiguous or too large for one body.
        """
        to_merge = set()
        more, times, timestamps, counts = points.more, points.times, self._timestamps, self._counts
        max_bytes, late_before = self._lanes.max_bytes, self._late_before
        add_fresh, add_late = self._lanes.fresh.add, self._lanes.late.add
        for group, values in points.first.items():
            if group in more:
                continue
            time, count, total, minimum, percentiles, maximum, _ = values
            samples = _PLAIN_SAMPLES
            stamp = timestamps[time]
            head_sum, head_count, head_min, head_max = group.heads
            prefix = group.prefix
            piece = b"".join(
                (
                    *(head_sum, prefix, total or ZERO, stamp),
                    *(head_count, prefix, counts[count], stamp),
                    *(head_min, prefix, minimum or ZERO, stamp),
                    *(head_max, prefix, maximum or ZERO, stamp),
                )
            )
            if percentiles:
                pieces = [piece]
                for quantile, value in percentiles_of(percentiles):
                    pieces += (quantile_head(group, quantile), value, stamp)
                    samples += 1
                piece = b"".join(pieces)
            self.samples += samples
            if group in ambiguous or len(piece) > max_bytes:
                to_merge.add(group)
            else:
                self.series += samples
                (add_late if times[time] < late_before else add_fresh)(piece, samples)
        return to_merge

    def _write_periods(
        self, group: SeriesGroup, periods: list[SummaryValues], times: dict[bytes, int]
    ) -> bool:
        """Write a group with several points; False where that takes more than sorting them."""
        when = [times[values[0]] for values in periods]
        ordered = periods
        if any(map(ge, when, when[1:])):
            if len(set(when)) < len(when):
                return False
            ordered = sorted(periods, key=lambda values: times[values[0]])
        late = sum(milliseconds < self._late_before for milliseconds in when)
        lanes = self._lanes
        parts: list[tuple[BodyWriter, list[SummaryValues]]]
        if not late:
            parts = [(lanes.fresh, ordered)]
        elif late == len(ordered):
            parts = [(lanes.late, ordered)]
        else:
            parts = [(lanes.earlier, ordered[:late]), (lanes.later, ordered[late:])]
        pieces = [self._encode_periods(group, part) for _, part in parts]
        if max(map(len, pieces)) > lanes.max_bytes:
            return False
        for (writer, part), piece in zip(parts, pieces, strict=True):
            writer.add(piece, _samples_of(part))
        if not any(values[4] for values in ordered):
            self.series += _PLAIN_SAMPLES
            return True
        percentiles = {q for values in ordered for q, _ in percentiles_of(values[4])}
        self.series += _PLAIN_SAMPLES + len(percentiles)
        return True

    def _encode_periods(self, group: SeriesGroup, part: list[SummaryValues]) -> bytes:
        """Return the TimeSeries of one group whose points are sorted by time."""
        prefix = group.prefix
        sums: list[bytes] = []
        counts: list[bytes] = []
        minima: list[bytes] = []
        maxima: list[bytes] = []
        by_quantile: dict[bytes, list[bytes]] = {}
        for time, count, total, minimum, percentiles, maximum, _ in part:
            stamp = self._timestamps[time]
            sums += (SAMPLE_HEADER, total or ZERO, stamp)
            counts += (SAMPLE_HEADER, self._counts[count], stamp)
            minima += (SAMPLE_HEADER, minimum or ZERO, stamp)
            maxima += (SAMPLE_HEADER, maximum or ZERO, stamp)
            if percentiles:
                for quantile, value in percentiles_of(percentiles):
                    by_quantile.setdefault(quantile, []).append(SAMPLE_HEADER + value + stamp)
        heads = group.metric.heads(len(prefix) - len(SAMPLE_HEADER), len(part))
        # The prefix ends with the header of the first sample.
        sums[0] = counts[0] = minima[0] = maxima[0] = prefix
        pieces = [heads[0], *sums, heads[1], *counts, heads[2], *minima, heads[3], *maxima]
        for quantile, samples in by_quantile.items():
            series = group.series_labels(quantile_statistic(quantile))
            self._meter.keep(2 * len(series))
            pieces.append(encode_time_series(series, samples))
        return b"".join(pieces)

    def _write_general(self, general: Iterable[Point]) -> None:
        """Merge points sample by sample, and write the series that come out."""
        merged = Merged(checked(general, self._checkpoint), self._meter)
        for labels, samples in checked(merged.series.items(), self._checkpoint):
            self._write_series(labels, samples, merged)
        self.dropped_points += merged.dropped_points
        self.dropped_samples += merged.dropped_samples
        self.collided.update(group.metric.base for group in merged.collided)

    def _write_native(self, points: list[NativePoint]) -> None:
        native = NativeWriter(self._lanes, self._late_before)
        native.write(points)
        self.series += native.series
        self.samples += len(points)
        self.dropped_points += native.dropped
        self.dropped_samples += native.dropped
        self.collided |= native.collided

    def _write_series(
        self, labels: bytes, samples: list[tuple[int, Point, bytes]], merged: Merged
    ) -> None:
        late = [sample for sample in samples if sample[0] < self._late_before]
        fresh = samples[len(late) :]
        pieces: list[tuple[bytes, int]] = []
        for part in (late, fresh):
            for chunk in _chunks(labels, part, self._lanes.max_bytes):
                encoded = [encode_sample(ms, value) for ms, _, value in chunk]
                piece = encode_time_series(labels, encoded)
                if len(piece) > self._lanes.max_bytes:
                    for _, point, _ in chunk:
                        merged.lose(point, DropReason.OVERSIZED)
                else:
                    pieces.append((piece, len(chunk)))
        self.series += bool(pieces)
        write_in_order(self._lanes, pieces, has_late=bool(late), has_fresh=bool(fresh))


class _Counts(dict[bytes | None, bytes]):
    """SampleCount is an integer in OTLP and a double in remote write; few values recur."""

    def __missing__(self, count: bytes | None) -> bytes:
        encoded = self[count] = double_bytes(unsigned_of(count))
        return encoded


def quantile_head(group: SeriesGroup, quantile: bytes) -> bytes:
    """Return a percentile's TimeSeries of one sample up to the value, remembered."""
    if group.quantiles is None:
        group.quantiles = {}
    head = group.quantiles.get(quantile)
    if head is None:
        labels = group.series_labels(quantile_statistic(quantile))
        head = group.quantiles[quantile] = one_sample_head(labels)
        # Once here, and once in the piece of a body that it begins.
        group.metric.resource.cache.grow(2 * len(head) + _QUANTILE_OVERHEAD_BYTES)
    return head


def write_in_order(
    lanes: Lanes, pieces: list[tuple[bytes, int]], *, has_late: bool, has_fresh: bool
) -> None:
    """Write the pieces of one series, sorted by time, so that they are sent in that order."""
    if len(pieces) == 1:
        (lanes.late if has_late and not has_fresh else lanes.fresh).add(*pieces[0])
    elif len(pieces) == 2 and has_late and has_fresh:
        lanes.earlier.add(*pieces[0])
        lanes.later.add(*pieces[1])
    elif pieces:
        lanes.add_sequence(pieces)


def _ambiguous_groups(points: DeliveryPoints) -> set[SeriesGroup]:
    """
    Return the groups that may make a series which another group or point makes too.

    Two groups can only do so if all their labels but the name are equal.
    """
    groups = points.first.keys()
    others = {point.group for point in points.general}
    labels = attrgetter("prefix")
    if not others and len(set(map(labels, groups))) == len(groups):
        return set()
    owners = Counter(map(labels, groups | others))
    return {group for group in groups if owners[group.prefix] > 1 or group in others}


def _samples_of(periods: list[SummaryValues]) -> int:
    percentiles = 0
    for values in periods:
        if values[4]:
            percentiles += len(percentiles_of(values[4]))
    return _PLAIN_SAMPLES * len(periods) + percentiles


def _chunks(
    labels: bytes, samples: list[tuple[int, Point, bytes]], max_bytes: int
) -> Iterable[list[tuple[int, Point, bytes]]]:
    """Cut the samples of one series into runs that fit a request; at least one sample each."""
    # 10 bytes bound the series' own header, 22 the largest sample.
    most = max(1, (max_bytes - len(labels) - 10) // 22)
    return [samples[begin : begin + most] for begin in range(0, len(samples), most)]
