"""From the data points of a whole delivery to remote-write bodies."""

from collections import Counter
from collections.abc import Callable
from operator import attrgetter, ge

from converters.bodies import BodyWriter, Lanes, Piece
from converters.merge import Merged, Written
from converters.points import DeliveryPoints, DropReason, Point, SummaryValues, percentiles_of
from converters.series import SAMPLE_HEADER, SeriesGroup, quantile_statistic
from converters.times import DeliveryTimes
from converters.wire import ZERO, double_bytes, encode_time_series, encode_varint, unsigned_of

# Sum, count, minimum and maximum: every CloudWatch point has them.
_PLAIN_SAMPLES = 4


class Encoder:
    """Writes the points of one delivery into lanes of bodies.

    Args:
        lanes: Where the bodies are put together.
        native_lanes: Where those of native histograms are: a server without the feature refuses
            the whole request, so they never share one with samples.
        times: What the delivery's time says about the times of the points.
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
        max_merged: int,
        check_deadline: Callable[[], None],
    ) -> None:
        self._lanes = lanes
        self._native_lanes = native_lanes
        self._times = times
        self._timestamps: dict[bytes, bytes] = {}
        self._counts = _Counts()
        self.written = Written()
        self._merging = (max_merged, self.written, check_deadline)

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
        ambiguous = _ambiguous_groups(points)
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
        max_bytes = self._lanes.max_bytes
        add_at = {time: self._writer_for(ms).add_point for time, ms in times.items()}
        for group, values in points.first.items():
            if group in more:
                continue
            if group in ambiguous:
                to_merge.add(group)
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
                    pieces += (group.quantile_head(quantile), value, stamp)
                    samples += 1
                piece = b"".join(pieces)
            if len(piece) > max_bytes:
                to_merge.add(group)
            else:
                written.samples += samples
                written.series += samples
                add_at[time](piece, samples)
        return to_merge

    def _writer_for(self, milliseconds: int) -> BodyWriter:
        """Return what packs the only sample of a series, by its time."""
        if milliseconds > self._times.now:
            return self._lanes.ahead
        return self._lanes.late if milliseconds < self._times.late_before else self._lanes.fresh

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
            when.sort()
        late_end, older_end, newest_end, late = self._times.stages(when)
        parts = (
            ordered[:late_end],
            ordered[late_end:older_end],
            ordered[older_end:newest_end],
            ordered[newest_end:],
        )
        pieces = [[self._encode_periods(group, part)] if part else [] for part in parts]
        if any(len(piece.content) > self._lanes.max_bytes for part in pieces for piece in part):
            return False
        *stages, ahead = pieces
        self._lanes.add_stages(stages, late=late)
        for piece in ahead:
            self._lanes.ahead.add(piece)
        self.written.samples += sum(piece.samples for part in pieces for piece in part)
        percentiles = {q for values in ordered for q, _ in percentiles_of(values[4])}
        self.written.series += _PLAIN_SAMPLES + len(percentiles)
        return True

    def _encode_periods(self, group: SeriesGroup, part: list[SummaryValues]) -> Piece:
        """Return the TimeSeries of one group whose points are sorted by time."""
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
            for quantile, value in percentiles_of(percentiles):
                by_quantile.setdefault(quantile, []).append(SAMPLE_HEADER + value + stamp)
        pieces: list[bytes] = []
        heads = group.metric.heads(len(group.prefix) - len(SAMPLE_HEADER), len(part))
        for head, column in zip(heads, (sums, counts, minima, maxima), strict=True):
            # The prefix ends with the header of the first sample.
            pieces += (head, group.prefix, *column[1:])
        samples = _PLAIN_SAMPLES * len(part)
        for quantile, of_quantile in by_quantile.items():
            labels = group.series_labels(quantile_statistic(quantile))
            pieces.append(encode_time_series(labels, of_quantile))
            samples += len(of_quantile)
        return Piece(b"".join(pieces), samples, _PLAIN_SAMPLES + len(by_quantile), group)


class _Counts(dict[bytes | None, bytes]):
    """SampleCount is an integer in OTLP and a double in remote write; few values recur."""

    def __missing__(self, count: bytes | None) -> bytes:
        encoded = self[count] = double_bytes(unsigned_of(count))
        return encoded


def _ambiguous_groups(points: DeliveryPoints) -> set[SeriesGroup]:
    """Return the groups that may make a series which another group or point makes too.

    Two groups can only do so if all their labels but the name are equal.
    """
    groups = points.first.keys()
    others = {point.group for point in points.general}
    labels = attrgetter("prefix")
    if not others and len(set(map(labels, groups))) == len(groups):
        return set()
    owners = Counter(map(labels, groups | others))
    return {group for group in groups if owners[group.prefix] > 1 or group in others}
