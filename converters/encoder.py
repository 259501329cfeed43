"""From the data points of a whole delivery to remote-write bodies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from operator import ge

from converters.bodies import BodyWriter, Lanes, Piece
from converters.collisions import ambiguous_groups
from converters.columns import SAMPLE_HEADER
from converters.merge import Merged, Written
from converters.points import DeliveryPoints, Point, SummaryValues, percentiles_of
from converters.reasons import DropReason
from converters.rules import SeriesRules
from converters.series import SeriesGroup
from converters.statistics import AVERAGE, COLUMNS, quantile_statistic
from converters.times import DeliveryTimes
from converters.wire import (
    ZERO,
    average_of,
    double_bytes,
    encode_time_series,
    encode_varint,
    unsigned_of,
)


class Encoder:
    """Writes the points of one delivery into lanes of bodies.

    Args:
        lanes: Where the bodies are put together.
        native_lanes: Where those of native histograms are: a server without the feature refuses
            the whole request, so they never share one with samples.
        times: What the delivery's time says about the times of the points.
        rules: Which series are made.
        max_merged: How many samples may have to be merged.
        check_deadline: Called now and then; ends the work by raising an error.

    Attributes:
        written: What has been written so far, and what has not.
    """

    def __init__(
        self,
        lanes: Lanes,
        native_lanes: Lanes,
        times: DeliveryTimes,
        *,
        rules: SeriesRules,
        max_merged: int,
        check_deadline: Callable[[], None],
    ) -> None:
        self._lanes = lanes
        self._native_lanes = native_lanes
        self._times = times
        self._rules = rules
        self._selection = rules.selection
        self._timestamps: dict[bytes, bytes] = {}
        self._counts = _Counts()
        self.written = Written()
        self._merging = (max_merged, self.written, check_deadline, rules.profile.collision)

    def write(self, points: DeliveryPoints) -> None:
        """Write all points, the simple ones first, each kind in the order of the delivery.

        What has to be merged is merged in the order of the wire too, since the
        later of two equal samples wins, whatever form its point has.

        Raises:
            TooLargeError: More samples have to be merged than may be.
        """
        self._timestamps = {
            time: b"\x10" + encode_varint(milliseconds)
            for time, milliseconds in points.times.items()
        }
        for point in points.remove_after(self._times.latest):
            self._leave_out(point)
        ambiguous = ambiguous_groups(points, self._rules)
        to_merge = self._write_single(points, ambiguous)
        for group, periods in points.more.items():
            if group in ambiguous or not self._write_periods(group, periods, points.times):
                to_merge.add(group)
        if to_merge or points.general:
            merged = Merged(points.in_order(to_merge), *self._merging)
            merged.write(self._lanes, self._times)
        if points.native:
            merged = Merged(points.native, *self._merging, native=True)
            merged.write(self._native_lanes, self._times)

    def _leave_out(self, point: Point) -> None:
        """Count a point that is too far ahead of the delivery's time."""
        self.written.samples += len(point.samples)
        self.written.without_statistics += not point.samples
        for _ in point.samples:
            self.written.lose(point, DropReason.IN_THE_FUTURE)
        self.written.warnings[DropReason.IN_THE_FUTURE].add(point.group.metric.base)

    def _write_single(
        self, points: DeliveryPoints, ambiguous: set[SeriesGroup]
    ) -> set[SeriesGroup]:
        """Write the groups with one point; this is where nearly all of a delivery goes.

        Returns:
            Those that take more than writing them: ambiguous or too large for one body.
        """
        to_merge, written = set(), self.written
        more, times, timestamps, counts = points.more, points.times, self._timestamps, self._counts
        max_bytes, has_average = self._lanes.max_bytes, self._selection.has_average
        add_at = {time: self._writer_for(ms).add_point for time, ms in times.items()}
        for group, values in points.first.items():
            if group in more:
                continue
            if group in ambiguous:
                to_merge.add(group)
                continue
            time, count, total, minimum, percentiles, maximum, _ = values
            prefix, stamp = group.prefix, timestamps[time]
            if group.shape is None:
                # What nearly all groups have is written out; a loop takes longer.
                head_sum, head_count, head_min, head_max = group.heads[:4]
                # fmt: off
                pieces = [
                    head_sum, prefix, total or ZERO, stamp,
                    head_count, prefix, counts[count], stamp,
                    head_min, prefix, minimum or ZERO, stamp,
                    head_max, prefix, maximum or ZERO, stamp,
                ]
                # fmt: on
                if has_average:
                    for average in average_of(total, counts[count]):
                        pieces += group.heads[4], prefix, average, stamp
                dropped = 0
            else:
                pieces, dropped = self._some_columns(group, values)
            samples = len(pieces) // 4
            if percentiles:
                more_pieces, more_dropped = self._percentiles(group, percentiles, stamp)
                pieces += more_pieces
                samples += len(more_pieces) // 3
                dropped += more_dropped
            piece = b"".join(pieces)
            if len(piece) > max_bytes:
                to_merge.add(group)
                continue
            if samples:
                written.samples += samples
                written.series += samples
                add_at[time](piece, samples)
            if dropped or not samples:
                written.note_unmade(dropped, whole_point=not samples)
        return to_merge

    def _some_columns(self, group: SeriesGroup, values: SummaryValues) -> tuple[list[bytes], int]:
        """Return the pieces of a point that has not all columns, and how many rules drop."""
        stamp = self._timestamps[values[0]]
        row = zip(group.heads, self._row(group, values), strict=False)
        pieces = [piece for head, value in row for piece in (head, group.prefix, value, stamp)]
        return pieces, self._dropped_columns(group, values)

    def _percentiles(
        self, group: SeriesGroup, encoded: bytes, stamp: bytes
    ) -> tuple[list[bytes], int]:
        """Return the pieces of a point's percentiles, and how many rules drop."""
        pieces: list[bytes] = []
        dropped = 0
        for quantile, value in self._selected(encoded):
            head = group.quantile_head(quantile)
            if head:
                pieces += head, value, stamp
            else:
                dropped += 1
        return pieces, dropped

    def _row(self, group: SeriesGroup, values: SummaryValues) -> tuple[bytes, ...]:
        """Return the values of the columns of a group; the average last, if there is one."""
        _, count, total, minimum, _, maximum, _ = values
        counted = self._counts[count]
        row: tuple[bytes, ...] = (total or ZERO, counted, minimum or ZERO, maximum or ZERO)
        if self._selection.has_average:
            row += average_of(total, counted)
        if group.shape is None:
            return row
        return tuple([row[n] for n in group.shape.kept if n < len(row)])

    def _dropped_columns(self, group: SeriesGroup, values: SummaryValues) -> int:
        """Return how many columns of a point a rule drops."""
        if group.shape is None or not group.shape.dropped:
            return 0
        has_average = self._counts[values[1]] != ZERO
        return sum(has_average or COLUMNS[n] != AVERAGE for n in group.shape.dropped)

    def _selected(self, encoded: bytes) -> list[tuple[bytes, bytes]]:
        pairs, selected = percentiles_of(encoded), self._selection.percentiles
        return pairs if selected is None else [pair for pair in pairs if pair[0] in selected]

    def _writer_for(self, milliseconds: int) -> BodyWriter:
        """Return what packs the only sample of a series, by its time."""
        if milliseconds > self._times.now:
            return self._lanes.ahead
        return self._lanes.late if milliseconds < self._times.late_before else self._lanes.fresh

    def _write_periods(
        self, group: SeriesGroup, periods: list[SummaryValues], times: dict[bytes, int]
    ) -> bool:
        """Write a group with several points; False where that takes more than sorting them."""
        if not group.always_makes:
            return False
        when = [times[values[0]] for values in periods]
        ordered = periods
        if any(map(ge, when, when[1:])):
            if len(set(when)) < len(when):
                return False
            ordered = sorted(periods, key=lambda values: times[values[0]])
            when.sort()
        late_end, older_end, newest_end, late = self._times.stages(when)
        parts = (
            ordered[:late_end],
            ordered[late_end:older_end],
            ordered[older_end:newest_end],
            ordered[newest_end:],
        )
        made = _Made()
        pieces = [[self._encode_periods(group, part, made)] if part else [] for part in parts]
        if any(len(piece.content) > self._lanes.max_bytes for part in pieces for piece in part):
            return False
        *stages, ahead = pieces
        self._lanes.add_stages(stages, late=late)
        for piece in ahead:
            self._lanes.ahead.add(piece)
        self.written.samples += sum(piece.samples for part in pieces for piece in part)
        self.written.series += len(made.series)
        if made.dropped:
            self.written.note_unmade(made.dropped, whole_point=False)
        return True

    def _encode_periods(self, group: SeriesGroup, part: list[SummaryValues], made: _Made) -> Piece:
        """Return the TimeSeries of one group whose points are sorted by time.

        Args:
            group: The group.
            part: Its points.
            made: Gets what is made of them.
        """
        columns: list[list[bytes]] = [[] for _ in group.heads]
        by_quantile: dict[bytes, list[bytes]] = {}
        for values in part:
            stamp = self._timestamps[values[0]]
            for column, value in zip(columns, self._row(group, values), strict=False):
                column.append(value + stamp)
            if group.shape is not None:
                made.dropped += self._dropped_columns(group, values)
            if values[4]:
                for quantile, value in self._selected(values[4]):
                    by_quantile.setdefault(quantile, []).append(SAMPLE_HEADER + value + stamp)
        pieces: list[bytes] = []
        samples = 0
        heads = group.heads_of(len(part))
        for number, column in enumerate(columns):
            if column:
                # An average may be missing.
                usual = len(column) == len(part)
                head = heads[number] if usual else group.heads_of(len(column))[number]
                # The prefix ends with the header of the first sample.
                pieces += head, group.prefix, SAMPLE_HEADER.join(column)
                samples += len(column)
                made.series.add(number)
        series = len(pieces) // 3
        for quantile, of_quantile in by_quantile.items():
            labels = group.series(quantile_statistic(quantile))
            if labels is None:
                made.dropped += len(of_quantile)
                continue
            pieces.append(encode_time_series(b"".join(labels), of_quantile))
            samples += len(of_quantile)
            series += 1
            made.series.add(quantile)
        return Piece(b"".join(pieces), samples, series, group)


@dataclass
class _Made:
    """What is made of the points of a group.

    Attributes:
        series: The number of each column, and the quantile of each percentile.
        dropped: How many samples a rule drops.
    """

    series: set[int | bytes] = field(default_factory=set)
    dropped: int = 0


class _Counts(dict[bytes | None, bytes]):
    """SampleCount is an integer in OTLP and a double in remote write; few values recur."""

    def __missing__(self, count: bytes | None) -> bytes:
        encoded = self[count] = double_bytes(unsigned_of(count))
        return encoded
